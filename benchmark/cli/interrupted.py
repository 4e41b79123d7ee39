"""What a command says that was ended by Ctrl-C: what is kept, and what running it again will do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from benchmark.errors import BenchError

_AGAIN: Final = "nothing half-written is left; the same command begins again"
_KEPT: Final = {
    "crop": "crops that were made are kept; the same command goes on where it stopped",
    "score": "crops that were made are kept, scores are not; the same command makes what lacks of both",
    "explain": "crops that were made are kept; the same command begins the rest again",
    "text": "answers that came (gemini) are kept; the same command asks for the others, and writes the table",
    "demo": "what was made stays in its folder until the same command replaces it and begins again",
}
"""Command → what it keeps; one that makes one thing at once keeps nothing."""


class Interrupted(BenchError):
    """The user ended the command; the message says how to go on."""

    exit_status = 130


def going_on(command: str | None) -> str:
    """What running a command again does that was interrupted."""
    return _KEPT.get(command or "", _AGAIN)


@contextmanager
def interruption(message: Callable[[], str]) -> Iterator[None]:
    """Say, where Ctrl-C ends what runs in this context, how to go on.

    Args:
        message: Called only then; says what is kept, and how to go on.

    Raises:
        Interrupted: The user pressed Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message()) from None
