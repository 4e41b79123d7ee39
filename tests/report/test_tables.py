import numpy as np
import pandas as pd
import pytest

from benchmark.comparison.folds import starred
from benchmark.report import tables as layouts
from benchmark.report.printed_rows import printed_rows
from benchmark.report.printing.names import SEEN, Names
from benchmark.report.printing.numbers import attainable, estimate_text, p_value

NAMES = Names({"a": "Cohort A"}, {"x": "Model X"})


def performance(rows):
    columns = ["cohort", "model", "n", "n_positive", "auroc", "auprc"]
    table = pd.DataFrame(rows, columns=columns)
    for name in ("auroc", "auprc"):
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.01, table[name] + 0.01
        table[f"{name}_method"], table[f"{name}_note"] = "usual", ""
    return table


def pairs(rows, **more):
    names = ["cohort", "metric", "model_a", "model_b", "difference", "low", "high", "p_value", "p_holm"]
    return pd.DataFrame(rows, columns=names).assign(**{"method": "usual", "note": "", "attainable_p": 0.0} | more)


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def bolds(table):
    return [[cell.bold for cell in row] for row in table.rows]


def test_the_best_is_none_that_is_in_no_test_unless_asked():
    rows = performance([("a", "x", 10, 5, 0.9, 0.9), ("a", "y", 10, 5, 0.7, 0.6), ("a", "z", 10, 5, 0.6, 0.5)])
    seen = Names({}, {}, {("a", "x"): SEEN})
    table = layouts.performance_table(rows, seen)
    assert bolds(table) == [[False, False, False], [False, True, True], [False, False, False]]
    assert "never a model in no test" in table.notes[0]
    asked = layouts.performance_table(rows, Names({}, {}, {("a", "x"): SEEN}, allow_seen=True))
    assert bolds(asked)[0] == [False, True, True]
    assert "in no test" not in asked.notes[0]
    columns = ["cohort", "model", "recall_target", "recall", "tp", "n_positive", "fpr", "precision"]
    points = pd.DataFrame(
        [("a", "x", 0.8, 1, 4, 5, 0.1, 0.9), ("a", "y", 0.8, 1, 4, 5, 0.2, 0.8)], columns=columns
    )
    assert bolds(layouts.operating_table(points, "a", seen)) == [[False] * 4, [False, False, True, True]]


def test_a_caution_on_calibration_names_its_models_unless_it_is_said_of_all():
    columns = ["cohort", "model", "brier", "slope", "slope_low", "slope_high", "intercept", "intercept_low"]
    columns += ["intercept_high", "oe", "oe_low", "oe_high", "ici", "mean_predicted", "prevalence", "note"]
    rows = [
        ("a", m, 0.2, 1, 1, 1, 0, 0, 0, 1, 0.9, 1.1, 0.1, 0.5, 0.5, note)
        for m, note in (("x", "no fit; few"), ("y", "few"))
    ]
    table = layouts.calibration_table(pd.DataFrame(rows, columns=columns), NAMES)
    assert table.notes[1:] == ("Cohort A, Model X: no fit.", "Cohort A: few.")


def test_best_of_a_column_is_bold_ties_at_the_printed_digits_too():
    table = layouts.performance_table(
        performance([("a", "x", 10, 5, 0.8001, 0.5), ("a", "y", 10, 5, 0.7999, 0.6), ("a", "z", 10, 5, 0.7, 0.4)]),
        NAMES,
    )
    assert texts(table)[0] == ["Model X", "0.800 (0.790–0.810)", "0.500 (0.490–0.510)"]
    assert bolds(table) == [[False, True, False], [False, True, True], [False, False, False]]
    assert table.groups[1] == ("Cohort A, n = 10 (5 positive)", 2)


def test_nothing_is_bold_where_all_tie():
    # To three decimals both AUROCs are 0.800; of AUPRC the second is best.
    tied = performance([("a", "x", 10, 5, 0.8001, 0.5), ("a", "y", 10, 5, 0.7999, 0.6)])
    table = layouts.performance_table(tied, NAMES)
    assert bolds(table) == [[False, False, False], [False, False, True]]
    assert "none where all tie" in table.notes[0]


def test_nothing_is_bold_where_models_stand_on_other_patients_or_alone():
    two = performance([("a", "x", 10, 5, 0.8, 0.5), ("a", "y", 9, 5, 0.7, 0.6)])
    assert not np.any(bolds(layouts.performance_table(two, NAMES, uneven=["a"])))
    assert not np.any(bolds(layouts.performance_blocks(two, NAMES, uneven=["a"])))
    assert not np.any(bolds(layouts.performance_table(two.iloc[:1], NAMES)))


def test_a_model_without_scores_on_a_cohort_has_dashes():
    rows = performance([("a", "x", 10, 5, 0.8, 0.5), ("b", "x", 9, 5, 0.7, 0.6), ("b", "y", 9, 5, np.nan, np.nan)])
    table = layouts.performance_table(rows, NAMES)
    assert texts(table)[1] == ["y", "–", "–", "–", "–"]


def test_printed_rows_keep_their_digits_and_are_never_bold():
    rows = performance([("dlcs", "x", 10, 5, 0.1, 0.1), ("dlcs", "y", 10, 5, 0.2, 0.1)])
    printed = printed_rows(["zhuang2025"], ["dlcs"])
    table = layouts.performance_table(rows, NAMES, printed=printed.performance)
    by_name = {row[0]: row[1:] for row in texts(table)}
    # Zhuang et al. 2025, Table 2, DLCS.
    assert by_name["CLIP [zhuang2025] †"] == ["0.888", "0.393"]
    assert by_name["Sybil [zhuang2025] †"] == ["0.869", "0.426"]
    assert not any(cell.bold for row in table.rows[2:] for cell in row)
    assert table.rows[1][1].bold
    assert any("As printed by Vision-Language" in note for note in table.notes)


def test_printed_operating_points_stand_below_the_measured():
    columns = ["cohort", "model", "recall_target", "recall", "tp", "fp", "n_positive", "n_negative", "fpr"]
    points = pd.DataFrame(
        [("dlcs", "x", t, t, 3, 2, 5, 5, 0.4, 0.6, 0.5) for t in (0.6, 0.7)],
        columns=[*columns, "precision", "threshold"],
    )
    printed = printed_rows(["zhuang2025"], ["dlcs"])
    table = layouts.operating_table(points, "dlcs", NAMES, printed=printed.points)
    # Zhuang et al. 2025, Table S5 (DLCS): Sybil 0.6 → 0.087, 0.313; 0.7 → 0.149, 0.230 (the zero is printed).
    by_name = {row[0]: row[1:] for row in texts(table)}
    assert by_name["Sybil [zhuang2025] †"] == ["", "0.087", "0.313", "", "0.149", "0.230"]
    assert by_name["Model X"] == ["3/5", "0.400", "0.600", "3/5", "0.400", "0.600"]


def test_a_paper_that_says_nothing_of_a_cohort_is_named():
    assert "prints nothing of cohort mine" in printed_rows(["zhuang2025"], ["mine", "nlst"]).missing[0]
    assert printed_rows([], ["mine"]) is None


def test_marks_of_training_overlap_stand_at_the_number_and_are_explained():
    names = Names(marks={("a", "x"): "‡"})
    table = layouts.performance_table(
        performance([("a", "x", 10, 5, 0.8, 0.5), ("a", "y", 10, 5, 0.7, 0.6)]), names
    )
    assert texts(table)[0][1] == "0.800 (0.790–0.810)‡"
    assert any(note.startswith("‡ The model saw this cohort") for note in table.notes)


def test_marks_stand_in_pairs_too_and_none_where_cohorts_are_pooled():
    names = Names(marks={("a", "x"): "‡", ("b", "y"): "§", ("c", "x"): "¶"})
    rows = [(cohort, "auroc", "x", "y", 0.1, 0.0, 0.2, 0.04, 0.2) for cohort in ("a", "b")]
    table = layouts.pairs_table(pairs(rows), names)
    assert [row[0] for row in texts(table)] == ["x‡ − y", "x − y§"]
    assert [note[0] for note in table.notes if note[0] in "‡§¶"] == ["‡", "§"]


def test_many_models_show_only_the_pairs_of_the_reference():
    rows = [("a", "auroc", f"m{i}", f"m{j}", 0.1, 0.0, 0.2, 0.04, 0.2) for i in range(8) for j in range(i + 1, 8)]
    table = layouts.pairs_table(pairs(rows), NAMES, reference="m3")
    assert len(table.rows) == 7
    assert all(row[0].text.startswith("m3 − ") for row in table.rows)
    # m0 − m3 is 0.1 (0.0 to 0.2): turned round, −0.1 (−0.2 to 0.0).
    assert table.rows[0][1].text == "−0.100 (−0.200 to 0.000)"
    assert "All pairs are in pairs.csv" in table.notes[0]


def folds_and_tests():
    folds = pd.DataFrame(
        [
            ("a", m, str(f), "auroc", v)
            for m, vs in (("x", (0.8, 0.9)), ("y", (0.5, 0.6)), ("z", (0.7, 0.7)))
            for f, v in enumerate(vs)
        ],
        columns=["cohort", "model", "fold", "metric", "value"],
    )
    columns = ["cohort", "metric", "test", "model_a", "model_b", "n_folds", "statistic", "p_value"]
    tests = pd.DataFrame(
        [
            ("a", "auroc", "Nemenyi", "x", "y", 2, 1.0, 0.03, 0.004, ""),
            ("a", "auroc", "Wilcoxon", "x", "y", 2, 1.0, 0.04, 0.03, ""),
        ],
        columns=[*columns, "attainable_p", "note"],
    )
    pairs = pd.DataFrame(
        [("a", "auroc", "x", "y", 0.02, -0.01, 0.05, 0.2, 0.4)],
        columns=["cohort", "metric", "model_a", "model_b", "difference", "low", "high", "p_value", "p_holm"],
    )
    return folds, tests, pairs


def test_a_star_stands_beside_the_difference_on_patients():
    folds, tests, pairs = folds_and_tests()
    table = layouts.fold_table(folds, tests, starred(folds, tests), NAMES, pairs=pairs, notes=("and more",))
    # SD with n − 1: of 0.8 and 0.9 it is 0.0707. The difference is the row's model minus the reference: turned.
    assert texts(table) == [
        ["Model X", "0.850 ± 0.071", "reference", "–", "–"],
        ["y", "0.550 ± 0.071*", "−0.020 (−0.050 to 0.010), p 0.400", "–", "–"],
        ["z", "0.700 ± 0.000", "–", "–", "–"],
    ]
    assert [row.index(True) if True in row else None for row in bolds(table)] == [1, None, None]
    assert "Nemenyi's test over folds" in table.notes[1]
    assert "and not by the star" in table.notes[1]
    assert table.notes[-1] == "and more"


def test_nothing_is_bold_that_follows_from_a_test_over_folds():
    _, tests, _ = folds_and_tests()
    table = layouts.fold_test_table(tests, NAMES, notes=("z is left out",))
    assert texts(table) == [["Model X / y", "ranks 1.0", "0.030", "0.0040", "0.040", "0.0300"]]
    assert not np.any(bolds(table))
    assert table.notes[-1] == "z is left out"


def test_semantic_table_has_a_block_a_group():
    frame = pd.DataFrame(
        [
            ("nodule margins", "general", "labels", 100, 30, 0.8, 0.7, 0.9, ""),
            ("necrosis", "internal", "binary", 100, 1, np.nan, np.nan, np.nan, "too few"),
        ],
        columns=["feature", "group", "kind", "n", "n_positive", "auroc", "auroc_low", "auroc_high", "note"],
    )
    table = layouts.semantic_table(frame, "a", NAMES)
    assert table.blocks == ((0, "General"), (1, "Internal"))
    assert texts(table)[1] == ["necrosis", "1/100", "–", "too few"]


@pytest.mark.parametrize("place", range(4))
def test_net_benefit_is_bold_only_where_acting_on_the_model_is_best(place):
    values = [(0.2, 0.1), (0.1, 0.3), (-0.1, -0.2), (0.3, 0.3)]
    benefit, everyone = values[place]
    columns = ["cohort", "model", "threshold", "net_benefit", "treat_all", "n", "n_positive"]
    frame = pd.DataFrame([("a", "x", 0.05, benefit, everyone, 10, 5)], columns=columns)
    table = layouts.net_benefit_table(frame, NAMES)
    assert table.rows[0][1].bold == (benefit >= max(everyone, 0.0))


def test_the_least_p_of_five_folds_is_printed_whole():
    # exact two-sided Wilcoxon with n = 5: 2 / 2^5 = 0.0625, which three decimals would print as 0.062
    assert attainable(0.0625) == "0.0625"
    assert attainable(0.0004) == "0.0004"
    assert attainable(0.25) == "0.250"
    assert attainable(None) == "–"


def test_a_p_is_never_printed_below_what_its_test_can_give():
    assert p_value(0.0625, 0.0625) == "0.0625"
    # 2/2^6 and 1/301: rounded to three or four digits they would stand below themselves.
    assert p_value(0.03125, 0.03125) == "0.0313"
    assert p_value(1 / 301, 1 / 301) == "0.0034"
    assert p_value(0.05, 1 / 301) == "0.050"
    assert p_value(0.00005, 0.0) == "<0.0001"
    assert p_value(0.0001, 0.0001) == "0.0001"
    for count in range(20, 3000, 7):
        least = 2 / (count + 1)
        assert float(p_value(least, least)) >= least


def test_a_p_is_printed_on_its_side_of_five_percent():
    assert [p_value(p) for p in (0.0496, 0.04999, 0.05, 0.0504)] == ["0.0496", "0.04999", "0.050", "0.050"]


def test_an_estimate_without_interval_has_a_dash_for_it():
    assert estimate_text(0.5, float("nan"), float("nan")) == "0.500 (–)"
    assert estimate_text(float("nan"), float("nan"), float("nan")) == "–"
    assert estimate_text(0.5) == "0.500"


def test_the_caption_names_each_rows_real_method():
    table = performance([("a", "x", 10, 5, 1.0, 1.0), ("a", "y", 10, 5, 0.7, 0.6), ("a", "z", 10, 5, 0.6, 0.5)])
    table.loc[0, ["auroc_method", "auroc_note"]] = ["Newcombe", "DeLong has no width"]
    table.loc[0, ["auprc_method", "auprc_note"]] = ["exact bound", ""]
    notes = layouts.performance_table(table, NAMES).notes
    assert "Intervals: AUROC usual; AUPRC (average precision, by chance the prevalence) usual." in notes[0]
    assert notes[1:3] == (
        "AUROC of Model X (Cohort A): Newcombe; DeLong has no width.",
        "AUPRC of Model X (Cohort A): exact bound.",
    )
    rows = [("a", "auprc", "x", other, 0.1, 0.05, 0.2, 0.04, 0.04) for other in ("y", "z", "w")]
    unusual = pairs(rows, method=["usual", "usual", ""], note=["", "", "they rank alike"])
    found = layouts.pairs_table(unusual, NAMES, metric="auprc")
    assert found.notes[0].startswith("Usual. p inverts the interval.")
    assert found.notes[1] == "Model X − w (Cohort A): they rank alike."
    untested = pairs(rows[:1], method=[""], note=["no interval: one patient makes up a class"])
    assert layouts.pairs_table(untested, NAMES, metric="auprc").notes[0].startswith("p inverts the interval.")


def test_pooled_differences_show_their_heterogeneity_or_why_they_are_not_pooled():
    columns = ["metric", "model_a", "model_b", "difference", "low", "high", "p_value", "tau2", "q", "q_p_value"]
    columns += ["i_squared", "prediction_low", "prediction_high", "cohorts", "note"]
    rows = [
        ("auroc", "x", "y", 0.05, 0.01, 0.09, 0.03, 0.00123, 7.5, 0.0235, 0.73, -0.1, 0.2, "a; b; c", "3 cohorts"),
        ("auroc", "x", "z", *[np.nan] * 10, "a; b", "not pooled: a and b share patients"),
    ]
    table = layouts.pooled_table(pd.DataFrame(rows, columns=columns), NAMES, reference="y")
    assert table.columns[3:7] == ("τ²", "Q (p)", "I²", "95 % prediction interval")
    # y is the reference: everything is turned, the prediction interval too.
    first, second = texts(table)
    assert first[:3] == ["y − Model X", "−0.050 (−0.090 to −0.010)", "0.030"]
    assert first[3:] == ["0.00123", "7.50 (0.024)", "73\u00a0%", "−0.200 to 0.100", "3"]
    assert second[1:7] == ["–"] * 6
    assert table.notes[1] == "Not pooled: a and b share patients."
