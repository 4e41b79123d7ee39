"""Opening somebody else's file: a regular one, of a size that can be read, every failure with its name."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO, Final

from benchmark.errors import InputError, Problem

LARGEST_TEXT: Final = 64 * 2**20
"""Bytes of a text file that has no form of its own: reports have kilobytes, logs of answers megabytes."""
_REASON: Final = 200
_BLOCK: Final = 2**16
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without O_NONBLOCK the opening of a pipe waits for somebody to write to it."""
_OF_THE_SYSTEM: Final = ("/proc/", "/sys/")
"""Folders of files that say they are regular, but whose reading asks the kernel and may never end."""
_KERNEL_DEVICES: Final[dict[int, bool]] = {}
_NOTED: Final[ContextVar[dict[str, str] | None]] = ContextVar("digests of what is read", default=None)


@contextmanager
def refusing(path: Path | str, what: str, fix: str = "") -> Iterator[None]:
    """Turn whatever a library raises on a file into an ``InputError``.

    Args:
        path: The file.
        what: What is wrong if anything is; what the library says is added.
        fix: What to do about it.

    Raises:
        InputError: The block raised anything; an ``InputError`` of its own is left as it is.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(Problem("does not fit into memory", fix, path)) from error
    except OSError as error:
        raise InputError(_unreadable(error, path)) from error
    except Exception as error:  # a damaged or hostile file makes its library raise anything
        raise InputError(Problem(f"{what}: {reason(error)}", fix, path)) from error


def reason(error: BaseException) -> str:
    """What an error of a library says, on one line of bounded length."""
    text = " ".join(str(error)[: 4 * _REASON].split()).encode(errors="backslashreplace").decode()
    return (text if len(text) <= _REASON else f"{text[:_REASON]}...") or type(error).__name__


def require_regular(path: Path | str, largest: int | None = None) -> Path:
    """Check that a path is of a regular file; folders, pipes, devices and the kernel's own files are none.

    Args:
        path: The file.
        largest: Bytes beyond which it is refused.

    Raises:
        InputError: It is missing, no regular file, unreadable or too large.
    """
    with _opened(Path(path), largest):
        return Path(path)


def is_file(path: Path) -> bool:
    """Whether there is such a file: none of a name too long or impossible, for which pathlib raises."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@contextmanager
def opened(path: Path | str, largest: int | None = None) -> Iterator[BinaryIO]:
    """A regular file, open for reading its bytes; see ``require_regular``."""
    with _opened(Path(path), largest) as stream:
        yield stream


def read_bytes(path: Path | str, largest: int) -> bytes:
    """All bytes of a regular file, at most ``largest``; see ``require_regular``."""
    descriptor, size = _descriptor(path, largest)
    try:
        data = os.read(descriptor, size + 1)  # to ask for the largest would take the memory of the largest
        while len(data) != size and len(data) <= largest and (more := os.read(descriptor, _BLOCK)):
            data += more
    except OSError as error:
        raise InputError(_unreadable(error, path)) from error
    except MemoryError as error:
        raise InputError(Problem("does not fit into memory", "", path)) from error
    finally:
        os.close(descriptor)
    if len(data) > largest:  # it grew, or a file system that does not know its size
        raise InputError(_too_large(path, largest))
    noted = _NOTED.get()
    if noted is not None:
        noted[str(path)] = hashlib.sha256(data).hexdigest()
    return data


@contextmanager
def noting_digests() -> Iterator[dict[str, str]]:
    """SHA-256 by path of each file that ``read_bytes`` reads while this context is open: of what was read.

    Example::

        >>> from pathlib import Path
        >>> from benchmark.formats.opening import noting_digests, read_text
        >>> _ = Path("a.txt").write_text("abc")
        >>> with noting_digests() as digests:
        ...     text = read_text("a.txt")
        >>> digests["a.txt"][:8]
        'ba7816bf'
    """
    noted: dict[str, str] = {}
    before = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(before)


def read_text(path: Path | str, largest: int = LARGEST_TEXT) -> str:
    """A text file in UTF-8, with or without a byte order mark, its line ends as Python's own.

    Raises:
        InputError: See ``require_regular``; or it is not UTF-8.
    """
    return as_text(read_bytes(path, largest), path).replace("\r\n", "\n").replace("\r", "\n")


def as_text(data: bytes, path: Path | str) -> str:
    """Bytes of a file as text, without a byte order mark; ``path`` is for messages.

    Raises:
        InputError: They are not UTF-8, or their text does not fit into memory.
    """
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(Problem("is not UTF-8", "save it as UTF-8", path, line)) from error
    except MemoryError as error:
        raise InputError(Problem("does not fit into memory", "", path)) from error


@contextmanager
def _opened(path: Path, largest: int | None) -> Iterator[BinaryIO]:
    descriptor, _ = _descriptor(path, largest)
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def _descriptor(path: Path | str, largest: int | None) -> tuple[int, int]:
    """A regular file, open for reading, and its size."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise InputError(_unreadable(error, path)) from error
    except ValueError as error:  # a NUL byte, or half a character
        raise InputError(Problem(f"is no path: {reason(error)}", "check the path", str(path))) from error
    try:
        status = os.fstat(descriptor)
        _require_data(path, status, largest)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def _require_data(path: Path | str, status: os.stat_result, largest: int | None) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise InputError(Problem("is a folder", "give the file inside it", path))
    if not stat.S_ISREG(status.st_mode) or _of_the_system(path, status.st_dev):
        what = "is no regular file but a pipe, a device or a file of the system"
        raise InputError(Problem(what, "save the data in a file, and give that", path))
    if largest is not None and status.st_size > largest:
        raise InputError(_too_large(path, largest))


def _of_the_system(path: Path | str, device: int) -> bool:
    """Whether a file lies on a device of the kernel's own files; what a device holds is looked at once."""
    if device not in _KERNEL_DEVICES:
        _KERNEL_DEVICES[device] = os.path.realpath(path).startswith(_OF_THE_SYSTEM)
    return _KERNEL_DEVICES[device]


def _too_large(path: Path | str, largest: int) -> Problem:
    unit, name = next(pair for pair in ((30, "GiB"), (20, "MiB"), (0, "bytes")) if largest >> pair[0])
    what = f"cannot be read: it is larger than {largest >> unit} {name}"
    return Problem(what, "this is not the file that is meant, or split it", path)


def _unreadable(error: OSError, path: Path | str) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem("cannot be read: it does not exist", "check the path", path)
    if isinstance(error, IsADirectoryError):
        return Problem("is a folder", "give the file inside it", path)
    if isinstance(error, PermissionError):
        return Problem("cannot be read", "check its permissions", path)
    return Problem(f"cannot be read: {error.strerror or reason(error)}", "check the path", path)
