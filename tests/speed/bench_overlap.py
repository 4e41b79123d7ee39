"""How well fingerprints find copies: `python tests/speed/bench_overlap.py` writes results/speed/overlap.md.

Phantom nodules, all different, against a copy of each (`overlap_copies`): which copies are found, and which pairs
of different nodules are taken for one.
"""

from __future__ import annotations

import argparse
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
from tests.speed.overlap_copies import RECIPE, nodule_copies  # noqa: E402

PRESETS, SCANS = ("nlst", "ucla", "lungx"), 100


def as_cohort(vectors: npt.NDArray[np.int8]) -> Fingerprints:
    """Vectors as those of a cohort."""
    names = tuple(map(str, range(len(vectors))))
    return Fingerprints(names, names, vectors, (0,) * len(vectors))


def exact_limits(found: int, of: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % limits of a share."""
    low = 0.0 if found == 0 else float(beta.ppf(0.025, found, of - found + 1))
    return low, 1.0 if found == of else float(beta.ppf(0.975, found + 1, of - found))


def unit_vectors(vectors: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """Vectors of length 1, whose products are correlations."""
    values = vectors.astype(np.float64)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))


def drawn_fingerprints(scans: int, seed: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8], float]:
    """Fingerprints of the nodules, those of their copies, and the seconds that one took."""
    made, spent = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for original, copy in nodule_copies(PRESETS, scans, Path(folder), seed):
            begin = time.perf_counter()
            made.append(fingerprints_of(np.stack([original, copy]), RECIPE))
            spent += time.perf_counter() - begin
    vectors = np.stack(made)
    return vectors[:, 0], vectors[:, 1], spent / (2 * len(made))


def table(first: Fingerprints, second: Fingerprints) -> list[str]:
    """What `alike` finds of copies and takes for copies of others, and how alike those are."""
    count = len(first)
    found = sum(a == b for a, b, _ in alike(first, second))
    crossed = sum(a != b for a, b, _ in alike(first, second))
    among = [sum(a < b for a, b, _ in alike(one, one)) for one in (first, second)]
    pairs, all_pairs = count * (count - 1), 2 * count * (count - 1)
    units = [unit_vectors(one.vectors) for one in (first, second)]
    likeness = units[0] @ units[1].T
    own, others = np.diag(likeness), likeness[~np.eye(count, dtype=bool)]
    rows = [
        ("copies found", found, count, f"{found / count:.2%}", "{:.2%}–{:.2%}".format(*exact_limits(found, count)))
    ]
    for what, confused, of in (
        ("pairs of different nodules confused: nodule with another's copy", crossed, pairs),
        ("the same, and nodules and copies among themselves", crossed + sum(among), all_pairs),
    ):
        most = exact_limits(confused, of)[1]
        rows.append((what, confused, of, f"{confused / of:.1e}" if confused else "0", f"at most {most:.1e}"))
    mine = (own.min(), np.quantile(own, 0.01), np.median(own))
    theirs = (others.max(), np.quantile(others, 1 - 1e-5))
    return [
        "| | number | share | 95 % limits (Clopper–Pearson) |",
        "|---|---|---|---|",
        *(f"| {what} | {k:,} of {n:,} | {share} | {limits} |" for what, k, n, share, limits in rows),
        "",
        "Of a nodule with its copy: least correlation {:.3f}, of 99 % at least {:.3f}, median {:.3f}.".format(
            *mine
        ),
        "Of different nodules: largest {:.3f}, one in 100,000 above {:.3f}.".format(*theirs),
    ]


def main() -> None:
    """Draw, match, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=140, help=f"scans of each of {', '.join(PRESETS)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "speed" / "overlap.md")
    options = parser.parse_args()
    originals, copies, each = drawn_fingerprints(options.scans, options.seed)
    lines = table(as_cohort(originals), as_cohort(copies))
    text = f"""# Fingerprints of nodules: copies found, others confused

`python tests/speed/bench_overlap.py --scans {options.scans} --seed {options.seed}`: {len(originals):,} different
phantom nodules ({", ".join(PRESETS)}; {options.scans} scans each) against a copy of each:
resampled to 1 mm (linear or cubic), values × 0.2 to 2 and −1,500 to +1,500,
centre off by half a voxel of the original along each axis.
A fingerprint has {LENGTH} bytes; two are of one nodule from a correlation of {ALIKE:g} on.

{chr(10).join(lines)}

{1000 * each:.1f} ms a fingerprint of {RECIPE.size} mm, {time.process_time():,.0f} s of processor time in all.
The limit of {ALIKE:g} was chosen on 450 other nodules (seed 0, 25 scans each), where 0.91 to 0.928 gave the same.
"""
    write_text(options.out, text)


if __name__ == "__main__":
    main()
