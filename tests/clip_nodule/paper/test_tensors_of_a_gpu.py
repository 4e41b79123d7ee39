"""Weights that were saved on a GPU, read where there is none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch

from clip_nodule.paper.files import read_paper_weights


def test_tensors_that_were_on_a_gpu_are_read_without_one(tmp_path: Path) -> None:
    made = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1.5])}
    torch.save({"model": made}, tmp_path / "cpu.pt")
    path = tmp_path / "best_both.pt"
    with zipfile.ZipFile(tmp_path / "cpu.pt") as source, zipfile.ZipFile(path, "w") as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename.endswith("data.pkl"):
                # the place of a storage, as pickle writes a short text: X, its length in four bytes, its letters
                changed = data.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:1")
                assert changed != data
                data = changed
            target.writestr(item, data)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):  # it is what it is meant to be
            torch.load(path, weights_only=True)
    found = read_paper_weights(path)
    assert {name: tensor.device.type for name, tensor in found.items()} == {"a": "cpu", "b": "cpu"}
    for name, tensor in made.items():
        assert torch.equal(found[name], tensor)
