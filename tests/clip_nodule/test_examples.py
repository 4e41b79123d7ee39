"""Examples of the model's functions run, in a folder that holds a cohort, its crops and a run."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.examples import CALLED, failures, modules_with_examples

MODULES = modules_with_examples("clip_nodule")


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert not "\n".join(failures(import_module(name)))


@pytest.mark.parametrize("name", [name for name in CALLED if name.startswith("clip_nodule")])
def test_what_a_user_calls_has_an_example(name: str) -> None:
    module, _, function = name.partition(":")
    assert ">>> " in (getattr(import_module(module), function).__doc__ or "")
