"""Where the demo's time goes: ``python tests/speed/bench_demo.py`` writes results/speed/demo.md.

It runs ``bench demo`` whole, in this process, and notes the processor time (with that of worker processes) and
the wall clock of each of its stages.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

STAGES = {
    "prepare_phantom": "CT scans",
    "crops_of": "crops",
    "train_run": "training",
    "score_cohort": "scores of the network",
    "score_with_producer": "scores of the baselines",
    "write_explanation": "zero-shot explanation",
    "compare_cohorts": "comparison and page",
}
"""Functions that the demo calls, and what they are in the table."""


class Clock:
    """Adds up processor and wall seconds under the names of stages."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose calls are added to the stage ``name``."""

        def call(*args: Any, **named: Any) -> Any:
            begin = now()
            try:
                return function(*args, **named)
            finally:
                spent = self.spent.setdefault(name, [0.0, 0.0])
                for index, (before, after) in enumerate(zip(begin, now(), strict=True)):
                    spent[index] += after - before

        return call


def now() -> tuple[float, float]:
    """Processor seconds of this process and of those that it waited for, and the wall clock."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used), time.perf_counter()


def measure(workers: int | None, quick: bool) -> dict[str, tuple[float, float]]:
    """Processor and wall seconds of each stage, of loading the code, and of the whole."""
    started = now()
    from clip_nodule import demo

    clock, begin = Clock(), now()
    size = demo.QUICK if quick else demo.FULL
    with tempfile.TemporaryDirectory() as folder, ExitStack() as changed:
        for function, name in STAGES.items():
            changed.enter_context(mock.patch.object(demo, function, clock.timed(name, getattr(demo, function))))
        demo.run_demo(Path(folder) / "demo", size, seed=0, workers=workers)
        end = now()
    stages = {name: tuple(clock.spent[name]) for name in STAGES.values()}
    whole = tuple(b - a for a, b in zip(started, end, strict=True))
    loading = tuple(b - a for a, b in zip(started, begin, strict=True))
    rest = tuple(w - sum(spent[i] for spent in [*stages.values(), loading]) for i, w in enumerate(whole))
    return {"loading the code": loading, **stages, "the rest": rest, "the whole": whole}  # type: ignore[dict-item]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "speed" / "demo.md")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    spent = measure(args.workers, args.quick)
    import torch

    cores = len(os.sched_getaffinity(0))
    lines = [
        "# Speed of the demo",
        "",
        f"`python tests/speed/bench_demo.py{' --quick' if args.quick else ''}` · "
        f"Python {platform.python_version()}, torch {torch.__version__} · {cores} cores, "
        f"load {load:.1f} when this began and {os.getloadavg()[0]:.1f} at the end.",
        "",
        "Processor seconds are those of all processes together. Other work lengthens the wall clock.",
        "",
        "| stage | processor seconds | wall seconds |",
        "|---|---|---|",
        *(f"| {name} | {used:.1f} | {wall:.1f} |" for name, (used, wall) in spent.items()),
        "",
    ]
    args.out.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
