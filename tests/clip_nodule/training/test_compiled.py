"""A compiled step computes what the plain one does; where no compiler works the error says so in a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch._dynamo.exc import TorchDynamoException

from benchmark.errors import InputError
from clip_nodule.network import tiny
from clip_nodule.network.stacked.compiling import compiled, errors_of_the_compiler
from tests.clip_nodule.pretended_steps import LEAST
from tests.clip_nodule.training import test_moves as moves


@pytest.fixture(autouse=True)
def least_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tiny.TINY, "least", LEAST)


def compiler_works() -> bool:
    try:
        with errors_of_the_compiler():
            compiled(torch.sin)(torch.ones(3))
    except InputError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_a_compiled_step_is_the_plain_one(tuning: str) -> None:
    if not compiler_works():
        pytest.skip("no compiler works here")
    stacks = []
    for ask in (False, True):
        settings = moves.settings_with(tuning=tuning, lora_dropout=0.2, compile=ask)
        stacks.append(moves.stack_of(moves.networks(settings), settings))
    plain, fast = stacks
    for number, batch in enumerate(moves.batches()[:2]):
        expected, found = plain.step(batch, 0, number), fast.step(batch, 0, number)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
        for name, leaf in plain.network.leaves.items():
            near = {"atol": 1e-5, "rtol": 1e-3, "msg": lambda message, n=name: f"{n}: {message}"}
            torch.testing.assert_close(fast.network.leaves[name].grad, leaf.grad, **near)
        for stack in stacks:
            stack.move(range(moves.FOLDS), 0, number)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0  # it was compiled


def test_a_compiler_that_fails_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            raise TorchDynamoException("\nNo working C++ compiler found\n\nSet TORCHDYNAMO_VERBOSE=1 for more")

        return called

    monkeypatch.setattr(torch, "compile", failing)
    settings = moves.settings_with(compile=True)
    stack = moves.stack_of(moves.networks(settings), settings)
    with pytest.raises(InputError) as refused:
        stack.step(moves.batches()[0], 0, 0)
    assert str(refused.value).count("\n") == 0
    assert "cannot be compiled here (No working C++ compiler found)" in str(refused.value)
    assert "--compile" in str(refused.value)
