"""Pseudo-scores of pseudo-patients that reprint a paper's numbers: no patient data, only what its digits allow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.cohort import MANIFEST, CohortManifest, read_manifest, write_cohort
from benchmark.contracts.names import LONGEST, name_fault
from benchmark.contracts.score_card import ScoreCard, write_scores
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.table_writing import write_table
from benchmark.errors import InputError, Problem
from benchmark.files import write_text
from benchmark.outputs.locks import holding
from benchmark.published.own_words import model_of_paper
from benchmark.published.rebuild import Rebuilt, Unmet, rebuild_cohort
from benchmark.published.schema import Published
from benchmark.published.staircase import Staircase

MARK = "reconstructed from printed numbers, no patient data"
UNMET_COLUMNS = ("cohort", "model", "item", "recall", "printed", "taken")
_SHUFFLE_SEED = 20250430


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


def reconstruct(published: Published, folder: Path | str) -> Reconstruction:
    """Write a cohort folder and score tables for every cohort of a paper.

    Models of one cohort share patients and labels; a model whose numbers follow from fewer patients has ``failed``
    rows for the others. Which patient has which score is not printed: each model's ranking is dealt to the
    patients of each class independently, so paired differences mean nothing beyond what the paper prints.

    Example::

        >>> from benchmark.published.load import load_published
        >>> from benchmark.published.reconstruct import reconstruct
        >>> rebuilt = reconstruct(load_published("zhuang2025"), "rebuilt")
        >>> rebuilt.met, len(rebuilt.unmet), rebuilt.scored[0]
        (126, 2, ('nlst', 'deepipn'))

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
    _require_distinct_names(published)
    with holding(folder):
        _refuse_to_overwrite(folder, [safe_name(cohort) for cohort in cohorts])
        return _reconstructed(published, cohorts, folder)


def _reconstructed(published: Published, cohorts: Sequence[str], folder: Path) -> Reconstruction:
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
        card = ScoreCard(
            model, name, f"{model_of_paper(published, model)} [{published.key}, reconstructed]",
            "bench audit --reconstruct", (), "unseen",
        )  # fmt: skip
        write_scores(table, card, folder / "scores" / name / f"{safe_name(model)}.csv")
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
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[: LONGEST - 2].rstrip(".") or "unnamed"
    return f"x-{plain}" if name_fault(plain) else plain


def _require_distinct_names(published: Published) -> None:
    """Refuse names that would be one folder or one file, such as ``A/B`` and ``A-B``."""
    of_path: dict[tuple[str, ...], list[str]] = {}
    for cohort, model in published.rows():
        of_path.setdefault((safe_name(cohort),), []).append(cohort)
        of_path.setdefault((safe_name(cohort), f"{safe_name(model)}.csv"), []).append(model)
    fix = "rename one of them in the file of published results"
    problems = [
        Problem(f"{' and '.join(map(repr, same))} would both be {'/'.join(path)}", fix)
        for path, names in of_path.items()
        if len(same := list(dict.fromkeys(names))) > 1
    ]
    if problems:
        raise InputError(problems)


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
