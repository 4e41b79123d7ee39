"""Disks on which no file takes another's place in one step are refused before anything is written there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.outputs import disks
from benchmark.outputs.disks import kind_of_disk, require_renames


def test_a_usual_disk_is_fine_and_nothing_is_left(tmp_path: Path) -> None:
    require_renames(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_disk_is_that_of_the_nearest_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "a bucket" / "store"
    deep.mkdir(parents=True)
    mounts = tmp_path / "mounts"
    shown = str(tmp_path / "a bucket").replace(" ", r"\040")
    mounts.write_text(f"/dev/a / ext4 rw 0 0\ns3fs {shown} fuse.s3fs rw 0 0\nx {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(disks, "MOUNTS", mounts)
    assert (kind_of_disk(deep), kind_of_disk(tmp_path), kind_of_disk(Path("/"))) == ("fuse.s3fs", "nfs4", "ext4")
    require_renames(tmp_path)
    with pytest.raises(InputError, match=r"shows objects as files \(s3fs\).*copy the finished folder"):
        require_renames(deep)
    assert not list(deep.iterdir())
    monkeypatch.setattr(disks, "MOUNTS", tmp_path / "none")  # as on macOS
    assert kind_of_disk(deep) == ""


def test_a_disk_that_refuses_or_does_not_replace_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match="cannot rename: Function not implemented"):
        require_renames(tmp_path)
    monkeypatch.setattr(Path, "replace", lambda self, target: target)
    with pytest.raises(InputError, match="replaces no other"):
        require_renames(tmp_path)
