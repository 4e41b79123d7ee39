"""Findings of a check, written after every part, so that one that fails or takes too long costs no other."""

from __future__ import annotations

import json
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

Found = dict[str, Any]


class OutOfTime(BaseException):
    """A part took longer than it may. No ``Exception``, so that nothing within the part takes it for its own."""


class Findings:
    """What was found, by part; the file is rewritten after every part.

    Args:
        file: Where to.
        limit: Seconds that all parts may take together.
    """

    def __init__(self, file: Path, limit: float) -> None:
        self.file, self.begin, self.limit = file, time.perf_counter(), limit
        self.parts: dict[str, Found] = {}

    @property
    def failed(self) -> list[str]:
        """Parts that failed or were left out."""
        return [name for name, found in self.parts.items() if "error" in found]

    def run(self, name: str, seconds: float, part: Callable[[Found], None]) -> None:
        """Run a part for ``seconds`` at most; what it had found when it failed is kept, with the error.

        Args:
            name: The part's name.
            seconds: Its time limit.
            part: Puts what it finds into the mapping that it is given.
        """
        found = self.parts[name] = {}
        begin = time.perf_counter()
        left = min(seconds, self.limit - (begin - self.begin))
        try:
            if left < 1:
                raise OutOfTime
            before = signal.signal(signal.SIGALRM, _stop)
            signal.setitimer(signal.ITIMER_REAL, left)
            try:
                part(found)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
        except OutOfTime:
            found["error"] = f"stopped after {max(left, 0):.0f} s" if left >= 1 else "left out: no time was left"
        except Exception as error:
            found["error"] = f"{type(error).__name__}: {error}"[:800]
            found["traceback"] = traceback.format_exc()[-3000:]
        found["seconds"] = round(time.perf_counter() - begin, 1)
        self.write()
        print(f"{name}: {found['seconds']} s {found.get('error', '')}", flush=True)  # noqa: T201

    def write(self) -> None:
        """Write the file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.parts, indent=1, default=str) + "\n", encoding="utf-8")


def _stop(number: int, frame: FrameType | None) -> None:
    raise OutOfTime
