"""Speed of phantom scans: `python tests/speed/bench_phantom.py` writes results/speed/phantom.md.

The named alternative for writing is SimpleITK's own NIfTI writer, which compresses with zlib.
"""

from __future__ import annotations

import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.cohorts.phantom import prepare_phantom  # noqa: E402
from benchmark.cohorts.phantom.scanner import write_nifti  # noqa: E402


def main() -> None:
    """Draw a cohort with one process, then write one of its scans in two ways."""
    count = 24
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        cohort = prepare_phantom("nlst", Path(folder) / "nlst", seed=0, n_patients=count)
        drawing = (time.perf_counter() - begin) / count
        image = sitk.ReadImage(str(cohort.image_root / cohort.nodules["image_path"][0]))
        volume = sitk.GetArrayFromImage(image)
        spacing, origin = np.array(image.GetSpacing())[::-1], np.array(image.GetOrigin())
        cosines = np.array(image.GetDirection()).reshape(3, 3)
        ours, theirs = [], []
        for _ in range(9):
            begin = time.perf_counter()
            write_nifti(Path(folder) / "ours.nii.gz", volume, spacing, cosines, origin)
            middle = time.perf_counter()
            sitk.WriteImage(image, str(Path(folder) / "theirs.nii.gz"), True)
            ours.append(middle - begin)
            theirs.append(time.perf_counter() - middle)
        sizes = [(Path(folder) / f"{name}.nii.gz").stat().st_size / 1e6 for name in ("ours", "theirs")]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    a, b = float(np.median(ours)), float(np.median(theirs))
    lines = [
        "# Phantom scans",
        "",
        f"`python tests/speed/bench_phantom.py`: {count} `nlst` patients, one process; writing: median of 9.",
        f"Python {platform.python_version()}, numpy {np.__version__}, SimpleITK {sitk.Version_VersionString()}.",
        "",
        f"- one scan with its nodules, drawn and written: {drawing:.2f} s; peak memory {memory:.0f} MiB",
        "",
        "| writing one scan | seconds | ratio | MB |",
        "|---|---|---|---|",
        f"| `write_nifti` (isal, level 1, fsync) | {a:.3f} | {b / a:.1f} | {sizes[0]:.1f} |",
        f"| `SimpleITK.WriteImage` (zlib) | {b:.3f} | 1.0 | {sizes[1]:.1f} |",
        "",
    ]
    out = ROOT / "results" / "speed" / "phantom.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
