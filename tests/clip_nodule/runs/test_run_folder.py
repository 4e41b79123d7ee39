"""Finding runs among folders that are half written, broken or no runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from benchmark.errors import InputError
from clip_nodule.runs.run_folder import find_run, list_runs, new_run


def test_a_folder_that_is_being_written_is_no_run(small: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for name in ("first", ".first-abcd"):
        shutil.copytree(small / "results" / "runs" / "first", runs / name, ignore=lambda *_: {"fold_0", "fold_1"})
    assert [path.name for _, path in list_runs(tmp_path)] == ["first"]
    assert find_run(tmp_path) == runs / "first"


@pytest.mark.parametrize("name", ["../x", "/etc/x", ".x", "a/b", "CON", "x\n"])
def test_no_run_is_made_under_a_name_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no name of a run"), new_run(tmp_path / "results", name, "clip-lora"):
        pass
    assert not list((tmp_path / "results" / "runs").glob("[!.]*"))
    assert not (tmp_path / "results" / "x").exists()


def test_a_broken_run_stops_the_choice_of_the_newest_and_not_that_of_another(small: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(small / "results" / "runs" / "first", runs / "first", ignore=lambda *_: {"fold_0", "fold_1"})
    (runs / "torn").mkdir()
    (runs / "torn" / "run.yaml").write_text("{")
    with pytest.raises(InputError, match=r"torn/run\.yaml:1 — is not YAML"):
        find_run(tmp_path)
    assert find_run(tmp_path, "first") == runs / "first"
    (runs / "torn" / "run.yaml").unlink()
    os.mkfifo(runs / "torn" / "run.yaml")
    with pytest.raises(InputError, match="no regular file"):
        find_run(tmp_path)
