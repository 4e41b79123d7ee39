import time

import numpy as np
import pandas as pd
import pytest

from benchmark.cohorts import lndb
from benchmark.contracts.vocabulary import BY_COLUMN, FEATURES, SEMANTIC_COLUMNS, SUSPICION
from benchmark.errors import InputError
from clip_nodule.runs.configuration import load_settings
from clip_nodule.text.report import read_text_folder, split_report
from clip_nodule.text.report_text import report_texts
from clip_nodule.text.semantics import WORDS
from clip_nodule.text.wordings import read_reports, wordings


def random_nodules(count, seed=0, missing=0.2):
    rng = np.random.default_rng(seed)
    frame = {
        "pid": [f"{i:04d}" for i in range(count)],
        "nodule_id": ["1"] * count,
        "malignant": ["1", "0"] * (count // 2),
    }
    for column in SEMANTIC_COLUMNS:
        feature = BY_COLUMN[column]
        cells = rng.choice(feature.classes, count) if feature.classes else np.round(rng.uniform(4, 30, count), 1)
        frame[column] = [None if rng.random() < missing else str(cell) for cell in cells]
    return pd.DataFrame(frame)


def one(**cells):
    return pd.DataFrame({"pid": ["007"], "nodule_id": ["1"], **{name: [cell] for name, cell in cells.items()}})


def test_every_known_feature_has_one_statement_and_missing_ones_none():
    nodules = random_nodules(60)
    texts = report_texts(nodules, seed=1)
    for row, text in zip(nodules.to_dict("records"), texts["text"], strict=True):
        expected = sum(
            any(pd.notna(row[column]) for column in feature.columns)
            for feature in FEATURES
            if feature.column != SUSPICION and feature.kind != "number"
        )
        sized = any(
            pd.notna(row[c]) for c in ("longest_axial_diameter_(mm)", "short_diameter_(mm)", "mean_diameter")
        )
        assert text.count("\n- ") == expected + sized


def test_words_of_the_class_stand_in_the_findings():
    nodules = random_nodules(80, seed=2)
    texts = report_texts(nodules, seed=3)
    for column in ("nodule_consistency", "nodule_shape", "nodule_margins", "nodule_margin_conspicuity"):
        for name, text in zip(nodules[column], texts["findings"], strict=True):
            if pd.notna(name):
                assert any(word in text for word in WORDS[column][name])


def test_absent_features_are_stated_in_the_findings_only():
    row = report_texts(one(necrosis="Absent", cavitation="Present", nodule_shape="Round"), seed=0).iloc[0]
    assert "necrosis" in row["findings"].lower()
    assert "necrosis" not in row["impression"].lower()
    assert "cavitation" in row["impression"].lower()


def test_no_known_feature_gives_no_text():
    row = report_texts(one(), seed=0).iloc[0]
    assert (row["findings"], row["impression"], row["text"]) == ("", "", "")


@pytest.mark.parametrize("seed", range(20))
def test_suspicion_and_outcome_stay_out_unless_asked_for(seed):
    # Canary words stand in every column that must not be read.
    nodules = random_nodules(10, seed=seed).assign(
        malignant="1", diagnosis="canarydiagnosis", stage="canarystage", histology="canaryhistology"
    )
    nodules["pid"] = [f"canarypid{i}" for i in range(10)]
    nodules[SUSPICION] = "Moderately High"
    for text in report_texts(nodules, seed=seed)["text"]:
        assert "canary" not in text
        assert not any(word in text.lower() for word in ("suspic", "moderately", "malignan", "cancer", "high"))
    asked = report_texts(nodules, seed=seed, with_suspicion=True)
    assert asked["impression"].str.contains("moderately high").all()
    assert not asked["findings"].str.contains("moderately").any()


@pytest.mark.parametrize("level", BY_COLUMN[SUSPICION].classes)
def test_no_level_of_suspicion_changes_a_letter(level):
    nodules = random_nodules(6).assign(malignant="0")
    other = nodules.assign(malignant="1", **{SUSPICION: level})
    pd.testing.assert_frame_equal(report_texts(nodules, seed=5), report_texts(other, seed=5))


def test_text_depends_on_seed_and_nodule_not_on_the_table():
    nodules = random_nodules(12)
    texts = report_texts(nodules, seed=7)
    part = report_texts(nodules.iloc[[9, 3]], seed=7)
    assert part["text"].tolist() == texts["text"].iloc[[9, 3]].tolist()
    assert (report_texts(nodules, seed=8)["text"] != texts["text"]).all()


def test_order_and_wording_vary():
    same = pd.concat([random_nodules(1 * 2, missing=0.0).iloc[:1]] * 60, ignore_index=True)
    same["nodule_id"] = [str(i) for i in range(60)]
    texts = report_texts(same, seed=0)["text"]
    first = {text.split("\n")[1] for text in texts}
    assert len(first) > 20


def test_size_is_in_mm():
    row = report_texts(one(**{"longest_axial_diameter_(mm)": "12.34", "short_diameter_(mm)": "9"}), seed=0).iloc[0]
    assert "12.3 x 9.0 mm" in row["findings"]


def test_a_cell_that_is_no_class_is_refused():
    with pytest.raises(InputError, match="nodule_shape"):
        report_texts(one(nodule_shape="canary"))


def test_unknown_backend_is_refused():
    with pytest.raises(InputError, match="template or gemini"):
        report_texts(one(), backend="chatty")


def test_text_files_of_the_papers_code_are_read(tmp_path):
    nodules = pd.DataFrame({"pid": ["007", "NA"], "nodule_id": ["0", "1"]})
    (tmp_path / "007_0.txt").write_text("Findings:\n  Solid.\n* Round.\n\nImpression:\nA solid nodule.\n")
    (tmp_path / "NA_1.txt").write_text("Only one part.")
    texts = read_text_folder(tmp_path, nodules)
    assert texts[["findings", "impression"]].to_numpy().tolist() == [
        ["Solid. Round.", "A solid nodule."],
        ["Only one part.", ""],
    ]


SPIKED = "A solid nodule with a smooth impression on the pleura."


@pytest.mark.parametrize(
    ("text", "findings", "impression"),
    [
        ("Findings:\n- Solid.\n\nImpression:\nA nodule.", "Solid.", "A nodule."),
        ("FINDINGS: Solid. IMPRESSION: A nodule.", "Solid.", "A nodule."),
        ("## Findings\n* Solid.\n## Impression\n**A nodule.**", "Solid.", "A nodule."),
        ("**Findings:**\n- Solid.\n**Impression:** A nodule.", "Solid.", "A nodule."),
        ("Solid.\nImpression\nA nodule.", "Solid.", "A nodule."),
        ("Solid.\nIMPRESSION - A nodule.", "Solid.", "A nodule."),
        ("Impression: A nodule.\nFindings: Solid.", "Solid.", "A nodule."),
        ("Technique: CT.\nFindings:\n- Solid.\nImpression:\nA nodule.", "Solid.", "A nodule."),
        ("Impression: A nodule.", "", "A nodule."),
        ("Findings:\n- Solid.", "Solid.", ""),
        ("A nodule\nof 8 mm.", "A nodule of 8 mm.", ""),
        (SPIKED, SPIKED, ""),
        ("Impression on the pleura, 8 mm.", "Impression on the pleura, 8 mm.", ""),
        ("Findings suggest a granuloma.", "Findings suggest a granuloma.", ""),
        ("Solid. It gives the impression: round.", "Solid. It gives the impression: round.", ""),
        (f"Findings:\n- {SPIKED}\n- Impression of a vessel.\n\nImpression:\nA nodule.",
         f"{SPIKED} Impression of a vessel.", "A nodule."),
        ("Findings:\n- Round. No other findings: none.\nImpression:\nThe impression is of a scar.",
         "Round. No other findings: none.", "The impression is of a scar."),
        ("Findings:\n-600 HU on average.\nImpression:\nPure ground glass.",
         "-600 HU on average.", "Pure ground glass."),
    ],
)  # fmt: skip
def test_headings_split_a_report_and_words_within_statements_do_not(text, findings, impression):
    assert split_report(text) == (findings, impression)


@pytest.mark.parametrize("text", ["A nodule of 8 mm.", SPIKED, f"Findings:\n- {SPIKED}\nImpression:\nA nodule."])
def test_a_text_file_and_a_row_of_a_table_mean_the_same(tmp_path, text):
    nodules = pd.DataFrame({"pid": ["007"], "nodule_id": ["0"]})
    (tmp_path / "007_0.txt").write_text(text)
    nodules.assign(text=text).to_csv(tmp_path / "texts.csv", index=False)
    parts = ["findings", "impression"]
    of_file, of_row = read_text_folder(tmp_path, nodules), read_reports(tmp_path / "texts.csv", nodules)
    assert of_file[parts].to_numpy().tolist() == of_row[parts].to_numpy().tolist() == [list(split_report(text))]


def test_a_text_without_headings_is_what_a_model_reads_whichever_part_it_is_to_read(tmp_path):
    nodules = pd.DataFrame({"pid": ["007"], "nodule_id": ["0"]})
    nodules.assign(text=SPIKED).to_csv(tmp_path / "texts.csv", index=False)
    for part in ("impression", "findings", "mixed"):
        settings = load_settings(None, {"text_part": part, "text_augment": False})
        assert wordings(nodules, settings, 0, tmp_path / "texts.csv") == [[SPIKED]]


def test_missing_and_escaping_text_files_are_named_together(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out_1.txt").write_text("secret")
    (tmp_path / "in" / "b_1.txt").write_text("  ")
    nodules = pd.DataFrame({"pid": ["a", "b", "../out"], "nodule_id": ["1", "1", "1"]})
    with pytest.raises(InputError) as error:
        read_text_folder(tmp_path / "in", nodules)
    assert len(error.value.problems) == 3
    assert "secret" not in str(error.value)


def test_own_reports_are_split_as_they_were_made():
    nodules = random_nodules(20, seed=4)
    for row in report_texts(nodules, seed=4).itertuples():
        assert split_report(row.text) == (row.findings, row.impression)


def test_lndb_becomes_text_and_its_missing_ratings_stay_out(shared):
    nodules = lndb.prepare([shared / "data" / "lndb"]).nodules
    texts = report_texts(nodules, seed=0)
    assert len(texts) == 768
    calcified = nodules["eccentric_calcification"]
    assert calcified.isna().any()
    for missing, text in zip(calcified.isna(), texts["text"], strict=True):
        assert ("calcification" in text) == (not missing)
    # LNDb rates neither the pleura nor vessels: a text that names them would have made them up.
    assert not texts["text"].str.contains("pleura|vascular|septal|emphysema|suspicion").any()


@pytest.mark.parametrize("text", ["\n" * 40_000 + "x", "x" + " " * 40_000 + "x", "findings" + " " * 40_000 + "x"])
def test_long_runs_of_blanks_are_gone_through_once(text: str) -> None:
    """Looked at from each blank anew, they would take half a minute and, of a megabyte, hours."""
    before = time.process_time()
    assert split_report(text) in [("x", ""), ("x x", ""), ("findings x", "")]
    assert time.process_time() - before < 5


def test_marks_alone_in_a_line_are_left_out() -> None:
    assert split_report("_\n*\n- **Findings**:\n_\nA nodule.\n-\n_Impression_ -\n_Benign._") == (
        "A nodule.",
        "Benign.",
    )
