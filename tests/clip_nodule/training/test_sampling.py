from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clip_nodule.network.losses import MISSING
from clip_nodule.training.sampling import class_weights, diagnosis_weights, semantic_weights


def test_class_weights_are_inverse_counts_that_sum_to_one() -> None:
    labels = np.array([0, 0, 0, 1, MISSING])
    np.testing.assert_allclose(class_weights(labels), [0.25, 0.75])


def test_a_class_that_does_not_occur_weighs_nothing() -> None:
    np.testing.assert_allclose(class_weights(np.array([0, 0])), [1, 0])
    np.testing.assert_allclose(class_weights(np.array([MISSING])), [0, 0])


def test_diagnoses_are_drawn_equally_often() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [MISSING])
    weights = diagnosis_weights(labels)
    sums = [weights[labels == label].sum() for label in (0, 1, MISSING)]
    np.testing.assert_allclose(sums, [1, 1, 1])


def test_rare_features_weigh_more_as_in_the_papers_code() -> None:
    # By hand: necrosis 3 absent (the missing one counts as the commonest class), 1 present; shape 2 and 2.
    table = pd.DataFrame(
        {
            "necrosis": ["Absent", "Absent", None, "Present"],
            "nodule_shape": ["Round", "Ovoid", "Round", "Ovoid"],
            "level_of_suspicion_of_lung_cancer": ["High", "Very Low", "High", "High"],
        }
    )
    raw = -np.log([3 * 2, 3 * 2, 3 * 2, 1 * 2])
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    np.testing.assert_allclose(semantic_weights(table), expected, atol=2e-6)
    assert (semantic_weights(table) > 0).all()


@pytest.mark.parametrize("columns", [{}, {"necrosis": [None, None]}, {"necrosis": ["Absent", "Absent"]}])
def test_features_that_say_nothing_leave_all_weights_equal(columns: dict) -> None:
    np.testing.assert_array_equal(semantic_weights(pd.DataFrame(columns, index=[0, 1], dtype=object)), [1, 1])
