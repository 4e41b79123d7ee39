"""lungbl: ``,pid,scandate,label,prob`` with an unnamed index column, one row a scan.

``scandate`` is a day, or the year alone (its cohort ``ft_test_scan`` writes ``%Y``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.tables import read_tables, score_frame

CARD = ModelCard(
    name="lungbl",
    title="lungbl baseline",
    reference="github.com/MASILab/lcancer_baselines",
    inputs="CT or clinical factors, by configuration",
    unit="scan",
    endpoint="lung cancer",
    horizon_years=None,
    trained_on=None,
    licence="not stated",
    options=("score_type",),
    note="Which configuration and cohort a file is of stands only in its name: give --model.",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read ``test_pred_{suffix}.csv`` or ``linear/{model}_{cohort}.csv``."""
    tables = read_tables(files, ("pid", "scandate", "prob"), options)
    for table in tables.tables:
        table.report(table.frame["scandate"].str.strip() == "", "scandate", "is empty", "every row needs its scan")
        if "label" in table.frame:
            table.report(~table.frame["label"].isin(("", "0", "1", "0.0", "1.0")), "label", "is no label")
    roles = {"pid": "pid", "date": "scandate"}
    roles |= {"label": "label"} if "label" in tables.columns else {}
    frame = score_frame(tables, roles, "prob", drop_missing=options.drop_missing)
    return [Predictions(CARD.name, frame, CARD.unit, options.score_type or "probability", tables.locate)]
