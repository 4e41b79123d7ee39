from __future__ import annotations

import pytest
import yaml

from benchmark.errors import InputError
from benchmark.imaging.recipe import get_recipe
from clip_nodule.network.tiny import TINY
from clip_nodule.runs.configuration import CONFIGS, load_settings, overridden, parse_assignments
from clip_nodule.runs.run_folder import RunInfo, read_run, write_run
from clip_nodule.runs.settings import PARTS, PLACES, Settings

FLAT = {
    "backbone": "tiny", "pretrained": None, "recipe": "default", "modality": "clip", "tuning": "full", "rank": 3,
    "alpha": 5.0, "lora_dropout": 0.4, "rank_stabilised": False, "position": "top3", "encoder": "vision",
    "params": ["q", "o"], "width": 32, "attention": 16, "dropout": 0.2, "temperature": 0.5,
    "classifiers": "fitted", "smoothing": 0.3, "clip_weight": 2.0, "image_weight": 3.0, "text_weight": 4.0,
    "sampling": "none", "class_weights": True, "folds": 3, "test_fraction": 0.25, "epochs": 7, "batch_size": 9,
    "accumulate": 2, "learning_rate": 0.01, "weight_decay": 0.02, "warmup": 1, "patience": 6, "select": "pred",
    "augment": "full", "text_augment": False, "text_variants": 11, "text_part": "mixed",
    "calibration": "isotonic", "precision": "fp32", "threads": 2, "parallel": 3,
}  # fmt: skip
"""Every setting of version 1 of ``run.yaml``, by its name there, none at its default."""

LATER = {"attention_start": "uniform", "sticky_stops": False, "hold_out": {}, "lockstep": "auto", "graph": True,
         "deterministic": False, "schedule": "constant", "lr_warmup": 0.0, "lr_end": 0.0, "max_grad_norm": None,
         "ema": 0.0, "decayed": "all", "stop_on": "losses", "compile": False,
         "track": ["tensorboard"]}  # fmt: skip
"""Settings that came later, and what was true before."""

NESTED = {
    "network": {
        "backbone": "tiny", "pretrained": None, "modality": "clip", "tuning": "full", "width": 32,
        "attention": 16, "dropout": 0.2, "temperature": 0.5, "classifiers": "fitted",
        "attention_start": "uniform",
    },
    "lora": {
        "rank": 3, "alpha": 5.0, "dropout": 0.4, "rank_stabilised": False, "position": "top3",
        "encoder": "vision", "params": ["q", "o"],
    },
    "losses": {
        "clip_weight": 2.0, "image_weight": 3.0, "text_weight": 4.0, "smoothing": 0.3, "class_weights": True,
    },
    "data": {
        "recipe": "default", "folds": 3, "test_fraction": 0.25, "hold_out": {}, "sampling": "none",
        "augment": "full",
        "text_augment": False, "text_variants": 11, "text_part": "mixed",
    },
    "optimisation": {
        "epochs": 7, "batch_size": 9, "accumulate": 2, "learning_rate": 0.01, "weight_decay": 0.02, "warmup": 1,
        "patience": 6, "select": "pred", "sticky_stops": False, "schedule": "constant", "lr_warmup": 0.0,
        "lr_end": 0.0, "max_grad_norm": None, "ema": 0.0, "decayed": "all", "stop_on": "losses",
    },
    "run": {
        "calibration": "isotonic", "precision": "fp32", "threads": 2, "parallel": 3, "lockstep": "auto",
        "graph": True, "deterministic": False, "compile": False, "track": ["tensorboard"],
    },
}  # fmt: skip


def test_every_plain_name_has_its_place_and_every_place_a_name() -> None:
    assert set(PLACES) == set(FLAT) | set(LATER)
    fields = {(part, field) for part, model in PARTS.items() for field in model.model_fields}
    assert set(PLACES.values()) == fields
    assert set(Settings.model_fields) == set(PARTS)


def test_a_run_folder_of_before_loads_and_is_written_in_parts(tmp_path) -> None:
    old = {
        "schema_version": 1, "name": "x", "number": 1, "kind": "trained", "folds": 3, "settings": FLAT,
        "recipe": get_recipe("default").as_dict(), "backbone": TINY["tiny"],
    }  # fmt: skip
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(old))
    info = read_run(tmp_path)
    assert info.settings.model_dump(mode="json") == NESTED
    kept = {key: old[key] for key in ("name", "number", "folds", "recipe", "backbone")}
    write_run(tmp_path, RunInfo(**kept, settings=info.settings))
    content = yaml.safe_load((tmp_path / "run.yaml").read_text())
    assert (content["schema_version"], content["settings"]) == (4, NESTED)
    assert read_run(tmp_path).settings == info.settings


@pytest.mark.parametrize("content", [FLAT, NESTED, {**NESTED, "lora": {}, **{n: FLAT[n] for n in (
    "rank", "alpha", "lora_dropout", "rank_stabilised", "position", "encoder", "params")}}])  # fmt: skip
def test_a_configuration_may_have_plain_names_or_parts(tmp_path, content) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))
    assert load_settings(tmp_path / "own.yaml").model_dump(mode="json") == NESTED


@pytest.mark.parametrize("name", FLAT)
def test_set_takes_a_plain_name_and_its_place(name) -> None:
    place = PLACES[name]
    for written in (name, ".".join(place)):
        given = parse_assignments(
            [f"{written}={yaml.safe_dump(FLAT[name], default_flow_style=True).split(chr(10))[0]}"]
        )
        together = {"sampling": "none", **given} if name == "class_weights" else given
        settings = load_settings(None, together)
        assert settings.model_dump(mode="json")[place[0]][place[1]] == FLAT[name]


def test_the_empty_part_of_a_file_is_the_default(tmp_path) -> None:
    (tmp_path / "own.yaml").write_text("lora:\n  # rank: 4\ndata: {folds: 3}\n")
    assert load_settings(tmp_path / "own.yaml") == Settings.model_validate({"folds": 3})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("rank: 2\nlora: {rank: 3}", "rank and lora.rank are the same setting"),
        ("lora: {lora_dropout: 0.1}", "lora.lora_dropout.*did you mean 'lora.dropout'"),
        ("data: {epochs: 3}", "data.epochs.*did you mean 'optimisation.epochs'"),
        ("lora: {rnk: 3}", "lora.rnk.*did you mean 'lora.rank'"),
        ("lora: 3", "is a part of the settings"),
        ("lora: {rank: 0}", "lora.rank.*greater than or equal to 1"),
        ("lora: {params: [q, z]}", "lora.params.1"),
        ("optimizer: {epochs: 3}", "is no field here"),
    ],
)
def test_what_a_file_has_wrong_is_named_as_it_is_written(tmp_path, content, said) -> None:
    (tmp_path / "own.yaml").write_text(content)
    with pytest.raises(InputError, match=said):
        load_settings(tmp_path / "own.yaml")


def test_two_names_of_one_setting_are_refused_with_set_too() -> None:
    with pytest.raises(InputError, match=r"rank and lora.rank are the same setting"):
        load_settings(None, parse_assignments(["rank=2", "lora.rank=3"]))


def test_an_override_wins_over_the_file_whichever_way_each_is_written(tmp_path) -> None:
    for content in ("rank: 2", "lora: {rank: 2}"):
        (tmp_path / "own.yaml").write_text(content)
        for override in ({"rank": 3}, {"lora.rank": 3}, {"lora": {"rank": 3}}):
            assert load_settings(tmp_path / "own.yaml", override).lora.rank == 3
            assert overridden(load_settings(tmp_path / "own.yaml"), override).lora.rank == 3


def test_the_papers_file_states_every_setting() -> None:
    content = yaml.safe_load((CONFIGS / "zhuang2025.yaml").read_text(encoding="utf-8"))
    assert {(part, field) for part, fields in content.items() for field in fields} == set(PLACES.values())
