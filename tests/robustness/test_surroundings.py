"""What surrounds a command changes nothing of what it writes, and what surrounds a scan does not get into it."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from benchmark.cli.main import app
from tests.imaging.scan_files import save_series
from tests.robustness.project import (
    COMMANDS,
    TRAIN,
    bench,
    command_line,
    contents,
    copy_project,
    environment,
    todays,
)

pytestmark = pytest.mark.slow
SURROUNDINGS = (
    {"LC_ALL": "C", "LANG": "C"},
    {"LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati"},
)
WATCH = (
    "import os, sys\n"
    "def hook(event, args):\n"
    "    if event in ('socket.connect', 'socket.sendto', 'socket.getaddrinfo', 'socket.bind'):\n"
    "        if not (event != 'socket.getaddrinfo' and isinstance(args[1], (str, bytes))):\n"  # a socket of UNIX
    "            with open(os.environ['ASKED'], 'a') as log:\n"
    "                log.write(f'{event} {args}\\n')\n"
    "            raise OSError('there is no network in this test')\n"
    "sys.addaudithook(hook)\n"
)
"""A sitecustomize that notes and refuses whatever a process asks of a network."""


def test_language_and_time_zone_change_no_byte(base: Path, tmp_path: Path) -> None:
    arguments = COMMANDS["evaluate"].arguments
    usual = copy_project(base, tmp_path / "usual")
    assert bench(usual, arguments).returncode == 0
    for number, changed in enumerate(SURROUNDINGS):
        project = copy_project(usual, tmp_path / str(number))  # with its key of pseudonyms
        shutil.rmtree(project / "results" / "evaluate")
        done = subprocess.run(
            command_line(arguments), cwd=project, env=environment() | changed, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert contents(project) == contents(usual), changed


@pytest.mark.parametrize("name", todays(COMMANDS, "BENCH_ALL_COMMANDS"))
def test_nothing_is_asked_of_a_network(name: str, base: Path, tmp_path: Path) -> None:
    project, asked, watch = copy_project(base, tmp_path / "project"), tmp_path / "asked", tmp_path / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    watched = environment()
    watched |= {"ASKED": str(asked), "PYTHONPATH": os.pathsep.join([str(watch), watched["PYTHONPATH"]])}
    line = command_line(COMMANDS[name].arguments)
    done = subprocess.run(line, cwd=project, env=watched, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not asked.exists(), asked.read_text()
    probe = [sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 9), 1)"]
    assert subprocess.run(probe, env=watched, capture_output=True, check=False).returncode != 0
    assert "192.0.2.1" in asked.read_text()  # the watch sees what is asked


def test_what_scans_and_tables_say_beside_the_voxels_is_in_no_result(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(base, tmp_path / "project")
    shutil.rmtree(project / "results")
    planted = _plant(project / "cohorts" / "a")
    monkeypatch.chdir(project)
    for arguments in (
        ("crop", "--cohort", "a", "--workers", "0"),
        TRAIN,
        ("score", "--cohort", "a", "--model", "size"),
        COMMANDS["compare"].arguments,
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        assert not any(word in done.output for word in planted)
    written = [path for path in (project / "results").rglob("*") if path.is_file()]
    assert len(written) > 50
    for path in written:
        data = path.read_bytes()
        assert not [word for word in planted if word.encode() in data], path


def _plant(cohort: Path) -> list[str]:
    """Words in DICOM elements, in free fields of NIfTI and in columns that nobody asked for."""
    table = pd.read_csv(cohort / "nodules.csv", dtype=str, keep_default_na=False)
    table = table.assign(telephone="PLANTED-PHONE", referring_physician="PLANTED-PHYSICIAN")
    first, *others = sorted(set(table["image_path"]))
    root = next(folder for folder in (cohort, cohort / "images") if (folder / first).is_file())
    for name in others:
        data = bytearray(gzip.decompress((root / name).read_bytes()))
        struct.pack_into("80s24s", data, 148, b"PLANTED-DESCRIP", b"PLANTED-AUX")  # descrip and aux_file
        (root / name).write_bytes(gzip.compress(bytes(data), 1))
    scan = sitk.Cast(sitk.ReadImage(str(root / first)), sitk.sitkInt16)
    tags = {
        "0010|0010": "PLANTED^NAME",
        "0010|0030": "19010203",
        "0008|0080": "PLANTED-HOSPITAL",
        "0010|4000": "PLANTED-COMMENT",
    }
    folder = save_series(scan, root / "series", lambda _: tags)
    assert b"PLANTED^NAME" in next(folder.iterdir()).read_bytes()
    table["image_path"] = np.where(table["image_path"] == first, "series", table["image_path"])
    table.to_csv(cohort / "nodules.csv", index=False)
    return ["PLANTED", "19010203"]
