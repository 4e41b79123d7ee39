"""Run the measurements in processes of their own, and report them."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from tests.coverage import added, gates, incidence, missing, points, readers, record, stars, survival, whole

SEED = 20260101
NOTES = {points.TABLE: points.NOTE, whole.TABLE: whole.NOTE}
"""What a reader of a table must know of what is outside its band."""


def jobs(scale):
    """Function, arguments and repeats of every measurement; ``scale`` 1 is the nightly size."""

    def size(full):
        return max(200, round(full * scale))

    for design, methods in gates.COVERAGE.items():
        yield gates.analytic_coverage, (design, size(20_000))
        if gates.DRAWN & set(methods):
            yield gates.drawn_coverage, (design, size(2000))
    yield gates.clustered_coverage, (size(3000),)
    yield gates.shuffled_labels, (size(10_000),)
    for case in gates.PAIRED:
        yield gates.paired_level, (case, size(4000))
    yield gates.family_level, (size(2000),)
    yield gates.permutation_level, (size(2000),)
    for models, folds, reference in gates.FOLDS:
        yield gates.fold_level, (models, folds, reference, size(4000))
    yield gates.power_of_delong, (size(4000),)
    # Last, so that the seeds of the others stay.
    for case in gates.DIFFERENCES:
        yield gates.difference_misses, (case, size(2000))
    for design in gates.FEW:
        yield gates.few_positives, (design, size(2000))
    for case in stars.STARS:
        yield stars.star_level, (case, size(2000))
    for case in survival.CASES:
        yield survival.censored_coverage, (case, size(1000))
    for scanned in readers.SCANS:
        yield readers.agreement_coverage, (scanned, size(4000))
    for margin in readers.MARGINS:
        yield readers.margin_level, (margin, size(4000))
    yield readers.mrmc_level, (size(2000),)
    for case in readers.AGAINST:
        yield readers.against_readers_level, (case, size(1000))
    for case in missing.GAPS:
        yield missing.weighted_coverage, (case, size(400))
    for case in added.CALLS:
        yield added.call_coverage, (case, size(4000))
        yield added.strata_coverage, (case, size(4000))
        yield added.expected_coverage, (case, size(4000))
    for case in added.SIZES:
        yield added.predictive_coverage, (case, size(4000))
        yield added.yield_coverage, (case, size(1000))
        yield added.gain_coverage, ((*case, 1), size(1000))
        yield added.fusion_level, (case, size(500))
    for case in added.SIZES:
        yield added.gain_coverage, ((*case, 3), size(1000))
    for case in points.CASES:
        yield points.point_coverage, (case, size(1000))
    for case in incidence.CASES:
        yield incidence.incidence_coverage, (case, size(4000))
    for case in readers.OF_PATIENTS:
        yield readers.agreement_by_patient_coverage, (case, size(4000))
    for case in whole.CASES:
        yield whole.whole_cohort_coverage, (case, size(2000))


def call(task):
    """One measurement, and the seconds that it took."""
    function, arguments, seed = task
    start = time.perf_counter()
    return function(*arguments, seed), time.perf_counter() - start


def measure(scale, seed, workers, path, only=()):
    """Measure what has one of ``only`` in its name, keep it in ``path``; give all there, and what is not."""
    tasks = [(function, arguments, [seed, k]) for k, (function, arguments) in enumerate(jobs(scale))]
    names = [record.name_of(function, arguments) for function, arguments, _ in tasks]
    chosen = [k for k, name in enumerate(names) if not only or any(part in name for part in only)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for k, (rows, seconds) in zip(chosen, pool.map(call, [tasks[k] for k in chosen]), strict=True):
            record.keep(path, names[k], record.entry(rows, seconds, seed))
    kept = record.read(path)
    there = [name for name in names if name in kept and kept[name]["seed"] == seed]
    return [kept[name] for name in there], [name for name in names if name not in there]


def report(kept, seed, absent=()):
    """What `measure` gives as Markdown."""
    rows = [row for entry in kept for row in record.rows_of(entry)]
    days = sorted({entry["day"] for entry in kept})
    seconds = sum(entry["seconds"] for entry in kept)
    made_with = dict.fromkeys(entry["made_with"] for entry in kept)
    lines = [
        "# Measured coverage of intervals and level of tests",
        "",
        f"`make coverage` (`python -m tests.coverage --seed {seed}`), {seconds:,.0f} s on one core, "
        f"{' to '.join(dict.fromkeys([days[0], days[-1]]))}, with {'; '.join(made_with)}. "
        "`--only` makes single measurements again, `--scale` makes fewer repeats: each row says how many.",
        *(["", f"Not measured yet: {'; '.join(f'`{name}`' for name in absent)}."] if absent else []),
        "",
        "Nominal 95 % intervals and 5 % tests. *Reference* is STATISTICS.md D2-D4; *band* is the reference ± 3.29 "
        "standard errors of both measurements, or the stated target. A rise is as suspicious as a fall. For AUPRC "
        "differences the reference is what plain percentile limits missed (STATISTICS.md, e); BCa missed 0.09 to "
        "0.15.",
    ]
    for table in dict.fromkeys(row.table for row in rows):
        lines += [
            "",
            f"## {table}",
            "",
            "| case | what | measured | reference | band | repeats | |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in (row for row in rows if row.table == table):
            known = "" if np.isnan(row.reference) else f"{row.reference:.3f}"
            gate = "" if (row.low, row.high) == (0.0, 1.0) else f"{row.low:.3f}–{row.high:.3f}"
            verdict = ("in" if row.passed else "**OUT**") if gate else ""
            cells = (row.case, row.what, f"{row.rate:.3f}", known, gate, f"{row.repeats:,}", verdict)
            lines.append(f"| {' | '.join(cells)} |")
        lines += ["", NOTES[table]] if table in NOTES else []
    return "\n".join(lines) + "\n"
