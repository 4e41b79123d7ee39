import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from clip_nodule.runs.settings import Settings
from clip_nodule.text.augment import SYNONYMS, augment_text
from clip_nodule.text.report_text import report_texts
from clip_nodule.text.wordings import UNKNOWN, wordings
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


def test_a_cohort_of_which_nothing_is_known_gives_no_texts():
    nodules = random_nodules(40, seed=9).head(6)
    bare = nodules[["pid", "nodule_id"]]
    with pytest.raises(InputError, match=r"all texts are alike.*--modality vision"):
        wordings(bare, Settings(), 0)
    assert wordings(bare, Settings(modality="vision"), 0) is None
    some = bare.assign(necrosis=["Present", *[None] * 5])
    assert wordings(some, Settings(), 0) is not None


def test_a_file_of_texts_is_not_passed_over_by_a_model_of_images(tmp_path):
    with pytest.raises(InputError, match=r"--text.*is not read by a model of images alone"):
        wordings(random_nodules(40, seed=9), Settings(modality="vision"), 0, tmp_path / "texts.csv")


def test_the_table_of_bench_text_is_read_though_a_nodule_lacks_features(tmp_path):
    nodules = random_nodules(40, seed=9).head(3)
    bare = nodules[["pid", "nodule_id"]].assign(necrosis=["Present", None, "Absent"])
    report_texts(bare, seed=9)[["pid", "nodule_id", "text"]].to_csv(tmp_path / "texts.csv", index=False)
    read = wordings(bare, Settings(text_augment=False), 0, tmp_path / "texts.csv")
    assert [text == UNKNOWN for text in read[0]] == [False, True, False]
