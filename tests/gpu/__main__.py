"""What must be known about a GPU, in eight minutes at most: ``results/speed/gpu.md``, and JSON after every part.

python -m tests.gpu            # on a machine with a GPU; writes into $OUT where it is set
python -m tests.gpu --dry      # on a processor: the same lines of code at tiny sizes, into a temporary folder
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).parent / "stand_in"


def main() -> None:
    """Run the parts in the order in which they are needed, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="on the processor, at tiny sizes")
    parser.add_argument(
        "--limit",
        type=float,
        default=460,
        help="seconds that all parts may take; a dry run's parts may take ten times as long",
    )
    parser.add_argument("--only", nargs="*", default=[], help="parts to run, by name")
    parser.add_argument("--out", type=Path, help="folder of gpu.md and gpu.json")
    chosen = parser.parse_args()
    if find_spec("SimpleITK") is None:  # child processes must find the stand-in too
        sys.path.append(str(STAND_IN))
        os.environ["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(ROOT), os.environ.get("PYTHONPATH"), str(STAND_IN)])
        )

    import torch

    from tests.gpu.card import Card
    from tests.gpu.findings import Findings, Found
    from tests.gpu.measurements import Measurements
    from tests.gpu.report import write_report
    from tests.gpu.steps import WAYS

    if not chosen.dry and not torch.cuda.is_available():
        sys.exit("there is no CUDA device here; --dry runs the same lines on the processor")
    warnings.filterwarnings("ignore")
    card = Card(torch.device("cpu" if chosen.dry else "cuda"))
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as scratch:
        default = Path(scratch) / "out" if chosen.dry else ROOT / "results" / "speed"
        out = chosen.out or Path(os.environ.get("OUT", default))
        findings = Findings(out / "gpu.json", chosen.limit * (10 if chosen.dry else 1))
        measured = Measurements(card, Path(scratch))
        first, *others = WAYS
        parts: dict[str, tuple[float, Callable[[Found], None]]] = {
            "machine": (30, measured.machine),
            "step": (150, measured.steps),
            f"whole runs, {first}": (100, partial(measured.whole_run, way=first)),
            "scoring": (80, measured.scoring),
            "planes": (50, measured.planes),
            "gpu tests": (160, measured.tests),
            **{f"whole runs, {way}": (100, partial(measured.whole_run, way=way)) for way in others},
        }
        for name, (seconds, part) in parts.items():
            if not chosen.only or name in chosen.only:
                findings.run(name, seconds * (10 if chosen.dry else 1), part)
                write_report(findings.parts, out / "gpu.md")
        print((out / "gpu.md").read_text(encoding="utf-8"))  # noqa: T201
    if findings.failed:
        sys.exit(f"failed: {', '.join(findings.failed)}")


if __name__ == "__main__":
    main()
