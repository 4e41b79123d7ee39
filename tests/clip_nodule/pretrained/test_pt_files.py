"""Files of ``torch.save``: a process of their own reads them, and what it gives back is what PyTorch reads."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.errors import InputError
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.volume import ReadOptions
from clip_nodule.paper.files import read_paper_weights
from clip_nodule.paper.legacy_crops import crops_from_pt, read_crop
from clip_nodule.pretrained import pt_files
from clip_nodule.pretrained.weight_files import state_tensors
from tests.work import jobs

TENSORS = {
    "b": torch.arange(6, dtype=torch.float64).reshape(2, 3).T,
    "a": torch.tensor(2.5, dtype=torch.bfloat16),
    "c.ä": torch.tensor([[True, False]]),
    "none": torch.empty(0, 3, dtype=torch.int16),
    "__metadata__": torch.full((3,), float("nan")),
}


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **more: object) -> None:
        raise AssertionError("the file is read in the command's own process")

    monkeypatch.setattr(torch, "load", fail)


@pytest.mark.usefixtures("in_this_process")
def test_no_file_is_read_in_the_commands_own_process(tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "w.pt")
    assert list(pt_files.read_tensors_apart(state_tensors, tmp_path / "w.pt")) == list(TENSORS)
    torch.save({"model": {"a": torch.ones(2)}}, tmp_path / "best_both.pt")
    assert read_paper_weights(tmp_path / "best_both.pt")["a"].tolist() == [1, 1]
    (tmp_path / "crops").mkdir()
    torch.save((torch.arange(100.0) - 1000).expand(100, 100, 100), tmp_path / "crops" / "p_1.pt")
    assert crops_from_pt(tmp_path / "crops", tmp_path / "s").crops([0])[0, 0, 0].tolist() == list(
        range(-1000, -900)
    )


def test_tensors_come_back_as_pytorch_reads_them(tmp_path: Path) -> None:
    torch.save(TENSORS | {"tied": TENSORS["b"]}, tmp_path / "w.pt")
    found = pt_files.read_tensors_apart(state_tensors, tmp_path / "w.pt")
    expected = torch.load(tmp_path / "w.pt", weights_only=True)
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(found[name].nan_to_num(7), tensor.nan_to_num(7))


def test_what_is_no_plain_array_is_named(tmp_path: Path) -> None:
    odd = {"sparse": torch.eye(3).to_sparse(), "complex": torch.ones(2, dtype=torch.complex64), "a": torch.ones(1)}
    torch.save(odd, tmp_path / "w.pt")
    with pytest.raises(InputError) as error:
        pt_files.read_tensors_apart(state_tensors, tmp_path / "w.pt")
    assert [problem.column for problem in error.value.problems] == ["sparse", "complex"]
    assert str(error.value).startswith(f"{tmp_path / 'w.pt'}:sparse — is no plain array of numbers (torch.float32")


@pytest.mark.skipif(sys.platform != "linux", reason="the system limits no memory")
def test_a_file_of_kilobytes_that_takes_gigabytes_is_refused(tmp_path: Path) -> None:
    """One number that is to stand for 10^10: PyTorch's reader makes nothing of it, but whoever looks does."""
    torch.save({"model": {"a": torch.zeros(1).expand(100_000, 100_000)}}, tmp_path / "best_both.pt")
    assert (tmp_path / "best_both.pt").stat().st_size < 5_000
    with pytest.raises(InputError, match=r"best_both\.pt — needs more than 1\.5 GB of memory to be read"):
        read_paper_weights(tmp_path / "best_both.pt")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (jobs.ends, r"w\.pt — the process that read it died \(status 5\)"),
        (os.getpid, r"w\.pt — cannot be read: TypeError"),
    ],
)
def test_a_reader_that_dies_or_fails_costs_its_file_alone(tmp_path: Path, end: Any, message: str) -> None:
    torch.save((torch.arange(100.0) - 1000).expand(100, 100, 100), tmp_path / "w.pt")
    with pytest.raises(InputError, match=message):
        pt_files.read_apart(end, tmp_path / "w.pt")
    read = partial(read_crop, recipe=get_recipe("zhuang2025"), options=ReadOptions())
    crop, remarks = pt_files.read_apart(read, tmp_path / "w.pt")
    assert (crop.shape, crop[0, 0].tolist(), remarks) == ((100,) * 3, list(range(-1000, -900)), ())
