"""The report's part and the rate of changed words as the paper's code has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from clip_nodule.runs.configuration import load_settings
from clip_nodule.text.wordings import PLAIN_SHARE, UNKNOWN, from_the_word_impression, wordings
from clip_nodule.training.data import TrainingData
from clip_nodule.training.fold import FoldJob
from tests.clip_nodule.text.test_report_text import random_nodules

REPORT = "Findings:\n- The nodule is solid.\n\nImpression:\nA solid nodule with\nsmooth margins."


@pytest.mark.parametrize(
    ("report", "read"),
    [
        # By hand from what the code does: all from the first "impression", in any case, line breaks removed.
        (REPORT, "Impression:A solid nodule withsmooth margins."),
        ("A smooth impression on the pleura.\nIMPRESSION: none", "impression on the pleura.IMPRESSION: none"),
        ("The nodule is solid.", ""),
        ("Findings: solid.\nImpression:\n", ""),
    ],
)
def test_a_report_is_read_from_the_word_impression_on(report: str, read: str) -> None:
    assert from_the_word_impression(report) == read


def test_the_papers_part_of_a_file_of_texts_and_of_template_texts(tmp_path: Path) -> None:
    settings = load_settings("zhuang2025", {"text_augment": False})
    nodules = pd.DataFrame({"pid": ["a", "b", "c"], "nodule_id": ["1", "1", "1"]})
    given = nodules.assign(text=[REPORT, "The nodule is solid.", ""])
    given.to_csv(tmp_path / "texts.csv", index=False)
    read = "Impression:A solid nodule withsmooth margins."
    assert wordings(nodules, settings, 0, tmp_path / "texts.csv") == [[read, "The nodule is solid.", UNKNOWN]]
    ours = load_settings("zhuang2025", {"text_augment": False, "text_part": "impression"})
    made, plain = wordings(random_nodules(10, 3), settings, 3), wordings(random_nodules(10, 3), ours, 3)
    assert made == [[f"Impression:{text}" for text in plain[0]]]


def test_every_wording_of_the_paper_is_the_plain_one_changed_and_at_most_two_words_are_others() -> None:
    settings = load_settings("zhuang2025", {"text_variants": 30})
    words = wordings(random_nodules(20, 5, missing=0.5), settings, 5)
    assert len(words) == 30
    changed = total = 0
    for variant in words[1:]:
        for plain, text in zip(words[0], variant, strict=True):
            kept = set(plain.lower().split())
            new = [word for word in text.lower().split() if word not in kept]
            assert len(new) <= 2 * 3  # two synonyms, of up to three words each ("no sign of")
            changed, total = changed + (text != plain), total + 1
    assert changed > total / 4  # a text may hold nothing that can be changed


def test_texts_are_plain_as_often_as_in_the_papers_code() -> None:
    # Half are offered to two changes, each made with probability 0.2: 1 - 0.5 (1 - 0.8 x 0.8) = 0.82.
    assert pytest.approx(0.82) == PLAIN_SHARE
    settings = load_settings("zhuang2025", {"pretrained": None})
    data = TrainingData(pd.DataFrame({"row": [0]}), np.zeros((4, 1, 77), np.uint16))
    job = FoldJob(Path(), 0, settings, 0, data, lambda *_: torch.empty(0), torch.device("cpu"))
    drawn = job._wordings(20_000, np.random.default_rng(0))
    shares = np.bincount(drawn, minlength=4) / 20_000
    # Four standard deviations of 20 000 draws: 0.011.
    np.testing.assert_allclose(shares, [0.82, 0.06, 0.06, 0.06], atol=0.011)
    ours = FoldJob(Path(), 0, load_settings(None), 0, data, job.planes, job.device)
    even = np.bincount(ours._wordings(20_000, np.random.default_rng(0)), minlength=4)
    np.testing.assert_allclose(even / 20_000, 0.25, atol=0.0125)
