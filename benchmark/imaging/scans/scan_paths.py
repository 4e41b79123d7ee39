"""Where the files of a scan may lie: below its image root, after links are resolved; and what they may be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from benchmark.errors import InputError, Problem
from benchmark.files import UNFINISHED

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_FIX = "copy what it links to there, or set the image root to a folder that holds both"


def path_under(path: Path | str, root: Path) -> Path:
    """``root / path`` if that stays under ``root``, also after links are resolved.

    Raises:
        InputError: The path is blank, or leads out of ``root``.
    """
    if not str(path).strip():
        raise InputError(Problem("its image_path is empty", "prepare the cohort with its images"))
    if "\0" in str(path):
        raise InputError(Problem("is no path", "give a path under --image-root", value=str(path)))
    joined, base = Path(os.path.abspath(root / path)), Path(os.path.abspath(root))  # noqa: PTH100 -- links stay
    if not joined.is_relative_to(base):
        raise InputError(Problem("leads out of the image root", "give a path under --image-root", value=str(path)))
    if not lies_in(joined, base):
        raise InputError(Problem("is a link that leads out of the image root", _FIX, value=str(path)))
    try:
        joined.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # reading it will say so
    except OSError as error:
        what = f"cannot be looked at: {error.strerror}"
        raise InputError(Problem(what, "check image_path and the image root", value=str(path)[:200])) from error
    return joined


def lies_in(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder after the links of both are resolved."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; what cannot be looked at, for want of permission or its length, is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_regular(path: Path) -> bool:
    """Whether a path, or what it links to, is a file with bytes of its own: no pipe, device or part of /proc."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and not Path(os.path.realpath(path)).is_relative_to("/proc")


def strange_kind(path: Path) -> str:
    """What a path is that is neither a file nor a folder, in words; empty where it is one or there is nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode) and not is_regular(path):
        return "a file of /proc"
    return next((name for holds, name in _KINDS if holds(mode)), "")


def regular_files_below(folder: Path, boundary: Path | None = None) -> tuple[list[Path], int]:
    """The regular files at any depth below a folder, in the order of their paths, and how many others there are.

    Args:
        folder: The folder.
        boundary: Where links to files may lead; the folder itself by default.

    Raises:
        InputError: A link leads out of the boundary, or a folder cannot be read; all such are named.
    """
    found: list[Path] = []
    problems: list[Problem] = []
    others = 0

    def refuse(error: OSError) -> None:
        problems.append(Problem(f"cannot be read: {error.strerror}", file=error.filename))

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if name != UNFINISHED]
        for name in names:
            path = Path(parent) / name
            if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110 -- Path's raises where it may not look
                problems.append(Problem("is a broken link", "fetch what it links to, or delete it", path))
            elif path.is_symlink() and not lies_in(path, boundary or folder):
                problems.append(Problem("is a link that leads out of its folder", _FIX, path))
            elif is_regular(path):
                found.append(path)
            elif not name.startswith("."):
                others += 1
    if problems:
        raise InputError(problems)
    return sorted(found), others
