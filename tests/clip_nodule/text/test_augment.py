import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clip_nodule.text.augment import SYNONYMS, augment_text
from clip_nodule.text.report_text import report_texts
from tests.clip_nodule.text.test_report_text import random_nodules

TEXTS = report_texts(random_nodules(40, seed=9), seed=9)["text"].tolist()


def test_the_seed_decides():
    for text in TEXTS[:5]:
        assert augment_text(text, np.random.default_rng(1)) == augment_text(text, np.random.default_rng(1))
    assert any(
        augment_text(t, np.random.default_rng(1)) != augment_text(t, np.random.default_rng(2)) for t in TEXTS
    )


def test_nothing_changes_at_rate_zero():
    assert all(augment_text(text, np.random.default_rng(0), synonyms=0, drop=0) == text for text in TEXTS)


@given(index=st.integers(0, len(TEXTS) - 1), seed=st.integers(0, 2**32))
def test_numbers_negations_and_classes_survive(index, seed):
    text = TEXTS[index]
    changed = augment_text(text, np.random.default_rng(seed), synonyms=0.5, drop=0.5)
    assert re.findall(r"[\d.]*\d", changed) == re.findall(r"[\d.]*\d", text)
    negations = r"\b(?:no|absent|absence)\b"
    assert len(re.findall(negations, changed.lower())) == len(re.findall(negations, text.lower()))
    for word in ("spiculated", "part-solid", "necrosis", "dimpling", "polygonal", "emphysema"):
        assert (word in changed.lower()) == (word in text.lower())
    assert changed.count("\n") == text.count("\n")


def test_synonyms_of_a_word_are_used_about_as_often_as_asked():
    words = 0
    for seed in range(400):
        words += augment_text("nodule", np.random.default_rng(seed), synonyms=0.3, drop=0) == "lesion"
    # 400 draws at 0.3: three standard deviations are 27.
    assert abs(words - 120) < 28


def test_no_word_stands_in_two_groups():
    words = [word for group in SYNONYMS for word in group]
    assert len(words) == len(set(words))
