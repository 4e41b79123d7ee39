"""Who writes a result, told to other machines: between two hosts a lock of the system may not hold.

A lease is a small file beside the result that one process makes (``O_EXCL``), with its host and process, and
removes when it is done. Meanwhile it renews the file's time (a heartbeat). A lease that was not renewed for
``STALE`` seconds, by the clock of the disk on which it lies, is that of a process that died or whose host did: it
is taken over. Processes of one machine are told apart by a lock of the system (``benchmark.outputs.locks``), so a
lease of this machine that is found by who holds that lock was left behind.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import secrets
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmark.errors import InputError
from benchmark.formats.json import parse_json
from benchmark.formats.opening import read_text

log = logging.getLogger(__name__)

BEAT = 20.0
"""Seconds between two renewals."""
STALE = 180.0
"""Seconds without one after which a lease is taken over; a network disk may show times up to a minute late."""
SETTLE = 0.5
"""Seconds after which who took a stale lease over looks whether another did so a moment later."""
_LARGEST = 4096
_PAUSE = 0.5


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        host: Name of its machine.
        process: Its number there.
        machine: What tells that machine from another of the same name, until it is started again.
        token: Drawn for each lease.
    """

    host: str
    process: int
    machine: str
    token: str

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}" if self.host else "another process"


@lru_cache(maxsize=1)
def machine() -> str:
    """What tells this machine from others: a number of its start where there is one (Linux), else its name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return platform.node()


class Lease:
    """One result's lease.

    Args:
        path: Its file; the folder is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.holder = Holder(platform.node(), os.getpid(), machine(), secrets.token_hex(8))
        self._ended = threading.Event()
        self._beats: threading.Thread | None = None

    def take(self) -> Holder | None:
        """Take it: None, or who has it.

        Only for who holds the lock of the same result (see the module).

        Raises:
            OSError: The file cannot be made.
        """
        while not self._made(self.path):
            there = read_holder(self.path)
            if there is None:  # it was given up just now
                continue
            stale = _age(self.path) > STALE
            if there.machine != self.holder.machine and not stale:
                return there
            if self._taken_over(there, settle=SETTLE if stale else 0):
                break
        self._beats = threading.Thread(target=self._renew, daemon=True)
        self._beats.start()
        return None

    def give_up(self) -> None:
        """Let others have it."""
        self._ended.set()
        if self._beats is not None:
            self._beats.join()
        if read_holder(self.path) == self.holder:
            with suppress(OSError):
                self.path.unlink()

    def _made(self, path: Path) -> bool:
        """Write who it is into a file that is not there yet."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660)
        except FileExistsError:
            return False
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(vars(self.holder)))
        except OSError:  # an empty one would look like another's
            path.unlink(missing_ok=True)
            raise
        return True

    def _taken_over(self, there: Holder, settle: float) -> bool:
        """Put a lease of its own in the place of another's, and see whether it is still there a while later.

        Of several hosts that do so at once the last one has it: the place is never empty meanwhile.
        """
        own = self.path.with_name(f".bench-{self.path.name}-{secrets.token_hex(4)}")
        if not self._made(own) or read_holder(self.path) != there:
            own.unlink(missing_ok=True)
            return False
        own.replace(self.path)
        time.sleep(settle)
        return read_holder(self.path) == self.holder

    def _renew(self) -> None:
        while not self._ended.wait(BEAT):
            there = read_holder(self.path)
            if there == self.holder:
                with suppress(OSError):
                    os.utime(self.path)  # a file server sets its own time
            elif there is None:
                with suppress(OSError):
                    self._made(self.path)
            else:
                log.warning(
                    "%s was taken over by %s, because this process did not run for %.0f s", self.path, there, STALE
                )
                return


def read_holder(path: Path) -> Holder | None:
    """Who holds a lease; None where there is none. One that cannot be read has a holder without a name."""
    try:
        content = parse_json(read_text(path, _LARGEST), path)
        return Holder(
            str(content["host"]), int(content["process"]), str(content["machine"]), str(content["token"])
        )
    except (InputError, KeyError, TypeError, ValueError):
        return Holder("", 0, "", "") if path.exists() else None


def _age(path: Path) -> float:
    """Seconds since a file was written, both times being those of the disk on which it lies."""
    try:
        written = path.stat().st_mtime
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            return os.fstat(probe.fileno()).st_mtime - written
    except OSError:
        return 0.0


def wait_for(lease: Lease, seconds: float | None = None) -> Holder | None:
    """Take a lease as soon as who has it is done, and say once who that is.

    Args:
        lease: The lease.
        seconds: How long to wait; for ever by default.

    Returns:
        None, or who has it still.
    """
    end = time.monotonic() + (float("inf") if seconds is None else seconds)
    said = False
    while (there := lease.take()) is not None and time.monotonic() < end:
        if not said:
            log.warning("waiting for %s, which writes there: %s", there, lease.path.parent)
            said = True
        time.sleep(_PAUSE)
    return there
