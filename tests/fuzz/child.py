"""One process that reads mutants until it is told to stop, or dies of one.

Standard output has a line of JSON a finding, and nothing of what libraries print; the number of the mutant in hand
stands in the file that is given, so that whoever started the process knows which one it died of.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import sys
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

from benchmark.errors import BenchError
from tests.fuzz.corpus import Files
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import Target, targets

SECONDS = 10
"""Of processor time: a mutant that takes longer hangs."""
WAITING = 10
"""Seconds of the clock for each of those: on a busy machine a mutant gets a part of a processor."""
GROWTH = 1 << 30
"""Bytes that one mutant may add to what the process ever had in memory: the libraries alone take one gigabyte."""
WORN = 2 << 30
"""Bytes beyond which the process is started anew, whatever they are from."""
DATA = 6 << 30
"""Bytes that it may ask for: beyond them the library gets no memory, and has to say so."""


RENEWED = 77
"""Status of a process that is to be started again."""
PACKAGES = ("benchmark", "adapters", "clip_nodule")


class Hang(BaseException):
    """Raised in the middle of a mutant that takes too long."""


def mutant(found: dict[str, Target], seed: int, number: int, only: str = "") -> tuple[str, Files]:
    """Name of the target and files of mutant ``number``, one of the files damaged."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 (a test's dice)
    names = [only] if only else list(found)
    name = names[number % len(names)]
    files = dict(draw.choice(found[name].seeds))
    keys = list(files)
    victim = draw.choice(keys) if draw.random() < 0.5 else keys[0]
    files[victim] = mutated(files[victim], Path(victim).suffix or ".nii", draw)
    return name, files


def lay_out(files: Files, folder: Path) -> str:
    """Write the files of an input; the name of the first one."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return next(iter(files))


def finding(target: Target, folder: Path, first: str) -> dict[str, Any] | None:
    """What is wrong with how an input ends; None where it is read or refused as it should be."""
    before = peak_memory()
    _set_alarms(SECONDS)
    try:
        target.read(folder, first)
    except BenchError as error:
        text = str(error)
        if len(text) > 100_000:
            return {"kind": "a message of 100,000 characters", "where": "", "text": text[:300]}
    except Hang as error:
        return _told("hang", error)
    except BaseException as error:
        return _told(type(error).__name__, error)
    finally:
        _set_alarms(0)
    if peak_memory() - before > GROWTH:
        return {"kind": "memory", "where": first, "text": f"from {before >> 20} to {peak_memory() >> 20} MiB"}
    return None


def peak_memory() -> int:
    """Bytes that this process has had in memory at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def limit_time() -> None:
    """Make the alarms end a mutant."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGPROF, stop)


def _set_alarms(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * WAITING)


def limit() -> None:
    """Set the limits of this process."""
    limit_time()
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_DATA, (DATA, DATA))
    warnings.simplefilter("ignore")
    os.fsync = lambda descriptor: None  # type: ignore[assignment]  # it would take most of the time


def _told(kind: str, error: BaseException) -> dict[str, Any]:
    """A finding of an exception, with the innermost line of the project's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if any(f"/{name}/" in frame.filename for name in PACKAGES)]
    last = [frame for frame in own if "/tests/" not in frame.filename][-1:] or list(frames)[-1:]
    where = "".join(f"{Path(frame.filename).name}:{frame.name}" for frame in last)
    return {"kind": kind, "where": where, "text": "".join(traceback.format_exception(error))[-2500:]}


def _print_of_a_library(printed: int) -> dict[str, Any] | None:
    """What was printed where a command's own output goes, as a finding."""
    sys.stdout.flush()
    if os.fstat(printed).st_size == 0:
        return None
    text = os.pread(printed, 300, 0).decode(errors="replace")
    os.ftruncate(printed, 0)
    return {"kind": "a line on standard output", "where": "", "text": text}


def main(seed: int, start: int, step: int, place: str, folder: str, only: str = "") -> None:
    """Read the mutants ``start``, ``start + step``, ... without end."""
    found = targets()
    limit()
    told = os.fdopen(os.dup(1), "w")
    printed = os.open(Path(folder) / "printed", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    os.dup2(printed, 1)
    with open(place, "r+b") as stream:  # noqa: PTH123 (it is mapped)
        at = mmap.mmap(stream.fileno(), 16)
        number = start
        while True:
            name, files = mutant(found, seed, number, only)
            first = lay_out(files, Path(folder) / "input")
            at[:16] = struct.pack("<QQ", number + 1, 1 + (number - start) // step)
            wrong = finding(found[name], Path(folder) / "input", first) or _print_of_a_library(printed)
            if wrong is not None:
                shutil.copytree(Path(folder) / "input", Path(folder) / "found" / str(number))
                told.write(json.dumps({"number": number, "target": name, "first": first, **wrong}) + "\n")
                told.flush()
            number += step
            if peak_memory() > WORN:
                os._exit(RENEWED)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
