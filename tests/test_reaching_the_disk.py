"""A file is on the disk before it takes its final name, and its name before the command goes on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmark.files import write_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="/proc names what a descriptor is of")
def test_data_then_name_then_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, str]] = []
    replace = Path.replace

    def fsync(descriptor: int) -> None:
        done.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    def renamed(self: Path, target: Path) -> Path:
        done.append(("replace", str(self)))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renamed)
    path = tmp_path / "scores.csv"
    path.write_bytes(b"old")
    write_bytes(path, b"new")
    (_, temporary), *_ = done
    assert done == [("fsync", temporary), ("replace", temporary), ("fsync", str(tmp_path))]
    assert Path(temporary).parent == tmp_path
    assert temporary != str(path)
    assert path.read_bytes() == b"new"
