"""What a worker process may use up for one task: memory and processor time, where the system can limit them.

A read that waits, e.g. for a server that is gone, uses neither: seconds in which a task only waits are limited too
and counted by the program that started the worker.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmark.wording import in_words

log = logging.getLogger(__name__)

OUT_OF_MEMORY = 71
"""Exit status of a worker whose task needed more memory than it may have; no signal and no usual status."""
OUT_OF_TIME = 72
"""Instead of the exit status of a worker that was ended, or left alone, because its task waited too long."""
WAITING = 10
"""Seconds of waiting for each of processor time: a slow server must not end a task."""
SWOLLEN = 600_000_000
"""Bytes that a worker may hold between two tasks: one that holds more leaks, and another takes its place."""
ENVIRONMENT = {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Set in workers with limits: each thread reserves some 70 MB of addresses, which count as memory."""


@dataclass(frozen=True)
class TaskLimits:
    """What one task may use up.

    Attributes:
        memory: Bytes beyond what its process holds when it begins.
        seconds: Of processor time.
        waiting: Seconds of waiting for each of processor time.
    """

    memory: int
    seconds: int
    waiting: float = WAITING

    @property
    def patience(self) -> float:
        """Seconds that a task may wait (see ``benchmark.work.patience``)."""
        return self.seconds * self.waiting

    def broken(self, status: int) -> str:
        """Which limit a worker that ended with a status went beyond, as a sentence's end; empty if none."""
        if status == OUT_OF_MEMORY:
            return f"needs more than {self.memory / 1e9:.1f} GB of memory"
        if status == -getattr(signal, "SIGXCPU", 0):
            return f"takes more than {self.seconds} s of processor time"
        if status == OUT_OF_TIME:
            return f"waits for more than {self.patience:g} s"
        return ""


@contextmanager
def limited(limits: TaskLimits) -> Iterator[None]:
    """Hold this process to limits, as far as its system knows them: none on Windows, no memory on macOS.

    Memory beyond the limit cannot be had (``MemoryError``); processor time beyond it ends the process
    (``SIGXCPU``).
    """
    try:
        import resource
    except ImportError:  # Windows
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + 1 + limits.seconds,
        resource.RLIMIT_CORE: 0,
    }
    held = _bytes_held()
    if held is not None:
        wanted[resource.RLIMIT_AS] = held[0] + limits.memory
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    for kind, value in wanted.items():
        soft, hard = before[kind]
        own = [end for end in (soft, hard) if end != resource.RLIM_INFINITY]
        resource.setrlimit(kind, (min([value, *own]), hard))
    try:
        yield
    finally:
        for kind, ends in before.items():
            resource.setrlimit(kind, ends)


def not_limited() -> list[str]:
    """What this system does not limit: memory on macOS, processor time on Windows too; nothing on Linux."""
    try:
        import resource  # noqa: F401
    except ImportError:
        return ["memory", "processor time"]
    return ["memory"] if _bytes_held() is None else []


@lru_cache(maxsize=1)
def warn_of_what_is_not_limited() -> None:
    """Say, once, that tasks may use up what they like, where that is so."""
    if missing := not_limited():
        log.warning(
            "this system does not limit the %s of what reads a scan: a damaged file may use up all there is",
            in_words(missing),
        )


def swollen() -> bool:
    """Whether this process holds more memory than one between two tasks should."""
    held = _bytes_held()
    return held is not None and held[1] > SWOLLEN


def _bytes_held() -> tuple[int, int] | None:
    """Bytes of addresses and of memory of its own that this process holds; None where the system does not say.

    What it shares with others does not count as its own: libraries, and files that are looked at where they lie.
    """
    try:
        import resource

        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
        return int(pages[0]) * resource.getpagesize(), (int(pages[1]) - int(pages[2])) * resource.getpagesize()
    except (ImportError, OSError, ValueError, IndexError):
        return None
