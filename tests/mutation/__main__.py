"""Seed every fault in a copy of the tree and run the tests that must notice it."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.mutation.faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("benchmark", "clip_nodule", "adapters", "tests", "pyproject.toml")


def run_tests(tree: Path, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Pytest in ``tree``, which shadows the installed packages; stops at the first failure."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    whole = {name: value for name, value in os.environ.items() if name != "BENCH_SHARE"}
    environment = whole | {
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tree / ".hypothesis"),
    }
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def seed_fault(tree: Path, fault: Fault) -> str:
    """Put the fault into its file; return the sound text."""
    file = tree / fault.file
    sound = file.read_text(encoding="utf-8")
    if sound.count(fault.old) != 1:
        raise SystemExit(f"{fault.name}: its text stands {sound.count(fault.old)} times in {fault.file}, not once")
    file.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
    return sound


def copy_tree(target: Path) -> None:
    """The packages and tests, without what they wrote."""
    skip = shutil.ignore_patterns("__pycache__", ".hypothesis", "*.egg-info")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=skip)
        else:
            shutil.copy(source, target / name)


def escaped(tree: Path, faults: Iterable[Fault]) -> list[str]:
    """Names of the faults that no test noticed."""
    missed = []
    for fault in faults:
        sound = seed_fault(tree, fault)
        result = run_tests(tree, fault.tests)
        (tree / fault.file).write_text(sound, encoding="utf-8")
        # 1 is a failed test; anything else is a fault that does not even run, which proves nothing.
        if result.returncode not in (0, 1) or " error" in result.stdout.splitlines()[-1]:
            raise SystemExit(
                f"{fault.name}: the tests did not run:\n{result.stdout[-3000:]}{result.stderr[-2000:]}"
            )
        caught = result.returncode == 1
        first = next((line for line in result.stdout.splitlines() if line.startswith("FAILED")), "")
        sys.stdout.write(f"{'caught ' if caught else 'MISSED '} {fault.name}  {first[7:110]}\n")
        sys.stdout.flush()
        if not caught:
            missed.append(fault.name)
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults whose name holds this text")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if options.only in fault.name]
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        sound = run_tests(tree, sorted({test for fault in faults for test in fault.tests}))
        if sound.returncode != 0:
            raise SystemExit(f"the tests fail without any fault:\n{sound.stdout[-3000:]}{sound.stderr[-2000:]}")
        missed = escaped(tree, faults)
    sys.stdout.write(f"{len(faults) - len(missed)} of {len(faults)} faults caught\n")
    return 1 if missed or not faults else 0


if __name__ == "__main__":
    sys.exit(main())
