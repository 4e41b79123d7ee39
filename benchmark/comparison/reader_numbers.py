"""Readers and models on the same cases: points on the ROC, matched points, AUROC, and modalities compared."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.performance import AUROC_METHODS
from benchmark.comparison.reader_studies import MOST_CUTS, ReaderStudy
from benchmark.comparison.units import Scored
from benchmark.metrics.inputs import SampleError
from benchmark.statistics import (
    Mrmc,
    Resampling,
    Sample,
    as_paired_sample,
    auroc_interval_of,
    mrmc,
    rates_at_threshold,
)
from benchmark.statistics.against_readers import model_against_readers_of
from benchmark.statistics.mrmc import RandomEffects
from benchmark.statistics.readers_points import matched_readers

RATES: Final = ("recall", "specificity")
POINT_COLUMNS: Final = (
    "modality", "reader", "call_from", "chosen", "n", "n_positive", "tp", "fn", "fp", "tn",
    *(f"{rate}{end}" for rate in RATES for end in ("", "_low", "_high")),
)  # fmt: skip
READER_COLUMNS: Final = (
    "modality", "reader", "n", "n_positive", "missing", "auroc", "auroc_low", "auroc_high", "method", "note",
)  # fmt: skip
MATCHED_COLUMNS: Final = (
    "modality", "model", "matched", "reader", "n", "n_positive", "recall", "specificity", "model_recall",
    "model_specificity", "difference", "low", "high", "p_value", "p_holm", "note",
)  # fmt: skip
AGAINST_COLUMNS: Final = (
    "modality", "model", "n", "n_positive", "n_readers", "auroc", "readers", "difference", "error", "df", "low",
    "high", "p_value", "note",
)  # fmt: skip


def reader_rows(study: ReaderStudy, level: float = 0.95) -> pd.DataFrame:
    """AUROC of each reader in each modality, on the cases that the reader read.

    Returns:
        ``READER_COLUMNS``; ``missing`` are cases of the modality without a reading.
    """
    rows = []
    for modality in study.modalities:
        wide, label = study.of_modality(modality)
        for reader in wide.columns:
            there = wide[reader].notna().to_numpy()
            row: dict[str, Any] = {"modality": modality, "reader": reader, "n": int(there.sum()), "note": ""}
            truth = label.to_numpy()[there]
            row |= {"n_positive": int(truth.sum()), "missing": int((~there).sum()), "method": ""}
            if 0 < truth.sum() < truth.size:
                sample = as_paired_sample(
                    truth, {"": wide[reader].to_numpy()[there]}, _patients(study, wide, there)
                )
                area = auroc_interval_of(sample, level=level)
                row |= {"auroc": area.auroc, "auroc_low": area.low, "auroc_high": area.high}
                row |= {"method": AUROC_METHODS[area.method], "note": area.note}
            else:
                row["note"] = "all cases that were read are of one class"
            rows.append(row)
    return pd.DataFrame(rows, columns=list(READER_COLUMNS))


def reader_points(study: ReaderStudy, calls: Mapping[str, float], level: float = 0.95) -> pd.DataFrame:
    """Recall and specificity of each reader at every rating, with Wilson's limits; ``chosen`` marks the calls.

    Ratings with more than ``MOST_CUTS`` values give the chosen point alone.
    """
    rows = []
    for modality in study.modalities:
        wide, label = study.of_modality(modality)
        for reader in wide.columns:
            there = wide[reader].notna().to_numpy()
            ratings, truth = wide[reader].to_numpy()[there], label.to_numpy()[there]
            cuts = np.unique(ratings)[1:]
            cuts = cuts if cuts.size <= MOST_CUTS else np.array([])
            chosen = calls.get(str(reader), math.nan)
            wanted = sorted({*cuts.tolist(), *([chosen] if math.isfinite(chosen) else [])})
            if not 0 < truth.sum() < truth.size:
                continue
            for cut in wanted:
                found = rates_at_threshold(truth, ratings, cut, _patients(study, wide, there), level=level)
                recall, specificity = found.recall, found.specificity
                row: dict[str, Any] = {"modality": modality, "reader": reader, "call_from": cut}
                row |= {"chosen": cut == chosen, "n": truth.size, "n_positive": int(truth.sum())}
                row |= {"tp": recall.count, "fn": recall.total - recall.count}
                row |= {"tn": specificity.count, "fp": specificity.total - specificity.count}
                for rate, share in (("recall", recall), ("specificity", specificity)):
                    row |= {rate: share.rate, f"{rate}_low": share.low, f"{rate}_high": share.high}
                rows.append(row)
    return pd.DataFrame(rows, columns=list(POINT_COLUMNS))


def matched_rows(
    study: ReaderStudy,
    scored: Scored,
    calls: Mapping[str, float],
    untested: Collection[str] = (),
    *,
    level: float = 0.95,
    resampling: Resampling,
) -> pd.DataFrame:
    """Each tested model at each reader's recall, and at each reader's specificity.

    All numbers of a model and modality are of the cases that every reader read and the model scored.

    Returns:
        ``MATCHED_COLUMNS``; ``reader`` is empty for the mean of the readers.
    """
    rows = []
    for modality, model, readers, sample in _shared_samples(study, scored, untested, calls):
        for matched in RATES:
            found = matched_readers(sample, readers, matched, level=level, resampling=resampling)
            named = {"modality": modality, "model": model, "matched": matched, "n": sample.labels.size}
            named["n_positive"] = sample.n_positive
            # Of one reader the mean says nothing more.
            rows += [named | asdict(one) for one in (found if len(readers) > 1 else found[:-1])]
    return pd.DataFrame(rows, columns=list(MATCHED_COLUMNS))


def against_rows(
    study: ReaderStudy, scored: Scored, untested: Collection[str] = (), level: float = 0.95
) -> pd.DataFrame:
    """AUROC of each tested model minus the mean AUROC of the readers, on the cases that all of them read.

    Returns:
        ``AGAINST_COLUMNS``.
    """
    rows = [
        {"modality": modality, "model": model, "n": sample.labels.size, "n_positive": sample.n_positive}
        | asdict(model_against_readers_of(sample, level=level))
        for modality, model, _, sample in _shared_samples(study, scored, untested)
    ]
    return pd.DataFrame(rows, columns=list(AGAINST_COLUMNS))


def _shared_samples(
    study: ReaderStudy, scored: Scored, untested: Collection[str], calls: Mapping[str, float] | None = None
) -> list[tuple[str, str, list[str], Sample]]:
    """Modality, model, readers, and a sample of the model's scores and the readers' ratings, or calls.

    Those without both classes among the cases that all read and the model scored are left out.
    """
    keys = ["pid", "nodule_id"]
    found = []
    for modality in study.modalities:
        wide, label = study.of_modality(modality)
        readers = list(map(str, wide.columns))
        values = (
            wide.ge(pd.Series(calls)[readers]).astype(np.float64).where(wide.notna())
            if calls is not None
            else wide
        )
        index = pd.MultiIndex.from_frame(scored.units[keys]) if study.unit == "nodule" else None
        for model in scored.models:
            if model in untested:
                continue
            scores = scored.scores[model].to_numpy(np.float64)
            by_case = pd.Series(scores, index if index is not None else pd.Index(scored.units["pid"]))
            cases = wide.index if index is not None else wide.index.get_level_values("case")
            own = by_case.reindex(cases).to_numpy(np.float64)
            there = np.isfinite(own) & wide.notna().all(axis=1).to_numpy()
            truth = label.to_numpy()[there]
            if not 0 < truth.sum() < truth.size:
                continue
            columns = {
                f"reader {k}": values[name].to_numpy(np.float64)[there] for k, name in enumerate(wide.columns)
            }
            sample = as_paired_sample(truth, {"": own[there], **columns}, _patients(study, wide, there))
            found.append((modality, model, readers, sample))
    return found


def _patients(study: ReaderStudy, wide: pd.DataFrame, there: npt.NDArray[np.bool_]) -> list[str] | None:
    """Patient of each case; None where every case is a patient."""
    return wide.index.get_level_values("case")[there].to_list() if study.unit == "nodule" else None


@dataclass(frozen=True)
class ModalitiesCompared:
    """Modalities of a reader study against each other.

    Attributes:
        found: Obuchowski and Rockette's analysis.
        left_out: Cases that some reader did not read in some modality.
        repeated: Whether patients have several cases, which the analysis takes as independent.
    """

    found: Mrmc
    left_out: int
    repeated: bool


def compared_modalities(
    study: ReaderStudy, random: RandomEffects = "readers and cases", level: float = 0.95
) -> ModalitiesCompared | None:
    """`mrmc` on the cases that every reader read in every modality; None with one modality or one reader.

    Raises:
        SampleError: Too few such cases.
    """
    if not study.crossed or len(study.readers) < 2:
        return None
    rows = study.readings.dropna(subset="rating")
    wanted = len(study.readers) * len(study.modalities)
    whole = rows.groupby(["case", "nodule_id"])["rating"].transform("size") == wanted
    kept = rows[whole]
    cases = study.readings[["case", "nodule_id"]].drop_duplicates()
    together = kept[["case", "nodule_id"]].drop_duplicates()
    if kept.empty:
        raise SampleError("no case was read by every reader in every modality")
    names = pd.MultiIndex.from_frame(kept[["case", "nodule_id"]])
    frame = kept[["reader", "modality", "rating", "label"]].assign(case=pd.factorize(names)[0])
    found = mrmc(frame, random, level=level)
    return ModalitiesCompared(found, len(cases) - len(together), bool(together["case"].duplicated().any()))
