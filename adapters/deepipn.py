"""DeepIPN / DeepLungScreening: ``id,pred`` with ids ``{pid}time{date}``, e.g. ``100004time1999``.

The shipped script writes the fusion branch (step 4, ``bothPred``); the imaging branch is the network's first
return value and needs a changed script, so which of the two a file holds must be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.tables import read_tables, score_frame
from benchmark.contracts.dates import NO_DATE, no_dates
from benchmark.errors import InputError, Problem

BRANCHES: Final = ("imaging", "fusion")
_ID: Final = r"(?P<pid>.+)time(?P<date>[0-9T:. -]{4,})"
CARD = ModelCard(
    name="deepipn",
    title="DeepIPN",
    reference="Gao et al., Comput Biol Med 150:106113, 2022; github.com/MASILab/DeepLungScreening",
    inputs="the five likeliest nodules of a CT; fusion branch: and clinical factors",
    unit="scan",
    endpoint="lung cancer",
    horizon_years=None,
    trained_on=("nlst",),
    licence="not stated",
    options=("branch",),
    note="Cases that fail in lung segmentation are absent from its file: they become failures.",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read DeepIPN's CSV; ``branch`` says which branch it holds, and must be given."""
    branch = options.branch
    if branch not in BRANCHES:
        what = "no branch was chosen" if branch is None else f"has no branch {branch!r}"
        fix = "pass --branch fusion (what the shipped script writes) or --branch imaging"
        raise InputError(Problem(what, fix, files[0]))
    tables = read_tables(files, ("id", "pred"), options)
    parts = tables.text("id").str.extract(rf"^{_ID}$")
    start = 0
    for table in tables.tables:
        bad = parts["pid"].iloc[start : start + len(table.frame)].isna()
        dates = parts["date"].iloc[start : start + len(table.frame)]
        table.report(bad, "id", "is not {pid}time{date}", "give the file as the script wrote it")
        table.report(no_dates(dates) & ~bad.to_numpy(bool), "id", f"its date {NO_DATE} or a year", "correct it")
        start += len(table.frame)
    frame = score_frame(tables, {"case": "id"}, "pred", drop_missing=options.drop_missing)
    frame = frame.drop(columns="case").assign(pid=parts["pid"], date=parts["date"])
    return [
        Predictions(
            f"{CARD.name}-{branch}",
            frame,
            CARD.unit,
            options.score_type or "probability",
            tables.locate,
            {"branch": branch},
        )
    ]
