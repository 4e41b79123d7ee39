"""A Python without the extras and the modules of POSIX: what runs here runs on the light install, on any system.

``python -m tests.light.without imports`` imports every module of the project, and prints as JSON the error of each
that cannot be. ``python -m tests.light.without run`` reads a list of command lines from standard input, runs
each as ``bench`` would, and prints their exit statuses and outputs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType

from benchmark.extras import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
COME_ANYWAY = {"PIL", "threadpoolctl"}
"""What matplotlib and scikit-learn bring, and they the light install."""
BLOCKED = {module.split(".")[0] for modules in EXTRAS.values() for module in modules} - COME_ANYWAY - {"google"}
POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}


class Blocked(MetaPathFinder):
    """Finds none of what is blocked, as if it were not installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Refuse what is blocked."""
        if name.split(".")[0] in BLOCKED | POSIX_MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def block() -> None:
    """Take all of it away from this process."""
    for name in BLOCKED | POSIX_MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Blocked())


def imports() -> dict[str, list[str]]:
    """Type and message of the error of each module of the project that cannot be imported."""
    errors = {}
    for package in ("benchmark", "adapters", "clip_nodule"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if parts[-1] == "__main__":
                continue
            try:
                import_module(name)
            except Exception as error:
                errors[name] = [type(error).__name__, str(error)]
    return errors


def run(commands: list[list[str]]) -> list[tuple[int, str]]:
    """Exit status and output of each command line, both streams together."""
    from typer.testing import CliRunner

    from benchmark.cli.main import app

    results = []
    for words in commands:
        done = CliRunner().invoke(app, words)
        crash = "" if done.exception is None or isinstance(done.exception, SystemExit) else repr(done.exception)
        results.append((done.exit_code, done.output + crash))
    return results


if __name__ == "__main__":
    block()
    print(json.dumps(imports() if sys.argv[1] == "imports" else run(json.load(sys.stdin))))  # noqa: T201
