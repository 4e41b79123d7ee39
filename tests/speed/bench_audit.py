"""How long the audit and the reconstruction of a whole paper take: writes ``results/speed/audit.md``.

Run: ``python tests/speed/bench_audit.py``. The alternative in the same run is the search written down plainly:
every pair of true and false positives for every pair of positives and negatives, in Python.
"""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import scipy

from benchmark.published.audit import audit
from benchmark.published.candidates import search_candidates
from benchmark.published.counts import PrintedRow, as_rows
from benchmark.published.load import load_published
from benchmark.published.reconstruct import reconstruct

REPEATS = 5
OUT = Path("results/speed/audit.md")


def plain_search(rows: list[PrintedRow], n: int) -> int:
    """Pairs of positives and negatives up to ``n`` patients for which each row alone is possible."""
    found = 0
    for positives in range(1, n):
        for negatives in range(1, n - positives + 1):
            found += all(_plain_row(row, positives, negatives) for row in rows)
    return found


def _plain_row(row: PrintedRow, positives: int, negatives: int) -> bool:
    for fp in range(negatives + 1):
        if not row.fpr.fits(Fraction(fp, negatives)):
            continue
        for tp in range(row.needed(positives), positives + 1):
            if row.precision.fits(Fraction(tp, tp + fp)):
                return True
    return False


def seconds(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return median(times)


def main() -> None:
    """Measure and write."""
    paper = load_published("zhuang2025")
    rows = as_rows(paper.operating_points["ucla"]["sybil"])
    ours = seconds(lambda: search_candidates(rows, 51, 28))
    plain = seconds(lambda: plain_search(rows, 51), repeats=1)
    whole, items = seconds(lambda: audit(paper)), len(audit(paper))
    with tempfile.TemporaryDirectory() as folder:
        rebuild = seconds(lambda: reconstruct(paper, folder))
        built = reconstruct(paper, folder)
    numbers = f"{len(built.scored)} models, {built.met} of {built.met + len(built.unmet)} numbers met"
    lines = [
        "# Audit and reconstruction of Zhuang et al. 2025",
        "",
        f"`python tests/speed/bench_audit.py`, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}; medians of {REPEATS} runs (plain search: one run).",
        "",
        "| what | seconds |",
        "|---|---|",
        f"| audit of the whole paper ({items} items) | {whole:.2f} |",
        f"| reconstruction of the whole paper ({numbers}) | {rebuild:.2f} |",
        f"| candidates of one model, 51 patients: `search_candidates` | {ours:.4f} |",
        f"| the same by a plain search in Python | {plain:.2f} |",
        f"| ratio | {plain / ours:.0f} |",
        "",
    ]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
