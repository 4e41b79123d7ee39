"""Jobs and workers that other programs start: they find the functions of these tests in the source tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def source_tree_on_the_path() -> Iterator[None]:
    """No program that is started finds ``tests`` where it looks: it is not installed, as ``benchmark`` is."""
    places = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join(place for place in places if place))
        yield
