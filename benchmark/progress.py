"""How long work tells how far it is: one signature for every function that takes ``progress``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Called with what is done, how much there is in all, and sometimes a line on it."""

    def __call__(self, done: int, total: int, text: str = "", /) -> None:
        """Tell."""


class Stages(Protocol):
    """Opens the progress of one part of the work under its title, such as a bar on a terminal."""

    def __call__(self, title: str, /) -> AbstractContextManager[Progress]:
        """Open."""


@contextmanager
def silent(title: str, /) -> Iterator[Progress]:
    """`Stages` that tell nobody."""
    del title
    yield lambda done, total, text="": None


def labelled(progress: Progress | None, label: str) -> Progress | None:
    """A `Progress` for a part of the work that says nothing itself: its steps get a label."""
    if progress is None:
        return None
    tell = progress

    def tell_with_label(done: int, total: int, text: str = "", /) -> None:
        tell(done, total, text or label)

    return tell_with_label
