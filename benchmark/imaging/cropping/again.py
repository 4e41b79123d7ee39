"""What of a crop store is to be done again although neither scans nor options changed."""

from __future__ import annotations

from pathlib import Path

from benchmark.files import write_text
from benchmark.imaging.cropping.layout import (
    CROPPED,
    DONE,
    FAILED,
    chunk_path,
    entry_line,
    is_whole,
    made_here,
    read_done,
)
from benchmark.outputs.locks import holding


def forget_failed(folder: Path) -> int:
    """Let the next run try the nodules again that failed.

    Args:
        folder: A crop store, finished or not; nothing is done where there is none.

    Returns:
        How many failed.
    """
    if not made_here(folder):
        return 0
    with holding(folder, wait=True):
        entries = read_done(folder)
        kept = [entry for entry in entries.values() if entry.status != FAILED]
        if len(kept) < len(entries):
            write_text(folder / DONE, "".join(map(entry_line, kept)))
        return len(entries) - len(kept)


def remove_damaged(folder: Path) -> int:
    """Read every crop, also those that nobody touched, and remove the damaged ones: the next run makes them again.

    Args:
        folder: A crop store, finished or not; nothing is done where there is none.

    Returns:
        How many were damaged.
    """
    if not made_here(folder):
        return 0
    with holding(folder, wait=True):
        cropped = (entry for entry in read_done(folder).values() if entry.status == CROPPED)
        damaged = [chunk_path(folder, entry.row) for entry in cropped if not is_whole(folder, entry)]
        for path in damaged:
            path.unlink(missing_ok=True)
        return len(damaged)
