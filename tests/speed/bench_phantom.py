"""Speed of phantom scans: `python tests/speed/bench_phantom.py` writes results/speed/phantom.md.

The named alternative for writing is SimpleITK's own NIfTI writer, which compresses with zlib.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

FEW, COUNT = 6, 24
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.cohorts.phantom import prepare_phantom  # noqa: E402
from benchmark.cohorts.phantom.scanner import write_nifti  # noqa: E402
from benchmark.contracts.cohort import load_cohort  # noqa: E402


def drawing(folder: Path, workers: int) -> tuple[float, float]:
    """Processor and wall seconds a scan; of a larger cohort less a smaller one, so that no start counts."""
    spent = []
    for count in (FEW, FEW + COUNT):
        begin = now()
        prepare_phantom("nlst", folder / f"{workers}-{count}", seed=0, n_patients=count, workers=workers)
        spent.append([after - before for before, after in zip(begin, now(), strict=True)])
    processor, wall = ((more - less) / COUNT for less, more in zip(*spent, strict=True))
    return processor, wall


def now() -> tuple[float, float]:
    """Processor seconds of this process and of those that it waited for, and the wall clock."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used), time.perf_counter()


def main() -> None:
    """Draw cohorts here and in two processes, then write one of their scans in two ways."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        spent = [(workers, *drawing(Path(folder), workers)) for workers in (0, 2)]
        cohort = load_cohort(f"0-{FEW}", Path(folder))
        image = sitk.ReadImage(str(cohort.image_root / cohort.nodules["image_path"][0]))
        volume = sitk.GetArrayFromImage(image)
        spacing, origin = np.array(image.GetSpacing())[::-1], np.array(image.GetOrigin())
        cosines = np.array(image.GetDirection()).reshape(3, 3)
        ours, theirs = [], []
        for _ in range(9):
            begin = time.process_time()
            write_nifti(Path(folder) / "ours.nii.gz", volume, spacing, cosines, origin)
            middle = time.process_time()
            sitk.WriteImage(image, str(Path(folder) / "theirs.nii.gz"), True)
            ours.append(middle - begin)
            theirs.append(time.process_time() - middle)
        sizes = [(Path(folder) / f"{name}.nii.gz").stat().st_size / 1e6 for name in ("ours", "theirs")]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    a, b = float(np.median(ours)), float(np.median(theirs))
    lines = [
        "# Phantom scans",
        "",
        f"`python tests/speed/bench_phantom.py`: {COUNT} `nlst` patients; writing: median of 9.",
        f"Python {platform.python_version()}, numpy {np.__version__}, SimpleITK {sitk.Version_VersionString()};"
        f" {os.cpu_count()} cores, load {load:.1f} when this began: the processor time tells more than the clock.",
        f"Peak memory of one process: {memory:.0f} MiB.",
        "",
        "| one scan with its nodules, drawn and written | processor seconds | wall seconds |",
        "|---|---|---|",
        *(f"| {_who(workers)} | {used:.3f} | {wall:.3f} |" for workers, used, wall in spent),
        "",
        "| writing one scan | processor seconds | ratio | MB |",
        "|---|---|---|---|",
        f"| `write_nifti` (isal, level 1, fsync) | {a:.3f} | {b / a:.1f} | {sizes[0]:.1f} |",
        f"| `SimpleITK.WriteImage` (zlib) | {b:.3f} | 1.0 | {sizes[1]:.1f} |",
        "",
    ]
    out = ROOT / "results" / "speed" / "phantom.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


def _who(workers: int) -> str:
    return f"{workers} processes" if workers else "one process"


if __name__ == "__main__":
    main()
