"""Worker processes for scans: one that dies takes only its scan with it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from benchmark.errors import BenchError
from benchmark.imaging.cropping.layout import FAILED, Entry
from benchmark.imaging.cropping.scan import ScanTask
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.volume import ReadOptions

_Answer = list[Entry] | Exception | None


def run_workers(
    tasks: list[ScanTask], folder: Path, recipe: Recipe, options: ReadOptions, workers: int
) -> Iterator[list[Entry]]:
    """Crop scans in separate processes.

    Args:
        tasks: The scans.
        folder: The crop store.
        recipe: The recipe.
        options: What may be assumed about the scans.
        workers: Number of processes.

    Yields:
        What became of the nodules of a scan, scans in the order in which they are finished.

    Raises:
        BenchError: A crop cannot be written, e.g. because the disk is full.
    """
    setting = {"folder": str(folder), "recipe": recipe.as_dict(), "options": asdict(options)}
    waiting: SimpleQueue[ScanTask] = SimpleQueue()
    for task in tasks:
        waiting.put(task)
    answers: SimpleQueue[_Answer] = SimpleQueue()
    running: list[subprocess.Popen[str]] = []
    threads = [
        threading.Thread(target=_serve, args=(setting, waiting, answers, running), daemon=True)
        for _ in range(workers)
    ]
    for thread in threads:
        thread.start()
    try:
        left = workers
        while left:
            answer = answers.get()
            if answer is None:
                left -= 1
            elif isinstance(answer, Exception):
                raise answer
            else:
                yield answer
    finally:
        while _next(waiting) is not None:
            pass
        for process in list(running):
            process.kill()
        for thread in threads:
            thread.join()


def _serve(
    setting: dict[str, Any],
    waiting: SimpleQueue[ScanTask],
    answers: SimpleQueue[_Answer],
    running: list[subprocess.Popen[str]],
) -> None:
    """Feed one worker with scans, and start another when it dies."""
    process: subprocess.Popen[str] | None = None
    try:
        while (task := _next(waiting)) is not None:
            if process is None:
                process = _start(setting)
                running.append(process)
            line = _ask(process, json.dumps(asdict(task)))
            if not line:
                status = process.wait()
                reason = (
                    f"{task.image} — the process that read it died (status {status}) — the file may be corrupt"
                )
                answers.put(
                    [Entry(row, key, FAILED, reason) for row, key in zip(task.rows, task.keys, strict=True)]
                )
                _close(process)
                process = None
                continue
            answer = json.loads(line)
            if "error" in answer:
                answers.put(BenchError(f"cannot write crops: {answer['error']}"))
                return
            answers.put([Entry(**values) for values in answer["entries"]])
    except Exception as error:
        answers.put(error)
    finally:
        if process is not None:
            _close(process)
        answers.put(None)


def _start(setting: dict[str, Any]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark.imaging.cropping.scan"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    _write(process, json.dumps(setting))
    return process


def _ask(process: subprocess.Popen[str], line: str) -> str:
    """A worker's answer, empty if it died."""
    try:
        _write(process, line)
    except BrokenPipeError:
        return ""
    return process.stdout.readline() if process.stdout else ""


def _write(process: subprocess.Popen[str], line: str) -> None:
    if process.stdin:
        process.stdin.write(line + "\n")
        process.stdin.flush()


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        try:
            if stream:
                stream.close()
        except BrokenPipeError:
            pass
    process.wait()


def _next(waiting: SimpleQueue[ScanTask]) -> ScanTask | None:
    try:
        return waiting.get_nowait()
    except Empty:
        return None
