"""Functions that worker processes of the tests load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmark.work import TaskLimits, worker


def slow_square(number: int) -> int:
    time.sleep(0.05 if number % 3 == 0 else 0)
    print("a library that prints")  # noqa: T201
    sys.stdin.read()
    return number * number


def dies_at_two(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), 9)
    return number


def refuses_odd(number: int) -> int:
    if number % 2:
        time.sleep(0.2 if number == 1 else 0)
        raise ValueError(f"{number} is odd")
    return number


class Picky(Exception):
    """An error that cannot be unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def raises_picky(number: int) -> int:
    raise Picky("not", " today")


def never_ends(task: tuple[str, int]) -> None:
    folder, number = task
    (Path(folder) / f"{number}.pid").write_text(str(os.getpid()))
    time.sleep(600)


def fills_memory(megabytes: int) -> int:
    return len(bytearray(megabytes << 20)) >> 20


def spins(seconds: float) -> int:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return os.getpid()


def little(task: object) -> TaskLimits:
    return TaskLimits(200_000_000, 1)


def hurried(task: object) -> TaskLimits:
    return TaskLimits(200_000_000, 1, waiting=2)


def impatient(task: object) -> TaskLimits:
    return TaskLimits(200_000_000, 2, waiting=0.3)


def waits(task: tuple[str, str]) -> str:
    """Wait for what never comes, as a read from a server that is gone does; a line in a file tells how often."""
    how, log = task
    with Path(log).open("a") as stream:
        stream.write(f"{how} {os.getpid()}\n")
    if how == "deaf":  # to everything but SIGKILL
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    if how == "leaves a child":  # which holds the pipe of the answers open
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"], close_fds=False)
        with Path(log).open("a") as stream:
            stream.write(f"child {process.pid}\n")
    if how != "fine":
        time.sleep(600)
    return how


_BROKEN: list[int] = []


def breaks_the_next(number: int) -> int:
    """Task 1 breaks its process: the task after it dies there, but nowhere else; task 3 dies everywhere."""
    if number == 3 or (_BROKEN and number > 1):
        os.kill(os.getpid(), 9)
    if number == 1:
        _BROKEN.append(number)
    return number


def pid_of_process(number: int) -> int:
    return os.getpid()


def limits_of(_: object) -> TaskLimits:
    return TaskLimits(300_000_000, 1)


def uses_up(task: tuple[str, str]) -> str:
    """Go beyond a limit, or do nothing; a line in a file tells how often."""
    what, log = task
    with Path(log).open("a") as stream:
        stream.write(f"{what} {os.getpid()}\n")
    if what == "memory":
        return str(len(bytearray(1_000_000_000)))
    while what == "time":
        pass
    if what == "dies":
        os.kill(os.getpid(), 9)
    return what


def notes_and_waits(task: tuple[str, int]) -> int:
    """Leave a file that tells that the task began, then take three seconds."""
    folder, number = task
    (Path(folder) / f"{number}-{os.getpid()}").write_text("")
    time.sleep(3)
    return number


def dies_in_its_parent(task: tuple[str, int]) -> int:
    """Task 2 kills the process in which it runs, each time; a line in a file tells how often."""
    log, number = task
    with Path(log).open("a") as stream:
        stream.write(f"{number}\n")
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def modules_path(_: int) -> list[str]:
    return [str(Path(place).resolve()) for place in sys.path]


def needs_mending(task: tuple[str, str, int]) -> int:
    """Task 1 raises until a file is there; a line in a file tells how often each was done."""
    log, mended, number = task
    with Path(log).open("a") as stream:
        stream.write(f"{number}\n")
    if number == 1 and not Path(mended).exists():
        raise ValueError("not mended")
    return number


_DONE = [0]


def counts_its_tasks(_: int) -> tuple[int, int]:
    """The process, and how many tasks it has done."""
    time.sleep(0.05)
    _DONE[0] += 1
    return os.getpid(), _DONE[0]


def ends(task: object) -> None:
    """As a library does that a damaged file crashes."""
    os._exit(5)


def does_as_told(order: tuple[str, float]) -> object:
    """One of several things, for a process that is kept."""
    what, number = order
    if what == "die":
        os.kill(os.getpid(), int(number))
    if what == "raise":
        raise ValueError(f"{number:g} is odd")
    if what == "fill":
        return fills_memory(int(number))
    if what == "sleep":
        time.sleep(number)
    if what == "idle":
        worker.IDLE = number
    return os.getpid()
