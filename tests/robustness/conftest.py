"""One project for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness.project import make_project


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("base") / "project")
