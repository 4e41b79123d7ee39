"""Writing files so that no torn file ever stands at its final name, listing finished ones, and hashing them."""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from benchmark.errors import BenchError, InputError, Problem

TEMPORARY = ".bench-"
"""What the names of everything begin with that is being written, or was left so by a run that was killed."""
LOCK_FILE = re.compile(r"\..*\.?(lock|lease)")
"""Name of a lock, which stands beside what is being written, and for good where an earlier version wrote."""
FILE_MODE = "BENCH_FILE_MODE"
"""Variable that says which permissions new files get, as octal digits."""
UNFINISHED = ".unfinished"
"""Folder in which downloads lie until they are whole; what looks for scans passes it over."""
_RANDOM = "[a-z0-9_]{8}"
_LONGEST = 180
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


class DiskError(BenchError):
    """The disk took no more; what stood at the final name before stands there still."""

    exit_status = 1


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it takes the place of ``path`` at once.

    A new file has the permissions of ``permissions``; one that is replaced keeps its own.

    On any exception the temporary file is removed and ``path`` keeps what it held. The data reaches the disk
    (``fsync``) before the rename, and the folder entry after it. What a killed run leaves is hidden
    (``is_temporary``), and removed by the next that writes ``path`` (``remove_leftovers``).

    Args:
        path: Final name. Missing folders are made.

    Yields:
        The temporary path, with the same suffix as ``path``.

    Raises:
        DiskError: The disk is full or cannot be written.
    """
    path = Path(path)
    if path.name.startswith(TEMPORARY):  # it takes another's place, at once, when all is written
        yield path
        return
    temporary, replaced = path, False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        take_permissions(temporary, path)
        flush(temporary)
        temporary.replace(path)
        replaced = True
        flush(path.parent)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        if replaced:
            what = f"was written, but may be lost when the power fails: {error.strerror} — look after the disk"
            raise DiskError(f"{path} — {what}") from error
        raise DiskError(f"{path} — cannot be written: {error.strerror} — what was there before is kept") from error
    finally:
        if temporary != path:
            temporary.unlink(missing_ok=True)


def permissions(*, folder: bool = False) -> int:
    """Permissions of what is new: those that the umask leaves, and none for others, as tables hold patients' ids.

    The variable ``BENCH_FILE_MODE`` (``600``, ``644``, ...) takes their place.

    Args:
        folder: Of a folder, which can be entered by whoever may read its files.

    Raises:
        InputError: The variable holds no such permissions.
    """
    stated = os.environ.get(FILE_MODE, "").strip()
    if stated:
        mode = int(stated, 8) if re.fullmatch("0?[0-7]{3}", stated) else 0
        if mode & ~0o664 or mode & 0o600 != 0o600:
            fix = "give three octal digits such as 640: you read and write, nobody runs, others do not write"
            raise InputError(Problem("is no permission of a file", fix, column=FILE_MODE, value=stated))
    else:
        umask = os.umask(0o077)  # it cannot be asked for; what another thread makes meanwhile is private
        os.umask(umask)
        mode = (0o660 & ~umask) | 0o600
    return mode | (mode & 0o444) >> 2 if folder else mode


@contextmanager
def keeping_private() -> Iterator[None]:
    """While this context is open, every new file and folder of this program and its children has ``permissions``.

    Raises:
        InputError: See ``permissions``.
    """
    before = os.umask(0o777 & ~permissions(folder=True))
    try:
        yield
    finally:
        os.umask(before)


def take_permissions(new: Path, old: Path) -> None:
    """Give a file the permissions of the one whose place it will take; those of a new one if there is none."""
    try:
        mode = stat.S_IMODE(old.stat().st_mode) & 0o777
    except OSError:
        mode = permissions()
    new.chmod(mode)


def temporary_folder(target: Path, parent: Path) -> Path:
    """Make an empty folder in ``parent``, named as what is being written for ``target``."""
    return Path(tempfile.mkdtemp(dir=parent, prefix=_prefix(target)))


def is_temporary(name: str) -> bool:
    """Whether a file or folder of this name is hidden: being written, left by a killed run, or not a result."""
    return name.startswith(".")


def list_finished(folder: Path | str, pattern: str = "*") -> list[Path]:
    """What is finished below a folder, sorted: nothing hidden, and nothing in a hidden folder.

    Args:
        folder: Where to look; it need not be there.
        pattern: As of ``Path.glob``; ``**/x`` looks in folders below too.
    """
    folder = Path(folder)
    found = (path for path in folder.glob(pattern) if path != folder)
    return sorted(path for path in found if not any(map(is_temporary, path.relative_to(folder).parts)))


def list_named(folder: Path | str, *patterns: str) -> list[list[str]]:
    """What ``list_finished(folder, "**/PATTERN")`` gives for each of several patterns, as texts, in one walk.

    Raises:
        OSError: A folder cannot be read: what is in it would be missing without a word.
    """
    expressions = [fnmatch.translate(pattern) for pattern in patterns]
    matches = [re.compile(expression).match for expression in expressions]
    fits_any = re.compile("|".join(expressions)).match
    fitting = cache(lambda name: [number for number, fits in enumerate(matches) if fits(name)])
    found: list[list[str]] = [[] for _ in patterns]
    folder = Path(folder)
    places = [str(folder)] if folder.is_dir() else []
    while places:
        with os.scandir(places.pop()) as entries:  # os.walk and a Path of each would take twice as long
            for entry in entries:
                name = entry.name
                if is_temporary(name):
                    continue
                if fits_any(name):
                    for number in fitting(name):
                        found[number].append(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    places.append(entry.path)
    here = "." + os.sep if folder == Path() else ""
    return [sorted((path.removeprefix(here) for path in paths), key=_by_part) for paths in found]


def _by_part(path: str) -> str:
    """Sorts paths as their parts do: what ends a part comes before all that can be in one."""
    return path.replace(os.sep, "\0")


def remove_leftovers(target: Path) -> None:
    """Remove what a killed run left beside ``target`` while it wrote it; only for who holds its lock."""
    left = re.compile(re.escape(_prefix(target)) + _RANDOM + re.escape(target.suffix) + "|"
                      + re.escape(_prefix(target)) + _RANDOM)  # fmt: skip
    for path in target.parent.iterdir() if target.parent.is_dir() else ():
        if left.fullmatch(path.name) and not path.is_symlink():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def remove_leftovers_below(folder: Path) -> None:
    """Remove what killed runs left anywhere below a folder; only for who holds the lock of the whole folder."""
    left = re.compile(f"{re.escape(TEMPORARY)}.+-{_RANDOM}(\\.\\w+)?")
    for path in list(folder.rglob(f"{TEMPORARY}*")):
        if not left.fullmatch(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _prefix(target: Path) -> str:
    """How what is written for a target is named; a long name, which has no room for more, by its hash."""
    name = target.name
    named = len(os.fsencode(name)) <= _LONGEST
    return f"{TEMPORARY}{name if named else hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}-"


def own_file(folder: Path, name: str, again: str = "copy the whole folder again") -> Path:
    """A regular file of a folder, in the folder itself once links are followed.

    Args:
        folder: The folder, which may itself be reached by a link.
        name: The file's path within it.
        again: What to do where the file is missing.

    Raises:
        InputError: There is none, it is no regular file, or it leads out of the folder.
    """
    path = folder / name
    try:
        real = path.resolve(strict=True)
        inside = real.is_relative_to(folder.resolve(strict=True))
    except FileNotFoundError as error:
        raise InputError(Problem("is missing", again, path)) from error
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name with a NUL
        raise InputError(Problem(f"cannot be read: {error}", again, path)) from error
    if not inside:
        raise InputError(Problem("leads out of its folder", "put the file itself there, not a link", path))
    if not real.is_file():
        raise InputError(Problem("is no regular file", again, path))
    return path


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8, line ends as they are, atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write ``data`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sha256(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # a stream takes twice as long
    try:
        while block := os.read(descriptor, 1 << 20):
            digest.update(block)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def flush(path: Path) -> None:
    """Bring a file or folder to the disk; Windows knows that of files alone, and of those that may be written."""
    windows = os.name == "nt"
    if windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
