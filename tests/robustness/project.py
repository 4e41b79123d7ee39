"""A small project, the commands that write into it, and how to tell whether two projects hold the same results."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.shares import todays_third

TINY = ("--config", "tiny-cpu", "--epochs", "2", "--folds", "2")
TRAIN = ("train", "--cohort", "a", *TINY)
TRAIN_TWO = ("train", "--cohort", "a", "--cohort", "b", *TINY)
PREPARE = ("cohort", "prepare", "phantom", "--overwrite", "--workers", "0")
TUNE = ("tune", *TRAIN[1:], "--sweep", "lr=1e-4:1e-2:log", "--sweep", "rank=2,4", "--trials", "3", "--name", "s")
SCORE = ("score", "--cohort", "a", "--model", "size")


@dataclass(frozen=True)
class Command:
    """A command that writes, and where.

    Attributes:
        arguments: What follows ``bench``.
        target: What it writes, in the project.
        earlier: The same with other content, which stood there before; none where nothing may.
        again: What the arguments are when it is given again after it was killed.
        one_step: All its files are replaced together.
    """

    arguments: tuple[str, ...]
    target: str
    earlier: tuple[str, ...] = ()
    again: Callable[[Path], tuple[str, ...]] | None = None
    one_step: bool = False


def _training(arguments: tuple[str, ...]) -> Command:
    """A run ``t``, which goes on with ``--resume`` once its folder is there."""

    def again(project: Path) -> tuple[str, ...]:
        there = (project / "results" / "runs" / "t" / "run.yaml").is_file()
        return (*arguments, "--name", "t", *(["--resume"] if there else []))

    return Command((*arguments, "--name", "t"), "results/runs/t", again=again)


ADAPT = ("adapt", "csv", "theirs.csv", "--cohort", "a", "--model", "mine", "--overwrite", "--trained-on", "none")
COMPARE = ("compare", "--cohort", "a", "--replicates", "200")
TEXT = ("text", "--cohort", "a", "--out", "texts/a.csv")
SPLIT = ("cohort", "split", "a", "--folds", "2", "--out", "splits", "--overwrite")
SPLIT_TWO = ("cohort", "split", "a", "b", "--folds", "2", "--out", "splits", "--overwrite")
EVALUATE = ("evaluate", "predictions.csv", "--replicates", "200")
COMMANDS: Mapping[str, Command] = {
    "prepare": Command(
        (*PREPARE, "--out", "cohorts/p", "-n", "4", "--seed", "1"), "cohorts/p",
        (*PREPARE, "--out", "cohorts/p", "-n", "5", "--seed", "2"), one_step=True,
    ),
    "crop": Command(("crop", "--cohort", "a", "--out", "crops"), "crops"),
    "adapt": Command(ADAPT, "results/scores/a", (*ADAPT, "--column", "score=other")),
    "score": Command((*SCORE, "--out", "scores/s.parquet"), "scores"),
    "score-run": Command(("score", "--cohort", "a", "--run", "first", "--out", "scores/r.csv"), "scores"),
    "train": _training(TRAIN),
    "train-two": _training(TRAIN_TWO),
    "tune": Command(TUNE, "results/tune"),
    "compare": Command(COMPARE, "results/compare", (*COMPARE, "--seed", "3", "--model", "size"), one_step=True),
    "evaluate": Command(EVALUATE, "results/evaluate", (*EVALUATE, "--seed", "3", "--model", "one"), one_step=True),
    "explain": Command(("explain", "--cohort", "a", "--run", "first"), "results/explain", one_step=True),
    "text": Command(TEXT, "texts", (*TEXT, "--seed", "4")),
    "split": Command(SPLIT, "splits", (*SPLIT, "--seed", "5"), one_step=True),
    "split-two": Command(SPLIT_TWO, "splits", (*SPLIT_TWO, "--seed", "5"), one_step=True),
    "check": Command(("cohort", "check", "a"), "cohorts/a"),
}  # fmt: skip
"""Name → command; the demo, which takes longest, is apart."""
DEMO = Command(("demo", "--quick", "--out", "demo", "--workers", "0"), "demo")


def bench(project: Path, arguments: Sequence[str], limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with files of at most ``limit`` bytes."""
    return subprocess.run(
        command_line(arguments, limit), cwd=project, env=environment(), capture_output=True, text=True, check=False
    )  # fmt: skip


def start(project: Path, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Begin a command, with its workers in a group of their own."""
    return subprocess.Popen(
        command_line(arguments), cwd=project, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[str]) -> None:
    """``kill -9`` a command and its workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def make_project(folder: Path) -> Path:
    """Two cohorts, their crops, a run, two tables of scores, another system's file, and a table of predictions."""
    folder.mkdir(parents=True)
    for arguments in (
        (*PREPARE, "--out", "cohorts/a", "-n", "10"),
        (*PREPARE, "--out", "cohorts/b", "-n", "8", "--seed", "3"),
        ("crop", "--cohort", "a", "--workers", "0"),
        ("crop", "--cohort", "b", "--workers", "0"),
        (*TRAIN, "--name", "first"),
        SCORE,
        ("score", "--cohort", "a", "--model", "diameter", "--train-cohort", "a", "--folds", "2"),
    ):
        done = bench(folder, arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    rows = (folder / "cohorts" / "a" / "nodules.csv").read_text().splitlines()[1:]
    pids = list(dict.fromkeys(row.split(",")[0] for row in rows))
    lines = [f"{pid},{(n + 1) / 50},{(n * 7 % 11) / 20}" for n, pid in enumerate(pids)]
    (folder / "theirs.csv").write_text("\n".join(["pid,score,other", *lines]) + "\n")
    cases = [f"p{n},{n % 3 // 2},{(n * 7 % 30) / 30},{(n * 11 % 30) / 30}" for n in range(30)]
    (folder / "predictions.csv").write_text("\n".join(["pid,label,one,other", *cases]) + "\n")
    return folder


def copy_project(base: Path, folder: Path) -> Path:
    """A project of the same content."""
    shutil.copytree(base, folder, symlinks=True)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every finished file below a folder, by a hash of all in it that does not tell of times."""
    if not folder.exists():
        return {}
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (
            path.is_file()
            and "tfevents" not in name
            and path.name != "hashes.json"  # holds the hash of the record, which tells of times
            and not any(part.startswith(".") and part != ".zarray" for part in Path(name).parts)
        ):
            found[name] = hashlib.sha256(_timeless(path)).hexdigest()
    return found


def leftovers(project: Path) -> list[Path]:
    """What should be gone when no command runs."""
    return sorted(
        path for path in project.rglob(".*") if re.match(r"\.bench-|\.\d+-(\w+-)?\d+$|.*\.lease$", path.name)
    )


def _timeless(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".json":
        content = json.loads(data)
        if isinstance(content, dict) and "packages" in content:
            for key in ("started", "seconds", "command", "resumed", "commit", "dirty"):
                content.pop(key, None)
            return json.dumps(content, sort_keys=True).encode()
    return data


def command_line(arguments: Sequence[str], limit: int | None = None) -> list[str]:
    bounded = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({limit},) * 2); " if limit is not None else ""
    return [sys.executable, "-P", "-B", "-c", f"{bounded}from benchmark.cli.main import app; app()", *arguments]


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def todays(names: Iterable[str], asked: str) -> list[str]:
    """A third of the commands, another one each day; all of them where a variable of the environment is set."""
    every = list(names)
    return every if os.environ.get(asked) else list(todays_third(every))
