"""Early stopping of one loss, ours and the paper's."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clip_nodule.runs.configuration import load_settings
from clip_nodule.training.state import TrainingState, load_state, referenced_epochs, save_state
from clip_nodule.training.stopping import EarlyStopping


def watch(values: list[float], *, patience: int = 2, warmup: int = 0, sticky: bool = False) -> EarlyStopping:
    stop = EarlyStopping(patience, warmup, sticky=sticky)
    for epoch, value in enumerate(values):
        stop.update(value, epoch)
    return stop


def test_a_better_value_takes_a_stop_back_and_a_sticky_one_keeps_it() -> None:
    values = [3.0, 4.0, 4.0, 2.0]  # two epochs without a better one, then a better one
    ours, sticky = watch(values), watch(values, sticky=True)
    assert (ours.stopped, sticky.stopped) == (False, True)
    assert ours.best_epoch == sticky.best_epoch == 3  # the state that scores is the better one all the same


def test_an_equal_value_is_better_only_where_stops_are_sticky() -> None:
    assert watch([1.0, 1.0]).best_epoch == 0
    assert watch([1.0, 1.0], sticky=True).best_epoch == 1


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=20),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_sticky_stops_are_the_rule_of_the_papers_code(values: list[float], patience: int, warmup: int) -> None:
    """The rule: not watched before the warm-up's end; a larger loss counts up, another one counts from 0 again;
    the flag is raised at ``patience`` and never lowered."""
    lowest, best, counter, flag = math.inf, None, 0, False
    stop = EarlyStopping(patience, warmup, sticky=True)
    for epoch, value in enumerate(values):
        stop.update(value, epoch)
        if epoch >= warmup and value > lowest:
            counter += 1
            flag = flag or counter >= patience
        elif epoch >= warmup:
            lowest, best, counter = value, epoch, 0
        assert (stop.stopped, stop.best_epoch) == (flag, best)
        stop = EarlyStopping.from_dict(stop.as_dict())  # as a resumed run has it


def test_a_state_of_before_there_were_sticky_stops_goes_on() -> None:
    old = {"patience": 2, "warmup": 0, "best": 1.0, "best_epoch": 0, "waited": 1}
    stop = EarlyStopping.from_dict(old)
    assert not stop.update(2.0, 2)
    assert stop.stopped
    assert stop.update(0.5, 3)
    assert not stop.stopped


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_never_the_best(value: float) -> None:
    assert watch([2.0, value], sticky=True).best_epoch == 0


def test_the_papers_configuration_has_sticky_stops_and_the_default_not() -> None:
    assert load_settings("zhuang2025").optimisation.sticky_stops
    assert not load_settings(None).optimisation.sticky_stops


def _saved_states(folder: Path) -> None:
    """The state of a fold, saved after each of three epochs; the newest two are kept."""
    state = TrainingState({name: EarlyStopping(2, 0) for name in ("both", "pred", "clip")})
    for epoch in range(3):
        for stop in state.stops.values():
            stop.update(3.0 - epoch, epoch)
        state.history.append({"epoch": float(epoch), "loss": math.nan, "val_loss": 0.25 / 3})
        save_state(folder, {"model/weight": torch.full((2, 1), float(epoch))}, state)


def _epoch_read(folder: Path, newest: int | None = None) -> int:
    found = load_state(folder, newest)
    assert found is not None
    state, tensors = found
    assert float(tensors["model/weight"][0]) == state.epoch - 1
    return state.epoch


def test_a_state_is_read_as_it_was_saved(tmp_path: Path) -> None:
    _saved_states(tmp_path)
    assert (_epoch_read(tmp_path), _epoch_read(tmp_path, 2)) == (3, 2)
    assert load_state(tmp_path, 1) is None
    assert referenced_epochs(tmp_path) == {1, 2}


def test_a_state_with_any_byte_changed_is_passed_over(tmp_path: Path) -> None:
    _saved_states(tmp_path)
    file = tmp_path / "epoch-00003" / "state.json"
    whole = file.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 100).astype(int):
        changed = bytearray(whole)
        changed[place] ^= 1
        file.write_bytes(changed)
        assert _epoch_read(tmp_path) == 2, (place, changed[max(0, place - 20) : place + 20])


def test_tensors_cut_or_changed_anywhere_are_passed_over(tmp_path: Path) -> None:
    _saved_states(tmp_path)
    file = tmp_path / "epoch-00003" / "tensors.safetensors"
    whole = file.read_bytes()
    cut = [whole[: int(len(whole) * share)] for share in (0, 0.01, 0.5, 0.99)]
    for place in np.linspace(0, len(whole) - 1, 100).astype(int):
        changed = bytearray(whole)
        changed[place] ^= 1
        cut.append(bytes(changed))
    for damaged in cut:
        file.write_bytes(damaged)
        assert _epoch_read(tmp_path) == 2
    file.write_bytes(whole)
    assert _epoch_read(tmp_path) == 3


def test_a_state_of_another_shape_is_passed_over(tmp_path: Path) -> None:
    _saved_states(tmp_path)
    file = tmp_path / "epoch-00003" / "state.json"
    content = json.loads(file.read_text())
    del content["sha256_of_this"]  # as an earlier version wrote it
    for stops in ([], {"both": 3}, {"both": {"best": 1}}):
        file.write_text(json.dumps(content | {"stops": stops}))
        assert _epoch_read(tmp_path) == 2
        assert referenced_epochs(tmp_path) == {1}
    file.write_text(json.dumps(content))
    assert _epoch_read(tmp_path) == 3
