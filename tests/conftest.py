"""Shared by all tests: one thread a worker, no network, the shared reference folder where there is one."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
LEFT_OUT = ("torch", "open_clip", "peft", "nbclient", "nbformat")
"""What the light environments of ``make test-newest`` and ``make test-lowest`` lack."""


class SkipWhatIsLeftOut(MetaPathFinder):
    """Skips the tests in which the project, or the test itself, imports something that is left out."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        frame = sys._getframe(1)
        while frame.f_back and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if name in LEFT_OUT and Path(frame.f_code.co_filename).is_relative_to(ROOT):
            pytest.skip(f"needs {name}", allow_module_level=True)


if find_spec("torch") is None:
    sys.meta_path.append(SkipWhatIsLeftOut())


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference inputs beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this checkout")
    return SHARED
