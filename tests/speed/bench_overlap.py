"""How well fingerprints find copies: `python tests/speed/bench_overlap.py` writes results/speed/overlap.md.

Phantom nodules, all different, against a copy of each (`overlap_copies`): which copies are found, and which pairs
of different nodules are taken for one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.contracts.fingerprints import ALIKE, Fingerprints, alike  # noqa: E402
from benchmark.files import write_text  # noqa: E402
from benchmark.imaging.cropping.fingerprint import LENGTH, fingerprints_of  # noqa: E402
from benchmark.imaging.recipe import RECIPES  # noqa: E402
from tests.speed.overlap_copies import nodule_copies  # noqa: E402

PRESETS, SCANS = ("nlst", "ucla", "lungx"), 100


def as_cohort(vectors: npt.NDArray[np.int8]) -> Fingerprints:
    """Vectors as those of a cohort."""
    names = tuple(map(str, range(len(vectors))))
    return Fingerprints(names, names, vectors, (0,) * len(vectors))


def exact_limits(found: int, of: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % limits of a share."""
    low = 0.0 if found == 0 else float(beta.ppf(0.025, found, of - found + 1))
    return low, 1.0 if found == of else float(beta.ppf(0.975, found + 1, of - found))


def main() -> None:
    """Draw, match, write."""
    start, made = time.perf_counter(), []
    spent = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for original, copy in nodule_copies(PRESETS, SCANS, Path(folder)):
            begin = time.perf_counter()
            made.append(fingerprints_of(np.stack([original, copy]), RECIPES["default"]))
            spent += time.perf_counter() - begin
    vectors = np.stack(made)
    originals, copies = as_cohort(vectors[:, 0]), as_cohort(vectors[:, 1])
    pairs = alike(originals, copies)
    count = len(originals)
    found = sum(first == second for first, second, _ in pairs)
    confused = len(pairs) - found
    different = count * (count - 1)
    low, high = exact_limits(found, count)
    units = [
        part / np.linalg.norm(part, axis=1, keepdims=True) for part in vectors.astype(float).transpose(1, 0, 2)
    ]
    likeness = units[0] @ units[1].T
    others = likeness[~np.eye(count, dtype=bool)]
    own = np.diag(likeness)
    share = confused / different
    most = exact_limits(confused, different)[1]
    text = f"""# Fingerprints of nodules: copies found, others confused

`python tests/speed/bench_overlap.py`: {count:,} different phantom nodules
({", ".join(PRESETS)}; {SCANS} scans each) against a copy of each: resampled to 1 mm (linear or cubic),
values × 0.2 to 2 and −1,500 to +1,500, centre off by half a voxel of the original along each axis.
A fingerprint has {LENGTH} bytes; two are of one nodule from a correlation of {ALIKE:g} on.

| | number | share | 95 % limits (Clopper–Pearson) |
|---|---|---|---|
| copies found | {found:,} of {count:,} | {found / count:.2%} | {low:.2%}–{high:.2%} |
| pairs of different nodules confused | {confused:,} of {different:,} | {share:.1e} | at most {most:.1e} |

Correlation of a nodule with its copy: least {own.min():.3f}, of 99 % at least {np.quantile(own, 0.01):.3f},
median {np.median(own):.3f}. Of different nodules: largest {others.max():.3f}, one in 100,000 above
{np.quantile(others, 1 - 1e-5):.3f}.

{1000 * spent / (2 * count):.1f} ms a fingerprint; drawing and all {time.perf_counter() - start:,.0f} s,
beside other work.
"""
    write_text(ROOT / "results" / "speed" / "overlap.md", text)


if __name__ == "__main__":
    main()
