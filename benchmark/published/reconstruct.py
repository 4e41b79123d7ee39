"""Pseudo-scores of pseudo-patients that reprint a paper's numbers: no patient data, only what its digits allow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.cohort import MANIFEST, CohortManifest, read_manifest, write_cohort
from benchmark.contracts.scores import ENSEMBLE, write_score_table
from benchmark.contracts.text_table import write_table
from benchmark.errors import InputError, Problem
from benchmark.files import write_text
from benchmark.published.audit import area_pairs
from benchmark.published.counts import Point, Row, find_chain
from benchmark.published.printed import Printed
from benchmark.published.reading import Reading, read_cohort
from benchmark.published.schema import Performance, Published
from benchmark.published.staircase import Staircase
from benchmark.published.witness import Target, find_ranking

MARK = "reconstructed from printed numbers, no patient data"
UNMET_COLUMNS = ("cohort", "model", "item", "recall", "printed", "taken")
_SHUFFLE_SEED = 20250430
_MOST_PAIRS = 6
"""Numbers of patients that are tried until one reprints everything."""


@dataclass(frozen=True)
class Unmet:
    """A printed number that the reconstruction does not reprint.

    Attributes:
        cohort: Its cohort.
        model: Its model, or "" for a number of patients.
        item: ``auroc``, ``auprc``, ``fpr``, ``precision``, ``n``, ``positives`` or ``scores``.
        recall: Recall aimed at, as printed; "" for others.
        printed: What the paper prints.
        taken: The nearest that the other numbers allow.
    """

    cohort: str
    model: str
    item: str
    recall: str
    printed: str
    taken: str


@dataclass(frozen=True)
class Reconstruction:
    """What was written.

    Attributes:
        folder: Holds ``cohorts/``, ``scores/``, ``unmet.csv`` and a README.
        scored: (cohort, model) with a score table.
        met: Printed numbers that are reprinted digit for digit.
        unmet: Those that are not, each with what was taken instead.
    """

    folder: Path
    scored: list[tuple[str, str]]
    met: int
    unmet: list[Unmet]

    def summary(self) -> str:
        """What was met and what not, in lines."""
        lines = [
            f"{self.folder}: {len(self.scored)} score tables, {MARK}; "
            f"{self.met} of {self.met + len(self.unmet)} printed numbers reprinted"
        ]
        for unmet in self.unmet:
            place = " ".join(part for part in (unmet.cohort, unmet.model, unmet.item) if part)
            at = f" at recall {unmet.recall}" if unmet.recall else ""
            lines.append(f"  {place}{at}: {unmet.printed} printed, {unmet.taken} taken")
        return "\n".join(lines)


@dataclass(frozen=True)
class Rebuilt:
    """One model's ranking and what it does not reprint."""

    model: str
    stairs: Staircase | None
    met: int
    unmet: list[Unmet]


def reconstruct(published: Published, folder: Path | str) -> Reconstruction:
    """Write a cohort folder and score tables for every cohort of a paper.

    Models of one cohort share patients and labels; a model whose numbers follow from fewer patients has ``failed``
    rows for the others. Which patient has which score is not printed: each model's ranking is dealt to the
    patients of each class independently, so paired differences mean nothing beyond what the paper prints.

    Args:
        published: The paper's numbers.
        folder: Gets ``cohorts/<cohort>/``, ``scores/<cohort>/<model>.csv``, ``unmet.csv`` and ``README.md``.

    Returns:
        What was met and what not.

    Raises:
        InputError: The paper prints no areas and no operating points, or the folder holds a cohort or scores that
            are no reconstruction: those are left as they are.
    """
    folder = Path(folder)
    cohorts = list(dict.fromkeys(cohort for cohort, _ in published.rows()))
    if not cohorts:
        raise InputError(Problem("prints neither areas nor operating points", "there is nothing to reconstruct"))
    _refuse_to_overwrite(folder, [safe_name(cohort) for cohort in cohorts])
    scored, unmet, met = [], [], 0
    for cohort in cohorts:
        rebuilt = rebuild_cohort(published, cohort)
        written, missing, same = _write_cohort(published, cohort, rebuilt, folder)
        scored += [(cohort, model) for model in written]
        unmet += [*missing, *(item for model in rebuilt for item in model.unmet)]
        met += same + sum(model.met for model in rebuilt)
    listed = pd.DataFrame([vars(item) for item in unmet], columns=list(UNMET_COLUMNS))
    write_table(listed, folder / "unmet.csv")
    built = Reconstruction(folder, scored, met, unmet)
    write_text(folder / "README.md", _readme(published, built))
    return built


def _refuse_to_overwrite(folder: Path, names: Sequence[str]) -> None:
    """Raise if something stands where the reconstruction goes that is not an earlier one."""
    problems = []
    for name in names:
        manifest = folder / "cohorts" / name / MANIFEST
        if manifest.exists():
            if not read_manifest(manifest).details.get("reconstructed"):
                problems.append(Problem("is a cohort that was not reconstructed", "give another DIR", manifest))
        elif (folder / "scores" / name).exists():
            what = "holds scores, and there is no reconstructed cohort beside them"
            problems.append(Problem(what, "give another DIR", folder / "scores" / name))
    if problems:
        raise InputError(problems)


def rebuild_cohort(published: Published, cohort: str) -> list[Rebuilt]:
    """The ranking of each model of a cohort."""
    readings = read_cohort(published, cohort)
    known = [reading.pair for reading in readings if reading.pair]
    fallback = max(known, key=sum) if known else None
    return [_rebuild(published, reading, fallback) for reading in readings]


def _rebuild(published: Published, reading: Reading, fallback: tuple[int, int] | None) -> Rebuilt:
    performance = published.performance.get(reading.cohort, {}).get(reading.model) or Performance()
    pairs = area_pairs(published, reading)[:_MOST_PAIRS] or ([fallback] if fallback else [])
    if not pairs:
        item = Unmet(reading.cohort, reading.model, "scores", "", "", "none: numbers of patients do not follow")
        return Rebuilt(reading.model, None, 0, [item])
    best: Rebuilt | None = None
    for pair in pairs:
        rows = _with_nearest(reading, *pair)
        target = Target(*pair, tuple(rows), performance.auroc, performance.auprc)
        stairs = find_ranking(target)
        met, unmet = _compare(published, reading, performance, stairs)
        if best is None or len(unmet) < len(best.unmet):
            best = Rebuilt(reading.model, stairs, met, unmet)
        if not unmet:
            break
    return best if best is not None else Rebuilt(reading.model, None, 0, [])


def _with_nearest(reading: Reading, positives: int, negatives: int) -> list[Row]:
    """The rows, each impossible one replaced by the nearest point that fits between its neighbours."""
    kept = [replace(row, as_float=True) for row in reading.kept]
    if find_chain(kept, positives, negatives, ties=True) is None:
        kept = reading.kept
    ties = find_chain(kept, positives, negatives, ties=False) is None
    chain = find_chain(kept, positives, negatives, ties=ties)
    if chain is None:
        return []
    points = dict(zip([row.recall for row in kept], chain, strict=True))
    rows = list(kept)
    for at in reading.dropped:
        row = reading.rows[at]
        below = max((p.fp for r, p in points.items() if r <= row.recall), default=0)
        above = min((p.fp for r, p in points.items() if r >= row.recall), default=negatives)
        tp = row.needed(positives)
        reached = any(p.tp >= tp for r, p in points.items() if r <= row.recall)
        if reached or tp > positives or above < below or row.recall in points:
            continue
        most = min((r.needed(positives) for r in kept if r.recall > row.recall), default=positives + 1) - 1
        choices = [Point(t, f) for t in range(tp, max(tp, most) + 1) for f in range(below, above + 1)]
        point = min(choices, key=lambda p: (_gap(row, p.tp, p.fp, negatives), p))
        rows.append(_exact_row(row, point, negatives))
        points[row.recall] = point
    return sorted(rows, key=lambda row: row.recall)


def _gap(row: Row, tp: int, fp: int, negatives: int) -> Fraction:
    gaps = [abs(Fraction(fp, negatives) - row.fpr.value)] if row.fpr else []
    gaps += [abs(Fraction(tp, tp + fp) - row.precision.value)] if row.precision else []
    return sum(gaps, Fraction())


def _exact_row(row: Row, point: Point, negatives: int) -> Row:
    """A row that only this point prints."""
    fpr = Fraction(point.fp, negatives)
    precision = Fraction(point.tp, point.tp + point.fp)
    return replace(row, fpr=_precisely(fpr), precision=_precisely(precision))


def _precisely(value: Fraction, decimals: int = 9) -> Printed:
    rounded = Fraction(round(value * 10**decimals), 10**decimals)
    return Printed(str(float(rounded)), rounded, decimals)


def _compare(
    published: Published, reading: Reading, performance: Performance, stairs: Staircase
) -> tuple[int, list[Unmet]]:
    """What a ranking reprints and what not."""
    checks: list[tuple[str, str, Printed | None, Fraction]] = [
        ("auroc", "", performance.auroc, stairs.auroc),
        ("auprc", "", performance.auprc, stairs.average_precision),
    ]
    positives, negatives = stairs.size
    for row in published.operating_points.get(reading.cohort, {}).get(reading.model, []):
        needed = max(1, -(-row.recall.value.numerator * positives // row.recall.value.denominator))
        if needed > positives:
            continue
        point = stairs.point_at(needed)
        checks.append(("fpr", row.recall.text, row.fpr, Fraction(point.fp, negatives)))
        checks.append(("precision", row.recall.text, row.precision, Fraction(point.tp, point.tp + point.fp)))
    met, unmet = 0, []
    for item, recall, printed, value in checks:
        if printed is None:
            continue
        if printed.is_print_of(value):
            met += 1
        else:
            taken = f"{float(value):.{printed.decimals}f}"
            unmet.append(Unmet(reading.cohort, reading.model, item, recall, str(printed), taken))
    return met, unmet


def _write_cohort(
    published: Published, cohort: str, rebuilt: Sequence[Rebuilt], folder: Path
) -> tuple[list[str], list[Unmet], int]:
    """Write one cohort; returns its models, the numbers of patients that are not met, and how many are."""
    found = [(model.model, model.stairs) for model in rebuilt if model.stairs is not None]
    if not found:
        return [], [], 0
    positives = max(stairs.size.tp for _, stairs in found)
    negatives = max(stairs.size.fp for _, stairs in found)
    size = published.size(cohort)
    unmet, same = [], 0
    for item, printed, taken in (("n", size.n, positives + negatives), ("positives", size.positives, positives)):
        if printed is not None:
            same += printed == taken
            unmet += [Unmet(cohort, "", item, "", str(printed), str(taken))] if printed != taken else []
    name = safe_name(cohort)
    pids = [f"pseudo-{at + 1:0{len(str(positives + negatives))}d}" for at in range(positives + negatives)]
    labels = np.arange(positives + negatives) < positives
    write_cohort(folder / "cohorts" / name, _manifest(published, cohort, name), _nodules(pids, labels))
    for at, (model, stairs) in enumerate(found):
        table = _score_table(model, name, pids, labels, stairs, np.random.default_rng([_SHUFFLE_SEED, at]))
        write_score_table(table, folder / "scores" / name / f"{safe_name(model)}.csv")
    return [model for model, _ in found], unmet, same


def _manifest(published: Published, cohort: str, name: str) -> CohortManifest:
    details = {"reconstructed": True, "note": MARK, "paper": published.key, "title": published.title or "",
               "doi": published.doi or ""}  # fmt: skip
    return CohortManifest(
        name=name,
        title=f"{published.cohort_title(cohort)} ({MARK})",
        population=MARK,
        endpoint=published.endpoint or "",
        details=details,
    )


def _nodules(pids: Sequence[str], labels: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """One row a pseudo-patient; there is no scan and no place."""
    return pd.DataFrame(
        {
            "pid": pids,
            "nodule_id": "1",
            "image_path": "",
            "coordX": np.nan,
            "coordY": np.nan,
            "coordZ": np.nan,
            "malignant": labels.astype(int),
            "note": MARK,
        }
    )


def _score_table(
    model: str,
    cohort: str,
    pids: Sequence[str],
    labels: npt.NDArray[np.bool_],
    stairs: Staircase,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Scores that rank the patients like the path; the last patients of a class have none if it is shorter."""
    score = np.full(len(pids), np.nan)
    steps = list(zip(stairs.vertices[:-1], stairs.vertices[1:], strict=True))
    blocks = sum((b.fp - a.fp) if b.tp == a.tp else 1 for a, b in steps) + 1
    order = [rng.permutation(np.flatnonzero(labels)[: stairs.size.tp]),
             rng.permutation(np.flatnonzero(~labels)[: stairs.size.fp])]  # fmt: skip
    rank = 0
    for a, b in steps:
        if b.tp == a.tp:
            for f in range(a.fp, b.fp):
                rank += 1
                score[order[1][f]] = 1 - rank / blocks
            continue
        rank += 1
        score[order[0][a.tp : b.tp]] = 1 - rank / blocks
        score[order[1][a.fp : b.fp]] = 1 - rank / blocks
    scored = ~np.isnan(score)
    return pd.DataFrame(
        {
            "model": model,
            "cohort": cohort,
            "pid": pids,
            "nodule_id": "",
            "fold": ENSEMBLE,
            "score": score,
            "score_kind": "rank",
            "status": np.where(scored, "scored", "failed"),
            "reason": np.where(scored, "", f"the printed numbers follow from fewer patients ({MARK})"),
        }
    )


def safe_name(name: str) -> str:
    """A name that a folder and a cohort may have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-") or "unnamed"


def _readme(published: Published, built: Reconstruction) -> str:
    lines = [
        f"# {published.title or published.key}: {MARK}",
        "",
        "Pseudo-patients and pseudo-scores, solved for so that rounded metrics equal a paper's printed numbers.",
        "They hold nothing of any patient. Pairing between models is arbitrary: tests of differences, calibration",
        "and subgroups on them mean nothing.",
        "",
        "    bench compare --cohorts cohorts --scores scores ...",
        "",
        built.summary().replace(str(built.folder), "here"),
        "",
    ]
    return "\n".join(lines)
