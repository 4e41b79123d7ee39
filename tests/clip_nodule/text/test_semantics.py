import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from clip_nodule.text.semantics import (
    BY_COLUMN,
    FEATURES,
    SEMANTIC_COLUMNS,
    SUSPICION,
    WORDS,
    class_of,
    default_prompts,
    read_features,
)

# The header of the paper's dataset_csv/sample_csv_with_semantic_feats.csv (commit 4fdabe1), after `malignant`.
SAMPLE_HEADER = (
    "longest_axial_diameter_(mm),short_diameter_(mm),mean_diameter,psn_longest_diameter_solid_component,"
    "nodule_margin_conspicuity,nodule_margins,additional_nodule_margins,nodule_shape,nodule_consistency,"
    "nodule_reticulation,cyst-like_spaces,intra-nodular_bronchiectasis,necrosis,cavitation,eccentric_calcification,"
    "airway_cut-off,pleural_attachment,pleural_retraction,vascular_convergence,septal_stretching,"
    "paracicatricial_emphysema,level_of_suspicion_of_lung_cancer"
)
# One of its rows, and what the vocabulary must read in it.
SAMPLE_ROW = (
    "23.6,14.2,19.0,13.7,Poorly marginated,Spiculated/Serrated,Lobulated,Complex/Irregular,Part-solid,Present,"
    "Absent,Absent,Absent,Absent,Absent,Absent,Present,Absent,Absent,Absent,Present,High"
)


def table(**cells):
    return pd.DataFrame({"pid": ["007"], "nodule_id": ["1"], **{name: [cell] for name, cell in cells.items()}})


def test_columns_are_those_of_the_papers_sample():
    assert list(SEMANTIC_COLUMNS) == SAMPLE_HEADER.split(",")


def test_a_row_of_the_papers_sample_is_read_as_it_stands():
    names, cells = SAMPLE_HEADER.split(","), SAMPLE_ROW.split(",")
    read = read_features(table(**dict(zip(names, cells, strict=True)))).iloc[0]
    assert [str(read[name]) for name in names] == cells


def test_nineteen_features_of_table_s1():
    assert len(FEATURES) == 19
    groups = [feature.group for feature in FEATURES]
    assert [groups.count(name) for name in ("general", "internal", "external", "assessment")] == [6, 7, 5, 1]
    assert [feature.name for feature in FEATURES if feature.multi_label] == ["nodule margins"]


def test_every_named_class_has_words_and_no_word_means_two_classes():
    for column, classes in WORDS.items():
        assert tuple(classes) == tuple(name for name in classes if name in BY_COLUMN[column].classes)
        assert set(classes) == set(BY_COLUMN[column].classes)
        words = [word for group in classes.values() for word in group]
        assert len(words) == len(set(words))
        for name, group in classes.items():
            assert {class_of(column, word) for word in group} == {name}


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.classes], ids=lambda f: f.column)
@given(data=st.data())
def test_case_and_blanks_do_not_matter(feature, data):
    name = data.draw(st.sampled_from(feature.classes))
    written = data.draw(st.sampled_from([str.lower, str.upper, str.title, lambda text: f"  {text} "]))(name)
    assert class_of(feature.column, written) == name


def test_missing_is_not_absent():
    read = read_features(table(necrosis="", cavitation="Absent")).iloc[0]
    assert pd.isna(read["necrosis"])
    assert read["cavitation"] == "Absent"
    assert pd.isna(read["nodule_shape"])


def test_all_wrong_cells_are_named_with_the_nearest_class():
    with pytest.raises(InputError) as error:
        read_features(table(nodule_shape="Ovid", necrosis="maybe", mean_diameter="9 mm"))
    assert len(error.value.problems) == 3
    assert "did you mean 'Ovoid'" in str(error.value)


def test_prompts_are_the_papers():
    prompts = default_prompts()
    # Section 3.4 of the paper gives these sentences.
    assert prompts["nodule_margins"]["Spiculated/Serrated"] == "This nodule margin is spiculated."
    assert prompts["pleural_attachment"] == {
        "Present": "There is pleural attachment.",
        "Absent": "No findings.",
    }
    assert SUSPICION not in prompts
    assert set(prompts) == {f.column for f in FEATURES if f.classes and f.column != SUSPICION}
