"""Colours of the models: the same model has the same colour in every figure."""

from __future__ import annotations

from collections.abc import Sequence

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F6000", "#5B5B5B")
"""Colours that colour-blind readers tell apart (Okabe and Ito 2008), without the yellow that vanishes on white."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""A second mark for what has run out of colours."""


def styles(models: Sequence[str]) -> dict[str, dict[str, str]]:
    """A colour and a dash for each model, in the order of their names."""
    return {
        model: {
            "color": OKABE_ITO[index % len(OKABE_ITO)],
            "dash": DASHES[index // len(OKABE_ITO) % len(DASHES)],
        }
        for index, model in enumerate(sorted(set(models)))
    }
