"""An adapter's configuration says what the settings of the run say: its layers are no expression to run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmark.errors import InputError
from clip_nodule.runs.networks import _adapter_config

PATTERN = r"(visual\.transformer\.resblocks\.(0|1))\.attn\.(q_proj)"
VALUES = {"r": 2, "lora_alpha": 1, "lora_dropout": 0.25, "use_rslora": True, "target_modules": PATTERN}


def config(folder: Path, **changes: object) -> Path:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**VALUES, **changes}))
    return path


def test_the_settings_of_the_run_are_taken(tmp_path: Path) -> None:
    found = _adapter_config(config(tmp_path), 2, PATTERN)
    assert (found.r, found.target_modules, found.lora_alpha) == (2, PATTERN, 1)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"target_modules": "(a+)+$"}, "target_modules '.*' — is not what the settings of the run say"),
        ({"target_modules": "((((((a*)*)*)*)*)*)*b"}, "target_modules"),
        ({"target_modules": ["q_proj"]}, "target_modules"),
        ({"r": 10**9}, "adapter_config.json:r '1000000000'"),
        ({"r": None}, "adapter_config.json:r"),
        ({"lora_dropout": "much"}, "is no adapter's configuration"),
    ],
)
def test_others_are_refused_at_once(changes: dict[str, object], match: str, tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(InputError, match=match):
        _adapter_config(config(tmp_path, **changes), 2, PATTERN)
    assert time.monotonic() - begin < 5


def test_a_part_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({"r": 2}))
    with pytest.raises(InputError, match="is no adapter's configuration"):
        _adapter_config(path, 2, PATTERN)
