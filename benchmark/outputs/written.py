"""What the commands wrote into a folder, so that nothing else in it is ever replaced or removed.

A folder's record (``.written.json``) names each file that a command put there with the SHA-256 of its content. A
file that is not named, or whose content is another, is somebody else's: it is never removed, and a command that
would have to replace it stops before it has changed anything.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import InputError, Problem
from benchmark.files import LOCK_FILE, flush, replacing, sha256, take_permissions, temporary_folder, write_text
from benchmark.formats.json import read_json
from benchmark.outputs.locks import holding

RECORD = ".written.json"
_FIX = "move it away, or choose another folder"

_Hashes = dict[str, list[str]]


def foreign(folder: Path, names: Iterable[str]) -> list[Path]:
    """Those of some files of a folder that are there and that no command wrote, or that were changed since."""
    known = _recorded(folder)
    return [folder / name for name in sorted(set(names)) if _is_foreign(folder / name, known.get(name, []))]


def check_own(folder: Path, names: Iterable[str]) -> None:
    """Refuse to replace or remove files that no command wrote.

    Raises:
        InputError: Names them.
    """
    found = foreign(folder, names)
    if found:
        what = "was not written by bench (or by an earlier version, or was changed since) and is not replaced"
        raise InputError([Problem(what, _FIX, path) for path in found])


def adopt(folder: Path, names: Iterable[str]) -> None:
    """Record files that an earlier version wrote by its own account, where there is no record yet."""
    there = [name for name in names if (folder / name).is_file()]
    if there and not (folder / RECORD).is_file():
        record(folder, there)


def own_files(folder: Path) -> list[str]:
    """The recorded files of a folder that are as they were written, relative to it."""
    known = _recorded(folder)
    return [name for name in known if (folder / name).is_file() and not _is_foreign(folder / name, known[name])]


def remove_own(folder: Path, names: Iterable[str]) -> None:
    """Remove those of some files that a command wrote, and the folders in between that become empty."""
    known = _recorded(folder)
    own = [name for name in set(names) if name in known and not _is_foreign(folder / name, known[name])]
    _unlink(folder, own)
    _write_hashes(folder, {name: hashes for name, hashes in known.items() if name not in own})


def remove_all_own(folder: Path) -> None:
    """Empty a folder that holds nothing but what is recorded; its folders go with the files.

    Raises:
        InputError: There are other files, or some were changed. Nothing was removed.
    """
    there = {path.relative_to(folder).as_posix() for path in files_below(folder)} - {RECORD}
    known = _recorded(folder)
    strange = sorted(name for name in there if _is_foreign(folder / name, known.get(name, [])))
    if strange:
        what = "was not written by this command, or was changed since, and is not removed"
        raise InputError([Problem(what, _FIX, folder / name) for name in strange])
    _unlink(folder, sorted(there))
    (folder / RECORD).unlink(missing_ok=True)


def record_all(folder: Path) -> None:
    """Record every file below a folder, which was empty before the command that writes to it."""
    record(
        folder, [path.relative_to(folder).as_posix() for path in files_below(folder) if path != folder / RECORD]
    )


def files_below(folder: Path) -> list[Path]:
    """All files and links below a folder, but the locks of what is written there."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return [path for path in found if not LOCK_FILE.fullmatch(path.name)]


def _unlink(folder: Path, names: Iterable[str]) -> None:
    """Remove files, and the folders between them and ``folder`` that become empty."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
        for parent in (folder / name).parents:
            if parent == folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()


def record(folder: Path, names: Iterable[str]) -> None:
    """Record files of a folder as they are now; one that is not there is taken out of the record."""
    known = _recorded(folder)
    for name in names:
        known.pop(name, None)
        if (folder / name).is_file():
            known[name] = [sha256(folder / name)]
    _write_hashes(folder, known)


@contextmanager
def replacing_own(path: Path) -> Iterator[Path]:
    """Like ``benchmark.files.replacing``, for a file that a command wrote and that is recorded in its folder.

    Raises:
        InputError: The file is there, and no command wrote it. Nothing was done.
    """
    check_own(path.parent, [path.name])
    with replacing(path) as temporary:
        yield temporary
        with holding(path.parent / RECORD, wait=True):  # files of several commands stand in one folder
            _expect(path.parent, {path.name: sha256(temporary)})
    with holding(path.parent / RECORD, wait=True):
        record(path.parent, [path.name])


def write_own(path: Path, text: str) -> None:
    """Like ``benchmark.files.write_text``, by ``replacing_own``."""
    with replacing_own(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """Yield an empty folder on the same disk as ``folder``, which is removed at the end.

    Raises:
        InputError: None can be made.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        temporary = temporary_folder(folder, nearest)
    except OSError as error:
        raise InputError(
            Problem(f"cannot be written: {error.strerror}", "choose another folder", folder)
        ) from error
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_in(
    source: Path,
    folder: Path,
    *,
    seal: str = "",
    replaceable: Collection[str] = (),
    unrecorded: Collection[str] = (),
    drop: Iterable[str] = (),
) -> list[str]:
    """Let all files of a folder that was made aside take the place of what an earlier run wrote, and record them.

    All new files are on the disk first. Then every old file is moved away, the seal first, and only then do the
    new ones come, the seal last: between two of these renames, where a process may be killed, some of the old
    files are there or some of the new ones, never both. A file system cannot exchange many files at once. An
    error on the way brings the old files back.

    Args:
        source: The folder that was made aside, on the same disk as ``folder``.
        folder: Where they go.
        seal: The file that makes the folder whole: it is taken away first, and comes last.
        replaceable: Files that may be replaced although they were changed.
        unrecorded: Such files that are not recorded either, since they tell of times and are never the same.
        drop: Files that are not wanted any more; those of them that a command wrote are removed.

    Returns:
        Their names relative to the folder.

    Raises:
        InputError: A file is in the way that no command wrote. Nothing was changed.
    """
    names = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    check_own(folder, set(names) - {*replaceable, *unrecorded})
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        take_permissions(source / name, folder / name)
        flush(source / name)
    made = {name: sha256(source / name) for name in names if name not in unrecorded}
    _expect(folder, made)
    own = set(own_files(folder))
    unwanted = [name for name in set(drop) - set(names) if name in own]
    leaving = sorted((name for name in (*names, *unwanted) if (folder / name).is_file()),
                     key=lambda name: (name != seal, name))  # fmt: skip
    with aside(folder) as retired:
        moved: list[tuple[Path, Path]] = []
        try:
            for name in leaving:
                _rename(folder / name, retired / name, moved)
            for name in sorted(names, key=lambda name: (name == seal, name)):
                _rename(source / name, folder / name, moved)
        except BaseException:
            for begin, end in reversed(moved):
                end.replace(begin)
            raise
        kept = {name: hashes for name, hashes in _recorded(folder).items() if name not in unwanted}
        _write_hashes(folder, kept | {name: [value] for name, value in made.items()})
    _unlink(folder, unwanted)
    return names


def _rename(begin: Path, end: Path, moved: list[tuple[Path, Path]]) -> None:
    end.parent.mkdir(parents=True, exist_ok=True)
    begin.replace(end)
    moved.append((begin, end))


def _is_foreign(path: Path, hashes: list[str]) -> bool:
    if not (path.exists() or path.is_symlink()):
        return False
    return not path.is_file() or sha256(path) not in hashes


def _expect(folder: Path, hashes: Mapping[str, str]) -> None:
    """Record what is about to be written beside what is there, so that a killed run leaves no strange file."""
    known = _recorded(folder)
    for name, value in hashes.items():
        known[name] = list(dict.fromkeys([*known.get(name, []), value]))
    _write_hashes(folder, known)


def _recorded(folder: Path) -> _Hashes:
    try:
        content = read_json(folder / RECORD)["sha256"]
        return {str(name): [str(value) for value in hashes] for name, hashes in content.items() if _inside(name)}
    except (InputError, KeyError, TypeError, AttributeError):
        return {}


def _inside(name: str) -> bool:
    """Whether a recorded name stays in its folder, however the record came to be."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _write_hashes(folder: Path, known: _Hashes) -> None:
    if known != _recorded(folder):
        write_text(folder / RECORD, json.dumps({"sha256": dict(sorted(known.items()))}, indent=1) + "\n")
