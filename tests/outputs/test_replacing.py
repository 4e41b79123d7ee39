"""How a file takes another's place: what must be on the disk before what, and what a disk that fails leaves."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from benchmark.files import DiskError, write_text

FAULTS = [errno.EIO, errno.ENOSPC, errno.EROFS]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What is asked of the system, in order: files by what the descriptor is open on."""
    made: list[tuple[str, Path]] = []
    fsync, replace = os.fsync, os.replace

    def flushed(descriptor: int) -> None:
        made.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def replaced(source: str | Path, target: str | Path, **more: int | None) -> None:
        made.append(("replace", Path(source)))
        replace(source, target, **more)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", replaced)
    return made


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are not shown here")
def test_the_content_is_on_the_disk_before_it_takes_the_name_and_the_name_after(
    calls: list[tuple[str, Path]], tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "a.csv"
    write_text(path, "x\n")
    temporary = calls[0][1]
    assert temporary.parent == path.parent
    assert temporary.name.startswith(".")
    assert calls == [("fsync", temporary), ("replace", temporary), ("fsync", path.parent)]


@pytest.mark.parametrize("fault", FAULTS, ids=[errno.errorcode[fault] for fault in FAULTS])
@pytest.mark.parametrize("where", ["open", "fsync", "replace"])
def test_a_disk_that_fails_leaves_what_was_there_and_nothing_else(
    where: str, fault: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before\n")

    def fail(*_: object, **__: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, where, fail)
    with pytest.raises(DiskError, match="what was there before is kept"):
        write_text(path, "after\n")
    monkeypatch.undo()
    assert path.read_text() == "before\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("fault", FAULTS, ids=[errno.errorcode[fault] for fault in FAULTS])
def test_what_has_its_name_already_is_not_said_to_be_what_was_there_before(
    fault: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before\n")
    fsync = os.fsync

    def fail(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise OSError(fault, os.strerror(fault))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DiskError, match="was written, but may be lost") as caught:
        write_text(path, "after\n")
    assert "kept" not in str(caught.value)
    assert path.read_text() == "after\n"
