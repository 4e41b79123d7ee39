"""What a run was: versions, commit, seeds, inputs and times, written beside its outputs."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmark.errors import InputError, Problem
from benchmark.files import sha256, write_text
from benchmark.formats.json import read_json
from benchmark.outputs.command_line import told

PACKAGES = ("nodule-bench", "numpy", "pandas", "scipy", "scikit-learn", "torch", "open_clip_torch", "peft")


class RunRecord:
    """Collects facts about a run and writes them as JSON.

    Args:
        command: The command with its options (``benchmark.outputs.command_line``).
        settings: What was asked, resolved; recorded as ``told`` tells it.
        seed: The run's seed.
    """

    def __init__(self, command: str, settings: Mapping[str, Any], seed: int | None = None) -> None:
        self._start = time.monotonic()
        self.facts: dict[str, Any] = {
            "command": command,
            "settings": told(settings),
            "seed": seed,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: v for name in PACKAGES if (v := installed_version(name))},
            **_commit(),
            "inputs": {},
            "seconds": {},
        }

    def add_input(self, name: str, path: Path | str) -> None:
        """Record the SHA-256 of an input file under ``name``."""
        self.facts["inputs"][name] = sha256(path)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Record how long the block took, in seconds of the monotonic clock."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.facts["seconds"][phase] = round(time.monotonic() - begin, 3)

    def write(self, path: Path | str, **facts: Any) -> None:  # noqa: ANN401
        """Write the record, with ``facts`` added, atomically."""
        self.facts.update(facts)
        self.facts["seconds"]["total"] = round(time.monotonic() - self._start, 3)
        write_text(path, json.dumps(self.facts, indent=2, sort_keys=True, default=str) + "\n")


def check_record(path: Path) -> None:
    """Refuse to replace a file that is no record of a run.

    Raises:
        InputError: Names it.
    """
    if not path.exists():
        return
    try:
        content = read_json(path, nan="kept")
    except InputError:
        content = None
    if not (isinstance(content, dict) and {"command", "settings", "packages"} <= set(content)):
        what = "is no record of a run, and is not replaced"
        raise InputError(Problem(what, "move it away, or choose another --model or --out", path))


def installed_version(package: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> dict[str, Any]:
    """The commit of the source tree this code runs from, if it is a git checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return {"commit": None, "dirty": None}

    def git(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 (our own words, no shell)
            ["git", "-C", str(root), *arguments],  # noqa: S607 (the git of the user's PATH is trusted)
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    return {"commit": git("rev-parse", "HEAD") or None, "dirty": bool(git("status", "--porcelain"))}
