"""What an adapter is: a card that says what the model is, and ``read()``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

ScoredUnit = Literal["nodule", "scan", "patient"]
ScoreType = Literal["probability", "logit", "percent", "rank"]
Location = tuple[Path, "int | None"]


@dataclass(frozen=True)
class ModelCard:
    """What a model is and what it has seen.

    Attributes:
        name: Name in tables and files.
        title: Name as printed.
        reference: Paper or repository.
        inputs: What the model looks at.
        unit: What one score is about.
        endpoint: What a high score predicts.
        horizon_years: Years within which; None if the score has no horizon.
        trained_on: Public cohorts (or their source) that the model saw in training; None if nobody knows.
        licence: Of the weights, as far as it is published.
        options: Options of ``bench adapt`` that this adapter understands, beyond those of all.
        note: What a reader of the numbers should know.
    """

    name: str
    title: str
    reference: str
    inputs: str
    unit: ScoredUnit
    endpoint: str
    horizon_years: float | None
    trained_on: tuple[str, ...] | None
    licence: str
    options: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class AdapterOptions:
    """What the user said about the files; an adapter takes what its card lists in ``options``.

    Attributes:
        year: Horizon of the score, in years.
        all_years: Keep the risk of every year beside the score.
        branch: Branch of a network with several outputs.
        columns: Role (``pid, scan_id, nodule_id, score, fold, label, date, path``) → column of the file.
        class_column: Column with the probability of the positive class.
        id_pattern: Regular expression that finds ids in a path (see ``benchmark.contracts.path_ids``).
        folds: Number of folds that a result must hold.
        calibrated: Take calibrated scores instead of raw ones.
        models: Which of several models in one table to read; empty means all.
        root: Folder that paths inside a file are relative to.
        slug: Which output of a job holds the scores, by its name on Grand Challenge.
        score_type: What the numbers are; None leaves it to the adapter.
        drop_missing: An empty score is a failed case instead of an error.
        sep: Delimiter of CSV files, or its name.
        encoding: Codec of CSV files.
        decimal: Decimal mark of CSV files, or its name.
    """

    year: int | None = None
    all_years: bool = False
    branch: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    class_column: str | None = None
    id_pattern: str | None = None
    folds: int = 5
    calibrated: bool = False
    models: tuple[str, ...] = ()
    root: Path | None = None
    slug: str | None = None
    score_type: ScoreType | None = None
    drop_missing: bool = False
    sep: str = ","
    encoding: str = "utf-8"
    decimal: str = "."


@dataclass
class Predictions:
    """What one model said, before it meets a cohort.

    Attributes:
        model: Name in the score table.
        frame: One row a score. ``score`` is float64, NaN where the case failed. The case is ``pid``,
            ``scan_id``, or ``case`` if the file does not say which of the two its id is; ``nodule_id`` for scores
            of nodules, alone if it names the nodule without the patient. Optional: ``fold`` (else the ensemble),
            ``date``, ``label`` (text), ``reason`` of a failure or a remark; ``year1``, ``year2``, ... (risks).
        unit: What one score is about.
        score_type: What the numbers are.
        locate: File and line of a row of ``frame``.
        recorded: Choices that shaped the scores, e.g. the year.
        warnings: What the user should know.
        trained_on: Cohorts that this model saw, if the files hold several models; None for the card's.
    """

    model: str
    frame: pd.DataFrame
    unit: ScoredUnit
    score_type: ScoreType
    locate: Callable[[int], Location]
    recorded: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    trained_on: tuple[str, ...] | None = None

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """The scores, float64 ``(rows,)``."""
        return self.frame["score"].to_numpy(np.float64)


class Adapter(Protocol):
    """A module, or any object, with these two names."""

    CARD: ModelCard

    def read(self, files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
        """Read the files of one run; one entry a model.

        Raises:
            InputError: Names every cell that cannot be read, with its file and line.
        """
        ...
