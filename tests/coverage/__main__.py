"""Measure everything, or some again; write results/coverage.md and what it is made of; fail when a gate does."""

import argparse
import sys
from pathlib import Path

from benchmark.files import write_text
from tests.coverage.measure import SEED, measure, report
from tests.coverage.record import rows_of


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the nightly number of repeats")
    parser.add_argument("--seed", type=int, default=SEED, help="fixed by default; give a fresh one weekly")
    parser.add_argument(
        "--only", action="append", default=[], help="measure what has this in its name, as call_cov"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "results" / "coverage.md")
    options = parser.parse_args()
    path = options.out.with_suffix(".json")
    kept, absent = measure(options.scale, options.seed, options.workers, path, options.only)
    write_text(options.out, report(kept, options.seed, absent))
    rows = [row for entry in kept for row in rows_of(entry)]
    out = [row for row in rows if not row.passed]
    sys.stdout.write(f"{len(rows)} measurements, {len(out)} outside their band: {options.out}\n")
    for row in out:
        sys.stdout.write(f"  {row.case}: {row.what} {row.rate:.4f} not in {row.low:.4f}–{row.high:.4f}\n")
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
