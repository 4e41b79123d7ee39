from __future__ import annotations

import pytest

from benchmark.errors import InputError
from clip_nodule.runs.configuration import make_settings
from clip_nodule.runs.settings import PARTS, PLACES, Settings
from clip_nodule.search.space import (
    NOT_SEARCHED,
    SweptRange,
    SweptValues,
    combinations,
    grid,
    number_of_trials,
    parse_sweeps,
    require_possible,
)

BASE = Settings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rank=2,4,8", SweptValues("rank", (2, 4, 8))),
        ("lora.rank=2, 4", SweptValues("rank", (2, 4))),
        ("lr=1e-4,3e-4", SweptValues("learning_rate", (1e-4, 3e-4))),  # YAML takes 1e-4 for a text
        ("batch-size=4", SweptValues("batch_size", (4,))),
        ("alpha=1,2.5", SweptValues("alpha", (1.0, 2.5))),
        ("lora_dropout=0", SweptValues("lora_dropout", (0.0,))),
        ("lora.dropout=0", SweptValues("lora_dropout", (0.0,))),
        ("dropout=0.2", SweptValues("dropout", (0.2,))),
        ("params=[q, v],[q, k, v]", SweptValues("params", (("q", "v"), ("q", "k", "v")))),
        ("text_augment=true,paper", SweptValues("text_augment", (True, "paper"))),
        ("pretrained=none,tiny_clip", SweptValues("pretrained", (None, "tiny_clip"))),
        ("pretrained=hf-hub:a/b,openai", SweptValues("pretrained", ("hf-hub:a/b", "openai"))),  # no range
        ("lr=1e-5:1e-3:log", SweptRange("learning_rate", 1e-5, 1e-3, log=True, whole=False)),
        ("rank=2:16", SweptRange("rank", 2, 16, log=False, whole=True)),
        ("smoothing = 0 : 0.2", SweptRange("smoothing", 0.0, 0.2, log=False, whole=False)),
    ],
)
def test_a_sweep_as_it_is_written(text: str, expected: SweptValues | SweptRange) -> None:
    assert parse_sweeps([text], BASE) == (expected,)
    (sweep,) = parse_sweeps([text], BASE)
    for value in sweep.ends:  # as the settings hold it
        assert type(make_settings("x", {sweep.name: value}).at(PLACES[sweep.name])) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rank", "is not NAME=VALUE"),
        ("=2", "is not NAME=VALUE"),
        ("rank=", "is not NAME=VALUE"),
        ("rnk=2", "did you mean 'rank'?"),
        ("lora.rnk=2", "did you mean 'lora.rank'?"),
        ("network=2", "is no setting"),
        ("rank=2,0", "greater than or equal to 1"),
        ("rank=2.5", "valid integer"),
        ("rank=2,two", "valid integer"),
        ("tuning=lora,adapters", "'lora', 'full' or 'probe'"),
        ("rank=2,4,2", "has 2 twice"),
        ("lr=1e-4,0.0001", "has 0.0001 twice"),
        ("rank=[2", "is no list of values"),
        ("lr=1e-3:1e-5", "begins at or above its end"),
        ("lr=1e-3:1e-3", "begins at or above its end"),
        ("smoothing=0:0.2:log", "has no logarithm"),
        ("lr=1e-5:1e-3:ln", "is no range"),
        ("rank=2:", "is no range"),
        ("rank=2:4:8:log", "is no range"),
        ("rank=0:4", "greater than or equal to 1"),
        ("tuning=lora:full", "'lora', 'full' or 'probe'"),  # a range of words is none
        ("learning_rate=1e-4", "given a value by its own option or --set"),
        *((f"{name}=2,3", "cannot be varied") for name in NOT_SEARCHED),
    ],
)
def test_what_cannot_be_varied_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"--sweep") as refused:
        parse_sweeps([text], BASE, {PLACES["learning_rate"]} if "learning_rate" in text else ())
    assert said in str(refused.value)


def test_every_setting_of_how_folds_run_is_refused_but_the_precision() -> None:
    assert set(PARTS["run"].model_fields) - set(NOT_SEARCHED) == {"precision"}


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as refused:
        parse_sweeps(["rank=0,x", "lr", "lr=1e-4", "learning_rate=1e-3", "folds=2"], BASE)
    assert len(refused.value.problems) == 5
    assert "is varied twice" in str(refused.value)


def test_the_grid_is_every_combination_and_the_last_sweep_changes_fastest() -> None:
    sweeps = parse_sweeps(["lr=1e-4,3e-4", "rank=2:4"], BASE)
    assert combinations(sweeps) == 6
    assert [tuple(values.values()) for values in grid(sweeps)] == [
        (1e-4, 2), (1e-4, 3), (1e-4, 4), (3e-4, 2), (3e-4, 3), (3e-4, 4)
    ]  # fmt: skip
    assert number_of_trials(sweeps[:1], None) == 2
    assert number_of_trials(sweeps, 100) == 6
    assert number_of_trials(sweeps, 5) == 5


def test_a_range_needs_a_number_of_trials() -> None:
    sweeps = parse_sweeps(["lr=1e-5:1e-3:log", "rank=2,4"], BASE)
    assert combinations(sweeps) is None
    assert number_of_trials(sweeps, 7) == 7
    with pytest.raises(InputError, match=r"has a range \(learning_rate\) — say how many to try"):
        number_of_trials(sweeps, None)
    with pytest.raises(InputError, match="is not between 1 and 10,000"):
        number_of_trials(sweeps, 0)
    many = parse_sweeps(
        [f"{name}={','.join(map(str, range(1, 23)))}" for name in ("rank", "width", "epochs")], BASE
    )
    with pytest.raises(InputError, match="has 10,648 combinations"):
        number_of_trials(many, None)


def test_values_that_do_not_go_together_are_refused_before_anything_trains() -> None:
    base = make_settings("x", {"select": "pred"})
    sweeps = parse_sweeps(["modality=clip,vision", "select=pred,clip", "rank=2,4"], base)
    with pytest.raises(InputError) as refused:
        require_possible(sweeps, base)
    assert str(refused.value).count("there is no contrastive loss to select by") == 1
    assert "modality=vision select=clip rank=2, modality=vision select=clip rank=4" in str(refused.value)
    require_possible(parse_sweeps(["modality=clip,vision", "select=pred,both"], base), base)
    # Weights of a range are checked at its ends: with 0 there is nothing to learn.
    with pytest.raises(InputError, match="is 0 for a model of images alone"):
        require_possible(parse_sweeps(["image_weight=0:1", "modality=vision,clip"], base), base)
