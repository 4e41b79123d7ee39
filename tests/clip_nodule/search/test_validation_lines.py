"""What is printed of a run's validation folds: the SD has the digits of the mean, and none is invented."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from clip_nodule.search import validation_metrics as module

PERFECT, REVERSED = [0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1]
ONE_PAIR_WRONG = [0.1, 0.85, 0.8, 0.9]  # one of 4 pairs is reversed: AUROC 0.75


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ((PERFECT, PERFECT), "AUROC 1.000 (SD 0.000 over folds)"),
        # the SD of 1 and 0.75 is 0.25 / √2 = 0.1768
        ((PERFECT, ONE_PAIR_WRONG), "AUROC 0.875 (SD 0.177 over folds)"),
        ((REVERSED,), "AUROC 0.000 (no SD over folds)"),
    ],
)
def test_the_sd_has_the_digits_of_the_mean(folds, said, monkeypatch: pytest.MonkeyPatch) -> None:
    table_of = {
        f"fold_{n}": pd.DataFrame({"malignant": [0, 0, 1, 1], "score": scores, "cohort": "a"})
        for n, scores in enumerate(folds)
    }
    monkeypatch.setattr(
        module, "read_run", lambda _: SimpleNamespace(folds=len(folds), name="r", cohort="a", cohorts=["a"])
    )
    monkeypatch.setattr(module, "check_hashes", lambda *_: None)
    monkeypatch.setattr(module, "read_validation", lambda folder: table_of[folder.name])
    (line,) = module.validation_lines(Path("r"))
    assert said in line


def test_an_sd_that_the_digits_cannot_show_is_not_printed_as_none() -> None:
    shown = [module._spread(value) for value in (0.0, 0.0004, 0.0005, float("nan"))]
    assert shown == ["SD 0.000", "SD below 0.001", "SD 0.001", "no SD"]
