"""Speed of ``bench evaluate``, start to end: running this file writes results/speed/evaluate.md.

A table of 200 patients and three models as most users have it, and one of 100,000 patients and four models.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.files import write_text  # noqa: E402

OUT = ROOT / "results" / "speed" / "evaluate.md"
SMALL, LARGE = (200, 3), (100_000, 4)
PROGRAM = [sys.executable, "-c", "from benchmark.cli.main import app; app()", "evaluate"]


def wide_table(path: Path, patients: int, models: int) -> None:
    """A row a patient, a tenth of them malignant, a column of probabilities a model."""
    generator = np.random.default_rng(0)
    label = (generator.random(patients) < 0.1).astype(int)
    table = pd.DataFrame({"pid": [f"P{k:06d}" for k in range(patients)], "label": label})
    for number in range(models):
        noise = generator.normal(size=patients) * (1 + number)
        table[f"model {number + 1}"] = 1 / (1 + np.exp(2 - 1.5 * label - noise))
    table.to_csv(path, index=False)


def seconds(arguments: list[str], repeats: int) -> tuple[float, float]:
    """Median wall-clock seconds and processor seconds of a process."""
    wall, processor = [], []
    for _ in range(repeats):
        begin, used = time.perf_counter(), _processor()
        subprocess.run([*PROGRAM, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        wall.append(time.perf_counter() - begin)
        processor.append(_processor() - used)
    return statistics.median(wall), statistics.median(processor)


def _processor() -> float:
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


def main() -> None:
    """Measure and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for (patients, models), replicates, repeats, target in (
            (SMALL, 2000, 5, "≤ 5 s"),
            (LARGE, 200, 3, "≤ 20 s"),
            (LARGE, 2000, 1, ""),
        ):
            table = folder / f"{patients}.csv"
            wide_table(table, patients, models)
            more = ["--replicates", str(replicates), "--results", str(folder / f"results-{replicates}")]
            found = seconds([str(table), *more], repeats)
            page = folder / f"results-{replicates}" / "evaluate" / "report" / "index.html"
            rows.append(
                f"| {patients:,} patients × {models} models, {replicates:,} replicates | "
                f"{found[0]:.1f} s ({found[1]:.1f} s) | {target} | {page.stat().st_size / 1e6:.1f} MB |"
            )
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, pandas {pd.__version__}"
    machine = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end"
    lines = [
        "# `bench evaluate`, start to end",
        "",
        f"`python tests/speed/bench_evaluate.py`, {versions}; {machine}",
        "(where others work, wall-clock times are upper bounds, and processor times too, by less).",
        "",
        "| one CSV | wall clock (processor) | target | page |",
        "|---|---|---|---|",
        *rows,
    ]
    write_text(OUT, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
