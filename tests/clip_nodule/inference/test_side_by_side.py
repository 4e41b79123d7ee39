"""Blocks of nodules side by side: in order, with a share of the threads each, and nothing left changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from clip_nodule.inference.side_by_side import one_behind, side_by_side


@pytest.fixture(params=[1, 2, 4])
def available(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_are_in_the_order_of_the_blocks(available: int) -> None:
    def after_those_before(block: int) -> Tensor:
        return torch.full((1,), float(block)) @ torch.ones(1, 200 - 10 * block)

    found = side_by_side(range(9), after_those_before)
    assert [float(each[0]) for each in found] == list(range(9))


def test_each_block_has_its_share_of_the_threads_and_no_gradients(available: int) -> None:
    weight = torch.ones(2, requires_grad=True)
    seen: list[int] = []

    def watched(block: int) -> Tensor:
        seen.append(torch.get_num_threads())
        return weight * block

    for count in (1, 2, 8):
        seen.clear()
        assert not any(each.requires_grad for each in side_by_side(range(count), watched))
        assert seen == [max(1, available // count)] * count
    assert torch.get_num_threads() == available


def test_an_error_of_a_block_arrives_and_the_threads_are_as_before(available: int) -> None:
    def refuses(block: int) -> Tensor:
        if block == 3:
            raise ValueError("block 3")
        return torch.zeros(1)

    with pytest.raises(ValueError, match="block 3"):
        list(side_by_side(range(6), refuses))
    assert torch.get_num_threads() == available


def test_there_may_be_no_block() -> None:
    assert list(side_by_side([], lambda _: torch.zeros(1))) == []


def test_a_result_is_fetched_when_the_next_is_begun() -> None:
    begun: list[int] = []

    def begin(batch: Tensor) -> Tensor:
        begun.append(int(batch))
        return batch * 2

    results = one_behind((torch.tensor(n) for n in range(3)), begin)
    seen = [(int(result), list(begun)) for result in results]
    assert seen == [(0, [0, 1]), (2, [0, 1, 2]), (4, [0, 1, 2])]
    assert list(one_behind([], begin)) == []
