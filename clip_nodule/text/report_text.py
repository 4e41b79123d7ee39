"""Report text from semantic features: one statement a feature in random order, and an impression.

What enters the text is a list of columns, not whatever a table happens to hold: neither the outcome nor the
reader's level of suspicion is on it. (The prompt of the paper's ``notebook/tabular2text.ipynb`` asked for "the
suspiciousness of lung cancer", which lets the reader's guess at the outcome into a model's training text;
``with_suspicion`` brings it back for a comparison.) Missing values are left out; absent ones are stated, in the
findings only.
"""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from benchmark.errors import InputError
from clip_nodule.text.gemini import gemini_texts
from clip_nodule.text.template import template_texts

Backend = Literal["template", "gemini"]


def report_texts(
    nodules: pd.DataFrame,
    seed: int = 0,
    backend: Backend = "template",
    with_suspicion: bool = False,
    **gemini: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Report text of every nodule.

    The text of a nodule depends on the seed, its ids and its features alone, not on the rest of the table.

    Example::

        >>> import pandas as pd
        >>> from clip_nodule.text.report_text import report_texts
        >>> rows = {"pid": ["p1"], "nodule_id": "1", "nodule_consistency": "Solid", "nodule_margins": "Lobulated"}
        >>> report_texts(pd.DataFrame(rows))["impression"][0]
        'Uniformly solid nodule with lobulated margins.'

    Args:
        nodules: Nodule table with semantic columns.
        seed: Seed of order and wording.
        backend: ``template`` writes the text here; ``gemini`` asks Google's model (see ``gemini.gemini_texts``).
        with_suspicion: Let the reader's level of suspicion into the impression.
        gemini: Options of the gemini backend.

    Returns:
        Columns ``pid, nodule_id, findings, impression, text``, one row a nodule in the order of ``nodules``.
        Text is empty where no feature is known.

    Raises:
        InputError: A semantic column holds something that is no class of its feature.
    """
    if backend == "gemini":
        return gemini_texts(nodules, seed=seed, with_suspicion=with_suspicion, **gemini)
    if backend != "template":
        raise InputError(f"no text backend {backend!r} — use template or gemini")
    return template_texts(nodules, seed, with_suspicion)
