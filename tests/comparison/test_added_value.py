"""Added value in a comparison: rows are those of the statistics, every form of every table, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark import evaluate
from benchmark.comparison.added_value import fused_pairs, top_counts
from benchmark.comparison.within import split_restriction
from benchmark.errors import InputError
from benchmark.evaluation.evaluation import Evaluation
from benchmark.metrics import auroc, net_benefit
from benchmark.report.content import reader_tables
from benchmark.report.printing.forms import to_html, to_markdown
from benchmark.report.printing.latex import to_latex_file
from benchmark.report.terminal import terminal_tables
from benchmark.report.write import write_tables
from benchmark.statistics import conditional_auroc, fused_scores, strata_of_scores, top_yield

DRAWN = np.random.default_rng(11)
LABEL = (np.arange(200) % 4 == 0).astype(int)
MODELS = {
    name: (1 / (1 + np.exp(-(DRAWN.normal(size=200) + lift * LABEL)))).round(3)
    for name, lift in (("brock", 0.8), ("clip", 1.2), ("size+", 0.3))
}
SEX = np.array(["F", "M"] * 100)


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(
        LABEL,
        MODELS,
        by=pd.Series(SEX, name="sex"),
        cohort="NLST",
        replicates=100,
        within=["brock", "brock<0.5", "sex"],
        fused=["brock+clip", "size++clip"],
        top=["20", "5%"],
    )


def test_rows_within_are_those_of_the_statistic(found: Evaluation) -> None:
    table = found.table("within")
    fifths = table[table["within"] == "brock"].set_index("model")
    assert fifths.index.tolist() == ["clip", "size+"]
    expected = conditional_auroc(LABEL, MODELS["clip"], strata_of_scores(MODELS["brock"]))
    row = fifths.loc["clip"]
    assert [row[k] for k in ("auroc", "low", "high", "p_value")] == pytest.approx(
        [expected.auroc, expected.low, expected.high, expected.p_value]
    )
    assert row["unconditional"] == pytest.approx(auroc(LABEL, MODELS["clip"]))
    below = MODELS["brock"] < 0.5
    part = table[table["within"] == "brock<0.5"].set_index("model")
    assert part["n"].tolist() == [below.sum()] * 3
    assert part.loc["clip", "auroc"] == pytest.approx(auroc(LABEL[below], MODELS["clip"][below]))
    by_sex = table[table["within"] == "sex"].set_index("model")
    assert by_sex.loc["clip", "auroc"] == pytest.approx(conditional_auroc(LABEL, MODELS["clip"], SEX).auroc)


def test_numbers_of_a_column_are_strata_and_part_the_cases() -> None:
    size = DRAWN.uniform(4, 20, 200).round(1)
    size[[3, 4, 5]] = np.nan
    found = evaluate(LABEL, MODELS, columns={"size_mm": size}, replicates=20, within=["size_mm", "size_mm>=8"])
    assert not found.table("within")["within"].eq("sex").any()
    table = found.table("within").query("model == 'clip'").set_index("within")
    there, large = ~np.isnan(size), size >= 8
    cut = np.searchsorted([6, 8, 15], size[there], side="right")
    expected = conditional_auroc(LABEL[there], MODELS["clip"][there], cut)
    assert table.loc["size_mm", "auroc"] == pytest.approx(expected.auroc)
    assert table.loc["size_mm>=8", "auroc"] == pytest.approx(auroc(LABEL[large], MODELS["clip"][large]))
    assert table["n"].tolist() == [197, large.sum()]
    assert table["note"].tolist() == ["3 patients without a value of size_mm are left out"] * 2
    headings = [heading for _, heading in reader_tables(found.content)["within"].blocks]
    assert headings[1].startswith("cohort, cases with size_mm ≥ 8: ")


def test_a_patient_has_the_largest_number_of_its_nodules() -> None:
    ids, size = [f"p{k // 2}" for k in range(200)], DRAWN.uniform(4, 20, 200)
    label = np.repeat(LABEL[:100], 2)
    found = evaluate(
        label, MODELS["clip"], ids=ids, unit="patient", columns={"size": size}, replicates=20, within=["size<9"]
    )
    [row] = found.table("within").to_dict("records")
    small = size.reshape(100, 2).max(axis=1) < 9
    assert (row["n"], row["n_positive"]) == (small.sum(), LABEL[:100][small].sum())


def test_a_fusion_is_compared_with_each_of_its_models(found: Evaluation) -> None:
    table = found.table("fusion")
    compared = [("brock", "brock"), ("brock", "clip"), ("size+", "size+"), ("size+", "clip")]
    assert list(zip(table["model_a"], table["versus"], strict=True)) == compared
    assert set(table["model_b"]) == {"clip"}
    pair = {name: MODELS[name] for name in ("brock", "clip")}
    fused = auroc(LABEL, fused_scores(LABEL, pair, probabilities=pair).scores)
    assert table.loc[0, "auroc"] == pytest.approx(fused)
    assert table.loc[1, "difference"] == pytest.approx(fused - auroc(LABEL, MODELS["clip"]))


def test_gains_and_yields_are_those_of_the_statistics(found: Evaluation) -> None:
    gain = found.table("net_gain").query("threshold == 0.15 and model_a == 'brock' and model_b == 'clip'").iloc[0]
    benefit = [net_benefit(LABEL, MODELS[m], 0.15) for m in ("brock", "clip")]
    assert gain["gain"] == pytest.approx(benefit[0] - benefit[1])
    table = found.table("yield").set_index(["k", "model"])
    assert table.index.get_level_values("k").unique().tolist() == [20, 10]
    assert table.loc[(20, "clip"), "positives"] == pytest.approx(top_yield(LABEL, MODELS["clip"], 20).positives)


def test_every_table_has_every_form(found: Evaluation, tmp_path: Path) -> None:
    tables = reader_tables(found.content)
    write_tables(found.content, tables, tmp_path)
    shown = [table.title for table in terminal_tables(found.content)]
    for stem in ("within", "fusion", "net_gain", "yield", "operating_pairs"):
        for ending in (".csv", ".md", ".tex", ".html", "_wide.csv"):
            assert (tmp_path / f"{stem}{ending}").stat().st_size > 0
        assert tables[stem].title in shown
        for form in (to_markdown, to_html, to_latex_file):
            assert "NLST" in form(tables[stem])
    headings = [heading for _, heading in tables["within"].blocks]
    assert headings[0].startswith("NLST, within strata of brock: 200 patients, 50 positive, 5 strata")
    assert headings[1].startswith("NLST, cases with brock < 0.5: ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"within": ["brok"]}, r"is neither a model nor a column here.*brock"),
        ({"within": ["sex<1"]}, "does not hold numbers alone"),
        ({"within": ["sez<1"]}, r"is neither a model nor a column here.*sex"),
        ({"within": ["brock<x"]}, "says no part of the cases"),
        ({"fused": ["brock"]}, "is no two models"),
        ({"fused": ["brock+clop"]}, r"is no two models.*clip"),
        ({"fused": ["brock+brock"]}, "is no two models"),
        ({"top": ["0"]}, "is no number of cases"),
        ({"top": ["2.5", "inf", "101%"]}, "is no number of cases"),
    ],
)
def test_what_is_nothing_here_is_refused(settings: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _ = evaluate(LABEL, MODELS, by=pd.Series(SEX, name="sex"), replicates=20, **settings).content


def test_names_are_taken_apart() -> None:
    assert (split_restriction("brock>=0.06").sign, split_restriction("brock>=0.06").value) == (">=", 0.06)
    assert split_restriction("longest diameter (mm)").sign == ""
    assert fused_pairs(["a+b+c"], ["a+b", "c"]) == [("a+b", "c")]
    assert top_counts(["100", "5%"]) == [(100, False), (5, True)]


def test_few_patients_are_not_fused_and_the_table_says_why() -> None:
    label = [1] * 5 + [0] * 30
    found = evaluate(label, {"a": np.linspace(0, 1, 35), "b": DRAWN.random(35)}, replicates=20, fused=["a+b"])
    assert found.table("fusion")["note"].str.contains("5 patients in a class").all()
    assert found.table("fusion")["p_holm"].isna().all()
    assert any("5 patients in a class" in note for note in reader_tables(found.content)["fusion"].notes)


def test_what_a_cohort_does_not_have_is_said_and_not_left_out() -> None:
    scores = {
        "a": {"brock": MODELS["brock"], "clip": MODELS["clip"]},
        "b": {"clip": MODELS["clip"][:40], "size": MODELS["size+"][:40]},
    }
    labels = {"a": LABEL, "b": LABEL[:40]}
    found = evaluate(labels, scores, replicates=20, within=["brock"], fused=["brock+clip"], top=["50"])
    fusion = found.table("fusion").set_index(["cohort", "versus"])["note"]
    assert "brock has no scores here" in fusion["b", "clip"]
    assert found.table("within").query("cohort == 'b'")["note"].str.contains("brock is not among").all()
    assert found.table("yield").query("cohort == 'b'")["note"].tolist() == ["there are 40 cases"] * 2
    tables = reader_tables(found.content)
    assert any("there are 40 cases" in note for note in tables["yield"].notes)
    assert any("brock is not among" in note for note in tables["within"].notes)
