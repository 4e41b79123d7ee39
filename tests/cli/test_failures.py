"""What ends a command early, bad input, the machine or the user, is a message and the right status."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.errors import SHOWN, InputError, PartlyDone, Problem
from tests.comparison.made import nodule_table

runner = CliRunner()
CASES = [
    (OSError(errno.ENOSPC, "No space left on device", "out.csv"), 1, "out.csv — the disk is full"),
    (OSError(errno.EROFS, "Read-only file system", "out.csv"), 2, "out.csv — the file system is read-only"),
    (OSError(errno.EMFILE, "Too many open files", "a"), 1, "too many files are open"),
    (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000), 2, "the name is too long"),
    (OSError(errno.ELOOP, "Too many levels of symbolic links", "a"), 2, "links lead in a circle"),
    (PermissionError(errno.EACCES, "Permission denied", "a"), 2, "permission is denied"),
    (OSError("somewhere a library fails\nwith two lines"), 1, "somewhere a library fails with two lines"),
    (MemoryError(), 1, "not enough memory"),
    (ImportError("libtorch_cpu.so: failed to map segment from shared object"), 1, "not enough memory"),
    (
        UnicodeEncodeError("ascii", "xé", 1, 2, "ordinal not in range"),
        1,
        r"\xe9 cannot be written in the encoding ascii",
    ),
]


OURS = [
    (
        InputError(Problem("is wrong", "mend it", "a.csv", 3, "pid", "x")),
        2,
        "a.csv:3:pid 'x' — is wrong — mend it",
    ),
    (PartlyDone(5, 2, "failures.csv"), 3, "5 done, 2 failed: see failures.csv"),
    (KeyboardInterrupt(), 130, "interrupted: nothing half-written is left; the same command begins again"),
]


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("benchmark.report.compare.compare_cohorts", fail)
    result = runner.invoke(app, ["compare", "--cohort", "x"])
    return result.exit_code, result.output


@pytest.mark.parametrize(("error", "status", "expected"), [*OURS, *CASES], ids=lambda value: str(value)[:30])
def test_one_line_and_the_status(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, expected: str
) -> None:
    found, output = fail_with(error, monkeypatch)
    assert found == status
    assert expected in output
    assert len(output.strip().splitlines()) == 1
    assert len(output) < 1000


def test_an_import_that_fails_otherwise_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr("benchmark.report.compare.compare_cohorts", fail)
    result = runner.invoke(app, ["compare", "--cohort", "x"])
    assert isinstance(result.exception, ImportError)


def test_many_problems_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    _, output = fail_with(InputError([Problem(f"bad {n}") for n in range(SHOWN + 5)]), monkeypatch)
    assert len(output.splitlines()) == SHOWN + 1
    assert "and 5 more problems" in output


@pytest.mark.parametrize(
    ("command", "called", "expected"),
    [
        ("crop", "benchmark.imaging.cropping.cohort.crop_cohort", "the same command goes on where it stopped"),
        ("score", "clip_nodule.inference.predict.score_cohort", "crops that were made are kept, scores are not"),
    ],
)
@pytest.mark.needs("model")
def test_ctrl_c_says_what_running_it_again_does(
    command: str, called: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write_cohort(tmp_path / "c", CohortManifest(name="c", title=""), nodule_table([[1], [0]]))
    monkeypatch.setattr(called, stop)
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, [command, "--cohort", "c", "--cohorts", str(tmp_path)])
    assert (result.exit_code, expected in result.output) == (130, True)


def bench(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    code = "from benchmark.cli.main import app; app()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, **more)  # type: ignore[call-overload]


@pytest.mark.slow
def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    arguments = ["compare", "--cohort", "x", "--cohorts", str(tmp_path)]
    plain, debug = bench(*arguments), bench("--debug", *arguments)
    assert (plain.returncode, "Traceback" in plain.stderr) == (2, False)
    assert "Traceback" in debug.stderr
    assert debug.returncode != 0


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    code = "from benchmark.cli.main import app; app()"
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-c", code, "audit", "zhuang2025"],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            check=False,
            cwd=tmp_path,
        )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_no_space_for_a_file(tmp_path: Path) -> None:
    """A file that may not grow fails as one on a full disk does, in ``write``."""
    before = tmp_path / "out.csv"
    before.write_text("mine\n")
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from benchmark.cli import main\n"
        "from benchmark.files import write_text\n"
        "import benchmark.report.compare as compare\n"
        f"compare.compare_cohorts = lambda *_, **__: write_text({str(before)!r}, 'x' * 100000)\n"
        "import scipy.stats\n"  # some releases write a file when they are loaded
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "main.app()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", "--cohort", "x"],
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "File too large — what was there before is kept" in done.stderr
    assert before.read_text() == "mine\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_link_that_leads_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "cohorts").symlink_to("cohorts")
    done = bench("compare", "--cohort", "x", "--cohorts", "cohorts", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
