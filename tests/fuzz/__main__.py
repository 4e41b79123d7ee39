"""``make fuzz``: damaged copies of small valid files, read by everything that reads, until the time is up.

Environment: FUZZ_SECONDS (600), FUZZ_SEED (a new one each time), FUZZ_PROCESSES (1), FUZZ_TARGET (all),
FUZZ_MUTANTS (no limit), FUZZ_START (0: which of the seed's mutants comes first, to go on with a run). It fails
where a mutant ends in anything but success or a ``BenchError``, prints a line, takes more than ten seconds of
processor time or a gigabyte; its input is then kept in ``tests/fuzz/cases``, and the tests read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.child import RENEWED, SECONDS, WAITING, mutant
from tests.fuzz.corpus import ROOT
from tests.fuzz.targets import Target, targets

CASES = Path(__file__).parent / "cases"
STARTING = 900
"""Seconds that a process may take before its first mutant: a busy machine loads the libraries slowly."""


@dataclass
class Run:
    """A run of the fuzzer.

    Attributes:
        found: What is read.
        seed: What the mutants are made from.
        seconds: How long it takes.
        processes: How many read at once.
        only: The one target that is read, or empty.
        most: How many mutants are read at most.
        start: Number of the first one.
        findings: By target, kind and place: the first one, and how many there were.
        mutants: How many were read.
        deaths: How many hung, ended the process or filled the memory of a target that may die.
        cases: Where the inputs of findings are kept.
    """

    found: dict[str, Target]
    seed: int
    seconds: float
    processes: int = 1
    only: str = ""
    most: int = 10**12
    start: int = 0
    findings: dict[tuple[str, str, str], list[Any]] = field(default_factory=dict)
    mutants: int = 0
    deaths: int = 0
    cases: Path = CASES

    def add(self, finding: dict[str, Any], folder: Path) -> None:
        """Count a finding, whose input lies in a folder of its number; the first of its kind is kept."""
        fatal = finding["kind"].startswith(("memory", "hang", "death"))
        if fatal and self.found[finding["target"]].may_die:
            self.deaths += 1
            shutil.rmtree(folder / str(finding["number"]))
            return
        key = (finding["target"], finding["kind"], finding["where"])
        source = folder / str(finding["number"])
        if key not in self.findings:
            self.findings[key] = [finding | {"kept": str(keep(source, finding, self.cases))}, 0]
        self.findings[key][1] += 1
        shutil.rmtree(source)


class Process:
    """A process that reads every ``step``-th mutant, started again behind the mutant that it died of."""

    def __init__(self, run: Run, start: int, folder: Path) -> None:
        self.run, self.next, self.folder = run, start, folder
        self.place, self.output, self.errors = (folder / name for name in ("place", "output", "errors"))
        self.begin()

    def begin(self) -> None:
        """Start it."""
        self.place.write_bytes(bytes(16))
        self.output.write_bytes(b"")
        self.seen, self.done, self.since = 0, 0, time.monotonic()
        arguments = [self.run.seed, self.next, self.run.processes, self.place, self.folder]
        command = [sys.executable, "-P", "-m", "tests.fuzz.child", *map(str, arguments)]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*command, self.run.only], cwd=ROOT, env=environment, stdout=output, stderr=errors
            )

    def look(self) -> None:
        """Note what it has found, and start it again if it died or hangs."""
        number, done = struct.unpack("<QQ", self.place.read_bytes())
        self.run.mutants += done - self.done
        if done != self.done:
            self.done, self.since = done, time.monotonic()
        status = self.process.poll()
        patience = SECONDS * WAITING + 5 if done else STARTING
        hangs = status is None and time.monotonic() - self.since > patience
        lines = self.output.read_text().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        for line in whole[self.seen :]:
            self.run.add(json.loads(line), self.folder / "found")
        told = {json.loads(line)["number"] for line in whole}
        self.seen = len(whole)
        if status is None and not hangs:
            return
        self.stop()
        if number == 0:
            raise SystemExit(f"the fuzzer itself cannot start:\n{(self.folder / 'errors').read_text()[-3000:]}")
        if number - 1 not in told and status != RENEWED:
            name, files = mutant(self.run.found, self.run.seed, number - 1, self.run.only)
            first = next(iter(files))
            shutil.copytree(self.folder / "input", self.folder / "found" / str(number - 1), dirs_exist_ok=True)
            kind = "hang" if hangs else f"death by signal {-status}" if status and status < 0 else f"exit {status}"
            text = self.errors.read_text(errors="replace")[-1500:]
            about = {"number": number - 1, "target": name, "first": first, "kind": kind, "where": "", "text": text}
            self.run.add(about, self.folder / "found")
        self.next = number - 1 + self.run.processes
        self.begin()

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


def fuzz(run: Run) -> Run:
    """Read mutants until the time is up; the run with what was found."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folders = [Path(name) / str(number) for number in range(run.processes)]
        for folder in folders:
            folder.mkdir()
        children = [Process(run, run.start + number, folder) for number, folder in enumerate(folders)]
        end, started = time.monotonic() + STARTING + run.seconds, False
        try:
            while time.monotonic() < end and run.mutants < run.most:
                time.sleep(0.1)
                for child in children:
                    child.look()
                if not started and run.mutants:  # importing the libraries is not fuzzing
                    started, end = True, time.monotonic() + run.seconds
        finally:
            for child in children:
                child.stop()
    return run


def keep(source: Path, finding: dict[str, Any], cases: Path) -> Path:
    """Copy the files of a finding to where the tests read them again."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:8]
    folder = cases / f"{re.sub(r'[^a-z]+', '_', finding['target'].lower())}-{digest}"
    shutil.copytree(source, folder / "input", dirs_exist_ok=True)
    about = {key: finding[key] for key in ("target", "kind", "where", "first")}
    (folder / "case.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Fuzz as the environment says; 1 where anything was found."""
    given = os.environ.get
    run = Run(
        targets(),
        int(given("FUZZ_SEED", "") or secrets.randbelow(10**9)),
        float(given("FUZZ_SECONDS", "600")),
        int(given("FUZZ_PROCESSES", "1")),
        given("FUZZ_TARGET", ""),
        int(given("FUZZ_MUTANTS", str(10**12))),
        int(given("FUZZ_START", "0")),
    )
    say(f"seed {run.seed}: {len(run.found)} targets, {run.seconds:g} seconds, {run.processes} processes")
    begin = time.monotonic()
    fuzz(run)
    for finding, count in run.findings.values():
        what = f"{finding['target']}: {finding['kind']} in {finding['where']}, {count} times"
        say(f"\n{what}, kept in {finding['kept']}\n{finding['text']}")
    rate = run.mutants / max(time.monotonic() - begin, 1e-9)
    say(
        f"\n{run.mutants:,} mutants, {rate:.0f} a second, {len(run.findings)} findings (seed {run.seed});"
        f" {run.deaths} scans hung or ended their process"
    )
    return 1 if run.findings or not run.mutants else 0


if __name__ == "__main__":
    sys.exit(main())
