"""One process at a time writes a result: its lock is taken before the first write, and ends with the process.

Between processes of one machine a lock of the system decides; between machines that share a disk a lease does, a
file with host, process and heartbeat (``benchmark.outputs.leases``).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from benchmark.errors import InputError, Problem
from benchmark.files import remove_leftovers
from benchmark.outputs.leases import Lease, wait_for


class InUseError(InputError):
    """Another process is writing there."""


@contextmanager
def holding(target: Path | str, *beside: Path, wait: bool | float = False) -> Iterator[None]:
    """Hold a file or folder that is to be written, whether it is there or not.

    This tries, before any work begins, that something can be written there, and removes what a killed run left of
    it. A process that holds a target may hold it again. Lock and lease are hidden files beside the target; they go
    when the lock does, and so do folders that were made for them and hold nothing.

    Args:
        target: What is to be written; missing folders above it are made.
        beside: Files that belong to it and are written with it, such as the card of a score table.
        wait: Wait for another process to end, for ever or for some seconds, instead of refusing.

    Raises:
        InUseError: Another process holds it.
        InputError: Nothing can be written there.
    """
    place = Path(os.path.realpath(target))
    made = [folder for folder in place.parents if not folder.exists()]
    lock = FileLock(_lock_file(place), is_singleton=True)
    held_before = lock.is_locked
    lease = None if held_before else Lease(Path(lock.lock_file).with_suffix(".lease"))
    try:
        lock.acquire(timeout=-1 if wait is True else float(wait))
    except Timeout as error:
        raise _in_use(target, _owner(lock.lock_file)) from error
    except OSError as error:
        raise _unwritable(place.parent, error) from error
    try:
        if lease is not None:
            _take(lease, target, wait)
            with suppress(OSError):
                note = f"process {os.getpid()} on {platform.node()}"
                Path(lock.lock_file).write_text(note, encoding="utf-8")
            for path in (place, place / place.name, place / ".written.json", *beside):
                remove_leftovers(path)
        yield
    finally:
        if lease is not None:
            lease.give_up()
            # filelock 4 looks, once it has a lock, whether its file is still the one of that name
            with suppress(OSError):
                Path(lock.lock_file).unlink()
        lock.release()
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def _take(lease: Lease, target: Path | str, wait: bool | float) -> None:
    try:
        holder = wait_for(lease, None if wait is True else float(wait))
    except OSError as error:
        raise _unwritable(lease.path.parent, error) from error
    if holder is not None:
        raise _in_use(target, str(holder))


def _in_use(target: Path | str, owner: str) -> InUseError:
    return InUseError(
        Problem(f"is being written by {owner}", "wait for it to end, or choose another place", target)
    )


def _lock_file(place: Path) -> Path:
    """Beside the target; inside it where the folder above may not be written, such as a mounted disk."""
    name = f".{place.name.lstrip('.')[:200]}.lock"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(place.parent, error) from error
    if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
        raise _unwritable(place)
    if os.access(place.parent, os.W_OK | os.X_OK) or (place.parent / name).exists():
        return place.parent / name
    if place.is_dir():
        return place / ".lock"
    raise _unwritable(place.parent)


def _unwritable(place: Path, error: OSError | None = None) -> InputError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return InputError(Problem("cannot be written: it is a file, or lies in one", "give a folder", place))
    why = error.strerror if error else "Permission denied"
    return InputError(Problem(f"cannot be written: {why}", "choose another place with --out", place))


def _owner(lock_file: str | os.PathLike[str]) -> str:
    try:
        return Path(lock_file).read_text(encoding="utf-8").strip() or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"
