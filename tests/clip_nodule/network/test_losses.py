from __future__ import annotations

import math

import pytest
import torch

from clip_nodule.network.losses import MISSING, contrastive_loss, prediction_loss


def test_contrastive_loss_by_hand() -> None:
    # Two pairs, logits [[2, 0], [1, 3]], smoothing 0.1: a row's target is 0.95 on the diagonal, 0.05 beside it.
    def entropy(own: float, other: float) -> float:
        log_sum = math.log(math.exp(own) + math.exp(other))
        return -0.95 * (own - log_sum) - 0.05 * (other - log_sum)

    rows = (entropy(2, 0) + entropy(3, 1)) / 2
    columns = (entropy(2, 1) + entropy(3, 0)) / 2
    loss = contrastive_loss(torch.tensor([[2.0, 0.0], [1.0, 3.0]]), 0.1)
    assert float(loss) == pytest.approx((rows + columns) / 2, rel=1e-6)


def test_contrastive_loss_is_symmetric_and_log_n_without_signal() -> None:
    logits = torch.randn(5, 5)
    torch.testing.assert_close(contrastive_loss(logits), contrastive_loss(logits.T))
    assert float(contrastive_loss(torch.zeros(7, 7), 0.0)) == pytest.approx(math.log(7))


def test_smoothing_is_the_papers_formula() -> None:
    # The paper's code: 0.9 * negative log-likelihood + 0.1 * mean negative log-probability.
    logits = torch.randn(4, 4)

    def smoothed(x: torch.Tensor) -> torch.Tensor:
        log_probability = x.log_softmax(-1)
        return (0.9 * -log_probability.diag() + 0.1 * -log_probability.mean(-1)).mean()

    torch.testing.assert_close(contrastive_loss(logits, 0.1), (smoothed(logits) + smoothed(logits.T)) / 2)


def test_missing_labels_take_no_part_in_the_prediction_loss() -> None:
    logits = torch.randn(4, 2, requires_grad=True)
    labels = torch.tensor([1, MISSING, 0, MISSING])
    loss = prediction_loss(logits, labels)
    torch.testing.assert_close(loss, prediction_loss(logits[[0, 2]], labels[[0, 2]]))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[[1, 3]].eq(0).all()


def test_all_labels_missing_give_zero_that_can_be_differentiated() -> None:
    logits = torch.randn(2, 2, requires_grad=True)
    loss = prediction_loss(logits, torch.tensor([MISSING, MISSING]))
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert logits.grad.eq(0).all()


def test_class_weights_make_a_weighted_mean() -> None:
    logits, labels = torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]), torch.tensor([1, 0, 1])
    each = [math.log(1 + math.exp(-1)), math.log(1 + math.exp(2)), math.log(1 + math.exp(-3))]
    expected = (0.9 * each[0] + 0.1 * each[1] + 0.9 * each[2]) / 1.9
    loss = prediction_loss(logits, labels, torch.tensor([0.1, 0.9]))
    assert float(loss) == pytest.approx(expected, rel=1e-6)
