"""Patients of a scored cohort in a training cohort under another id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.comparison.training_copies import training_copies
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.fingerprints import FINGERPRINTS, Fingerprints, alike, read_fingerprints
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report.compare_content import printed_names_of
from benchmark.report.compare_inputs import read_inputs, training_copies_of
from benchmark.report.compare_options import CompareOptions
from benchmark.report.overlap_notes import copy_notes
from tests.comparison.made import nodule_table, write_made

UID = "1.3.6.1.4.1.14519.5.2.1.7009.9004"


def random_prints(pids: list[str], seed: int) -> Fingerprints:
    vectors = np.random.default_rng(seed).integers(-80, 80, (len(pids), 128)).astype(np.int8)
    return Fingerprints(tuple(pids), ("1",) * len(pids), vectors, (0,) * len(pids))


def keep(workspace: Workspace, cohort: str, prints: Fingerprints) -> Path:
    folder = workspace.crops(cohort)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / FINGERPRINTS, **prints.arrays())  # type: ignore[arg-type]
    return folder / FINGERPRINTS


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two of mine are two of theirs: one by its series, one by its fingerprint."""
    space = Workspace(tmp_path / "cohorts", tmp_path)
    mine, theirs = nodule_table([[1], [0], [0], [1]]), nodule_table([[1], [0], [0]], ids=["x", "y", "z"])
    mine["scan_id"] = [f"{UID}.{k}" for k in range(4)]
    theirs["scan_id"] = [f"{UID}.2", "", "scan"]
    for name, table in (("mine", mine), ("theirs", theirs)):
        write_cohort(tmp_path / "cohorts" / name, CohortManifest(name=name, title=name), table)
    own, others = random_prints(["P000", "P001", "P002", "P003"], 1), random_prints(["x", "y", "z"], 2)
    others.vectors[1] = np.clip(own.vectors[3] + np.random.default_rng(3).integers(-5, 6, 128), -127, 127)
    keep(space, "mine", own)
    keep(space, "theirs", others)
    return space


CARD = ScoreCard("m", "mine", "m", "t", ("theirs", "lungx"), "unknown")


def test_series_and_fingerprints_tell_who_was_trained_on(workspace: Workspace) -> None:
    (found,) = training_copies(workspace.cohort("mine"), {"m": CARD}, {"m": "unknown"}, workspace)
    assert (found.trained, found.models) == ("theirs", ("m",))
    assert found.pids == {"P002", "P003"}
    assert (found.by_series, found.by_fingerprint) == (1, 1)


def test_nothing_is_said_of_who_is_known_to_have_been_seen(workspace: Workspace) -> None:
    assert training_copies(workspace.cohort("mine"), {"m": CARD}, {"m": "seen"}, workspace) == []
    assert training_copies(workspace.cohort("mine"), {}, {"m": "not stated"}, workspace) == []


def test_without_fingerprints_series_are_compared(workspace: Workspace) -> None:
    (workspace.crops("theirs") / FINGERPRINTS).unlink()
    (found,) = training_copies(workspace.cohort("mine"), {"m": CARD}, {"m": "unseen"}, workspace)
    assert (found.by_series, found.by_fingerprint) == (1, 0)


def test_the_comparison_warns(tmp_path: Path) -> None:
    write_made(tmp_path, {"mine": (20, 8)}, {"good": 0.4}, folds=1)
    theirs = nodule_table([[1], [0]], ids=["x", "y"]).assign(scan_id=f"{UID}.1")
    write_cohort(tmp_path / "cohorts" / "theirs", CohortManifest(name="theirs", title="T"), theirs)
    table = tmp_path / "cohorts" / "mine" / "nodules.csv"
    frame = pd.read_csv(table, dtype=str)
    frame["scan_id"] = [f"{UID}.1" if pid in ("P001", "P004") else f"{UID}.5" for pid in frame["pid"]]
    frame.to_csv(table, index=False)
    card = tmp_path / "scores" / "mine" / "good.card.json"
    card.write_text(card.read_text().replace('"trained_on": []', '"trained_on": ["theirs"]'))
    space = Workspace(tmp_path / "cohorts", tmp_path)
    inputs = read_inputs(["mine"], space, CompareOptions())
    (note,) = copy_notes(training_copies_of(inputs, space), printed_names_of(inputs, CompareOptions()))
    assert note.startswith("Warning: 2 patients of MINE")
    assert "bench cohort overlap mine theirs lists them" in note


def test_the_nearest_are_those_of_brute_force() -> None:
    a, b = random_prints(list("abcdefgh"), 5), random_prints(list("stuvw"), 6)
    a.vectors[4] = 0  # a crop that shows nothing is like no other
    b.vectors[3] = 0
    found = {(k, j): correlation for k, j, correlation in alike(a, b, 0.05)}
    for k in range(8):
        for j in range(5):
            one, other = a.vectors[k].astype(float), b.vectors[j].astype(float)
            norm = np.linalg.norm(one) * np.linalg.norm(other)
            expected = one @ other / norm if norm else 0.0
            assert ((k, j) in found) == (expected >= 0.05)
            if expected >= 0.05:
                assert found[k, j] == pytest.approx(expected, abs=1e-9)


def test_damaged_files_are_refused_and_other_versions_are_none(tmp_path: Path) -> None:
    space = Workspace(tmp_path, tmp_path)
    prints = random_prints(["a", "b"], 0)
    path = keep(space, "c", prints)
    found = read_fingerprints(path.parent)
    assert found is not None
    assert found.pids == ("a", "b")
    for change in ({"pid": np.array(["a"])}, {"fingerprints": prints.vectors.astype(float)}):
        np.savez(path, **{**prints.arrays(), **change})  # type: ignore[arg-type]
        with pytest.raises(InputError, match="holds no fingerprints"):
            read_fingerprints(path.parent)
    np.savez(path, **{**prints.arrays(), "version": np.array(99)})  # type: ignore[arg-type]
    assert read_fingerprints(path.parent) is None
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match="no archive"):
        read_fingerprints(path.parent)
