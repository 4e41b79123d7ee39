from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.errors import InputError
from clip_nodule.inference.zero_shot import class_probabilities, read_prompts
from clip_nodule.text.semantics import default_prompts


def unit(*shape: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=shape)
    return (values / np.linalg.norm(values, axis=-1, keepdims=True)).astype(np.float32)


def test_softmax_of_scaled_cosines_averaged_over_folds() -> None:
    images, texts, scales = unit(3, 5, 8, seed=0), unit(3, 4, 8, seed=1), np.array([10.0, 14.0, 20.0])
    probability, cosine = class_probabilities(images, texts, scales)
    # torch, fold by fold and nodule by nodule
    expected = torch.stack(
        [
            (scales[k] * torch.tensor(images[k]).double() @ torch.tensor(texts[k]).double().T).softmax(-1)
            for k in range(3)
        ]
    ).mean(0)
    np.testing.assert_allclose(probability, expected.numpy(), atol=1e-12)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(cosine, np.mean([images[k] @ texts[k].T for k in range(3)], axis=0), atol=1e-6)


def test_swapping_two_sentences_swaps_their_scores() -> None:
    images, texts, scales = unit(2, 6, 8, seed=2), unit(2, 3, 8, seed=3), np.array([14.0, 14.0])
    before, _ = class_probabilities(images, texts, scales)
    after, _ = class_probabilities(images, texts[:, [1, 0, 2]], scales)
    np.testing.assert_array_equal(after, before[:, [1, 0, 2]])


def test_prompts_are_the_papers() -> None:
    # Section 3.4: "This nodule [margin] is [...]", "There is [...]." against "No findings."
    prompts = default_prompts()
    assert prompts["nodule_margins"]["Spiculated/Serrated"] == "This nodule margin is spiculated."
    assert prompts["pleural_attachment"] == {"Present": "There is pleural attachment.", "Absent": "No findings."}
    assert len(prompts) == 16
    assert "level_of_suspicion_of_lung_cancer" not in prompts


def test_prompt_files(tmp_path: Path) -> None:
    path = tmp_path / "prompts.yaml"
    path.write_text("necrosis: {Present: It is necrotic., Absent: It is not.}\n")
    assert read_prompts(path) == {"necrosis": {"Present": "It is necrotic.", "Absent": "It is not."}}


def test_every_problem_of_a_prompt_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prompts.yaml"
    path.write_text("necrosi: {Present: x}\ncavitation: {Present: x, Abscent: y}\nshort_diameter_(mm): {a: b}\n")
    with pytest.raises(InputError) as caught:
        read_prompts(path)
    text = str(caught.value)
    for expected in (
        "did you mean 'necrosis'",
        "no sentence for class 'Absent'",
        "did you mean 'Absent'",
        "short_diam",
    ):
        assert expected in text
    for content in ("", "- a\n", "!!python/object/apply:os.system ['true']", "a: ["):
        path.write_text(content)
        with pytest.raises(InputError):
            read_prompts(path)
