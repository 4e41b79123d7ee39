"""The places of a workspace: the layout that the README and the contracts name."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError


def test_places_are_those_of_the_contracts() -> None:
    place = Workspace(Path("c"), Path("r"))
    assert place.score_table("nlst", "clip") == Path("r/scores/nlst/clip.csv")
    assert place.scoring_record("nlst", "clip") == Path("r/scores/nlst/clip.json")
    assert place.run("clip-lora-1") == Path("r/runs/clip-lora-1")
    assert place.crops("nlst") == Path("r/crops/nlst")
    assert place.explanation("nlst") == Path("r/explain/nlst")
    assert place.comparison == Path("r/compare")
    assert place.texts == Path("r/texts")


def test_a_cohort_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no cohort 'x'"):
        Workspace(tmp_path).cohort("x")
