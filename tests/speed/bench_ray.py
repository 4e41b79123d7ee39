"""Crops on a Ray cluster and by processes: ``python tests/speed/bench_ray.py`` writes a part of scale.md.

64 phantom scans of two sizes, two processors each way, in turn, in the same run; the start of the cluster and of
its workers is not counted.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.contracts.cohort import load_cohort  # noqa: E402
from benchmark.files import write_text  # noqa: E402
from benchmark.imaging.cropping.cohort import crop_cohort  # noqa: E402
from benchmark.work.other_machines import OtherMachines  # noqa: E402
from benchmark.work.ray_cluster import connected  # noqa: E402

OUT = ROOT / "results" / "speed" / "scale.md"
HEADING = "## Ray against processes"
SCANS, ROUNDS = 64, 5


def main() -> None:
    """Measure, and replace the section of the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line = (
            "from benchmark.cli.main import app; app()",
            "cohort",
            "prepare",
            "phantom",
            "--patients",
            str(SCANS),
        )
        subprocess.run([sys.executable, "-c", *line, "--out", str(folder / "cohort")], check=True, cwd=folder)
        cohort = load_cohort("cohort", folder)
        scans = cohort.nodules["image_path"].nunique()
        connected("local")
        times: dict[str, list[float]] = {"processes": [], "ray": []}
        for number in range(ROUNDS + 1):
            for how, place in (("processes", 2), ("ray", OtherMachines("ray", 2, address="local"))):
                begin = time.perf_counter()
                crop_cohort(cohort.nodules, cohort.image_root, folder / f"{how}-{number}", workers=place)
                if number:  # the first starts the cluster's workers
                    times[how].append(time.perf_counter() - begin)
    of_processes, of_ray = (statistics.median(times[how]) for how in ("processes", "ray"))
    ratios = sorted(b / a for a, b in zip(times["processes"], times["ray"], strict=True))
    text = "\n".join(
        [
            HEADING,
            "",
            f"`python tests/speed/bench_ray.py`; {platform.machine()}, Python {platform.python_version()}, "
            f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end. {scans} phantom scans, "
            f"two processors each way, median of {ROUNDS} rounds in turn, the start of Ray not counted:",
            "",
            f"processes {of_processes:.1f} s, Ray {of_ray:.1f} s: {statistics.median(ratios):.2f} × as long "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}). Goal: 1.10.",
            "",
        ]
    )
    before = OUT.read_text(encoding="utf-8")
    kept = re.sub(rf"(?ms)^{HEADING}\n.*?(?=^## |\Z)", "", before).rstrip("\n")
    write_text(OUT, f"{kept}\n\n{text}")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
