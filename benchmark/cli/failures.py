"""What the machine refuses (space, rights, memory, characters) as one line and an exit status."""

from __future__ import annotations

import errno
import os
import sys
from typing import Final

_AGAIN: Final = "what was there before is as it was; run the same command again"
_OF_THE_MACHINE: Final = {
    errno.ENOSPC: ("the disk is full", f"free some space: {_AGAIN}"),
    errno.EDQUOT: ("the quota of this disk is used up", f"free some space: {_AGAIN}"),
    errno.EFBIG: ("the file would be larger than it may be", "raise the limit (ulimit -f), or write elsewhere"),
    errno.EIO: ("the disk cannot be read or written", "check it, or choose another"),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n), or use fewer --workers"),
    errno.ENFILE: ("too many files are open on this machine", "close other programs, or use fewer --workers"),
    errno.ENOMEM: ("there is not enough memory", "close other programs, or use fewer --workers"),
}
"""Errors that another moment or machine would not have: the command fails with 1."""
_OF_THE_PATH: Final = {
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.EACCES: ("permission is denied", "check the permissions, or choose another folder"),
    errno.EPERM: ("permission is denied", "check the permissions, or choose another folder"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.ELOOP: ("links lead in a circle", "check the path"),
    errno.ENOENT: ("does not exist", "check the path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "check the path"),
    errno.EISDIR: ("is a folder", "give a file"),
    errno.EEXIST: ("exists", "choose another name"),
    errno.ENOTEMPTY: ("the folder is not empty", "choose another one"),
}
"""Errors of a path that was given: the command fails with 2, as for other bad input."""
_LONGEST: Final = 500
_NO_ROOM: Final = ("failed to map segment", "cannot create shared object descriptor")
"""What the loader of shared libraries says (glibc, dl-load.c) where memory, or its limit, is short."""


def is_want_of_memory(error: ImportError) -> bool:
    """Whether a library could not be loaded because there was no room for it."""
    return any(words in str(error) for words in _NO_ROOM)


def failure(error: OSError | MemoryError | UnicodeEncodeError | ImportError) -> tuple[str, int]:
    """What to print of an error that is not ours, on one line, and what to exit with."""
    if isinstance(error, (MemoryError, ImportError)):
        return "there is not enough memory — close other programs, or use fewer --workers", 1
    if isinstance(error, UnicodeEncodeError):
        text = error.object[error.start : error.end][:20].encode("unicode_escape").decode()
        what = f"{text} cannot be written in the encoding {error.encoding}"
        return f"{what} — use a terminal in UTF-8 (LANG=C.UTF-8), or PYTHONIOENCODING=utf-8", 1
    number = error.errno if error.errno is not None else 0
    status = 2 if number in _OF_THE_PATH else 1
    known = _OF_THE_PATH.get(number) or _OF_THE_MACHINE.get(number)
    what, fix = known or (error.strerror or str(error) or type(error).__name__, "")
    where = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    line = " — ".join(" ".join(part.split())[:_LONGEST] for part in (where, what, fix) if part)
    return line.encode(errors="backslashreplace").decode(), status


def forget_output() -> None:
    """Let what is still to be printed go nowhere: nobody reads it any more, and flushing it would fail at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue
    os.close(nowhere)
