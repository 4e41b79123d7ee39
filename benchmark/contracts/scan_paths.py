"""Where the files of a scan may lie: below its image root, after links are resolved; and what they may be."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
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
    return stat.S_ISREG(status.st_mode) and not _is_of_proc(path)


def strange_kind(path: Path) -> str:
    """What a path is that is neither a file nor a folder, in words; empty where it is one or there is nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode) and not is_regular(path):
        return "a file of /proc"
    return next((name for holds, name in _KINDS if holds(mode)), "")


def check_place(path: Path, boundary: Path | None = None) -> None:
    """Refuse what can be seen to be no scan without opening a file.

    Args:
        path: A file, or a folder of slices.
        boundary: Where links in a folder may lead (see ``regular_files_below``).

    Raises:
        InputError: There is nothing, or a broken link, neither a file nor a folder, an empty file, or a folder
            without files; see ``regular_files_below`` too.
    """
    if is_folder(path):
        found, others = _files_below(path, boundary)
        if not found:
            raise InputError(no_dicom_in(path, others))
        return
    if not is_regular(path):
        kind = strange_kind(path)
        if kind:
            raise InputError(Problem(f"is {kind}, not a file", "give a file or a folder of slices", path))
        what = "is a broken link" if path.is_symlink() else "no such file"
        raise InputError(Problem(what, "check image_path and the image root", path))
    if not path.stat().st_size:
        raise InputError(Problem("is empty (0 bytes)", "fetch the file again", path))


def no_dicom_in(folder: Path, others: int) -> Problem:
    """The problem of a folder without DICOM files.

    Args:
        folder: The folder.
        others: Files that it has.
    """
    return Problem(f"0 of {others} files are DICOM", "give the folder that holds the series", folder)


def as_written(problem: Problem, image: str, path: Path | str) -> Problem:
    """The problem of a scan with its path as the user wrote it, so that no list holds a path of the machine.

    Args:
        problem: It may be of a file in the scan's folder.
        image: The scan as the nodule table names it.
        path: Where it is.
    """
    if problem.file is None:
        return problem
    try:
        inner = Path(problem.file).relative_to(path)
    except ValueError:
        return replace(problem, file=image)
    return replace(problem, file=str(Path(image) / inner))


def regular_files_below(folder: Path, boundary: Path | None = None) -> tuple[list[Path], int]:
    """The regular files at any depth below a folder, in the order of their paths, and how many others there are.

    Args:
        folder: The folder.
        boundary: Where links to files may lead; the folder itself by default.

    Raises:
        InputError: A link leads out of the boundary, or a folder cannot be read; all such are named.
    """
    found, others = _files_below(folder, boundary)
    return sorted(found), others


def _files_below(folder: Path, boundary: Path | None) -> tuple[list[Path], int]:
    """What ``regular_files_below`` gives, in no order."""
    found: list[Path] = []
    problems: list[Problem] = []
    others = 0

    def refuse(error: OSError) -> None:
        problems.append(Problem(f"cannot be read: {error.strerror}", file=error.filename))

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if name != UNFINISHED]
        of_proc = _is_of_proc(parent)
        for name in names:
            path = Path(parent) / name
            mode = _own_mode(path)
            if stat.S_ISLNK(mode) and not os.path.exists(path):  # noqa: PTH110 -- Path's raises where it may not look
                problems.append(Problem("is a broken link", "fetch what it links to, or delete it", path))
            elif stat.S_ISLNK(mode) and not lies_in(path, boundary or folder):
                problems.append(Problem("is a link that leads out of its folder", _FIX, path))
            elif (stat.S_ISREG(mode) and not of_proc) or (stat.S_ISLNK(mode) and is_regular(path)):
                found.append(path)
            elif not name.startswith("."):
                others += 1
    if problems:
        raise InputError(problems)
    return found, others


def _own_mode(path: Path) -> int:
    """The mode of a path, of the link itself if it is one; 0 where it cannot be looked at."""
    try:
        return path.lstat().st_mode
    except (OSError, ValueError):
        return 0


def _is_of_proc(path: Path | str) -> bool:
    real = os.path.realpath(path)
    return real == "/proc" or real.startswith("/proc/")
