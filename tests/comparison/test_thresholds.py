"""Thresholds from elsewhere: reference counts and intervals, rules by brute force, tables of a comparison."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark import evaluate
from benchmark.comparison.thresholds import (
    ChosenThreshold,
    likelihood_ratio,
    predictive_rows,
    split_source,
    threshold_rows,
    thresholds_chosen_on,
)
from benchmark.comparison.units import Scored
from benchmark.contracts.overlap import patients_in_both
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.evaluation.evaluation import Evaluation
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions, check_options
from benchmark.report.content import reader_tables
from benchmark.statistics.rates import RateInterval
from tests.comparison.made import expit, write_made


def cases(name: str, labels: object, **scores: object) -> Scored:
    label = np.asarray(labels)
    units = pd.DataFrame({"pid": [f"p{k}" for k in range(len(label))], "nodule_id": "", "label": label})
    return Scored(name, "patient", units, pd.DataFrame(scores), pd.DataFrame(), 0)


def read(path: Path) -> Scored:
    table = pd.read_csv(path, dtype=str)
    models = {name: table[name].map(float).to_numpy() for name in ("cont", "twodec", "likert", "near")}
    return cases(path.stem, table["label"].map(int).to_numpy(), **models)


@pytest.mark.parametrize("name", ["s1", "s2"])
def test_reference_counts_and_intervals(name: str, shared: Path) -> None:
    folder = shared / "reference/transfer"
    source, other = read(folder / f"{name}_a.csv"), read(folder / f"{name}_b.csv")
    expected = json.loads((folder / f"{name}.expected.json").read_text(encoding="utf-8"))["models"]
    seen = 0
    for model, targets in expected.items():
        for target, answer in targets.items():
            [chosen] = thresholds_chosen_on(source.keeping([model]), "recall", float(target))
            assert chosen.threshold == answer["threshold"]
            assert chosen.recall == answer["recall_a"][0] / answer["recall_a"][1]
            row = threshold_rows(other, [chosen]).iloc[0]
            assert {key: row[key] for key in ("tp", "fp", "fn", "tn")} == answer["b"]
            for own, theirs in (("recall", "recall_b"), ("specificity", "specificity_b"), ("ppv", "ppv_b")):
                limits = answer.get(f"{theirs}_ci95")
                if limits:
                    assert [row[f"{own}_low"], row[f"{own}_high"]] == pytest.approx(limits["wilson"], abs=1e-9)
                    assert row[own] == answer[theirs][0] / answer[theirs][1]
                else:
                    assert math.isnan(row[own])
                    assert math.isnan(row[f"{own}_low"])
            seen += 1
    assert seen > 10


labelled = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=4, max_size=30).filter(
    lambda rows: 0 < sum(label for label, _ in rows) < len(rows)
)


@given(labelled, st.integers(1, 20))
def test_rules_by_brute_force(rows: list[tuple[bool, int]], twentieths: int) -> None:
    label, score = np.array([y for y, _ in rows]), np.array([s for _, s in rows], float)
    source = cases("a", label.astype(int), m=score)
    rates = {t: ((score >= t)[label].mean(), (score < t)[~label].mean()) for t in np.unique(score)}
    [youden] = thresholds_chosen_on(source, "youden", math.nan)
    best = max(sum(pair) for pair in rates.values())
    assert sum(rates[youden.threshold]) == pytest.approx(best)
    assert youden.threshold == max(t for t, pair in rates.items() if sum(pair) > best - 1e-12)
    [recall] = thresholds_chosen_on(source, "recall", twentieths / 20)
    assert recall.threshold == max(t for t, (r, _) in rates.items() if r >= twentieths / 20 - 1e-12)
    [specific] = thresholds_chosen_on(source, "specificity", twentieths / 20)
    allowed = [r for r, s in rates.values() if s >= twentieths / 20 - 1e-12]
    assert specific.specificity >= twentieths / 20 - 1e-12
    assert specific.recall == max(allowed, default=0)


def test_likelihood_ratios() -> None:
    # 80/100 and 90/100: LR+ 8, log limits by √(0.2/80 + 0.9/10).
    recall = RateInterval(0.8, 0, 1, 80, 100, "wilson", 100)
    specificity = RateInterval(0.9, 0, 1, 90, 100, "wilson", 100)
    ratio, low, high = likelihood_ratio(recall, specificity, True)
    factor = math.exp(1.959964 * math.sqrt(0.2 / 80 + 0.9 / 10))
    assert (ratio, low, high) == pytest.approx((8, 8 / factor, 8 * factor), rel=1e-6)
    assert likelihood_ratio(recall, specificity, False)[0] == pytest.approx(0.2 / 0.9)
    perfect = RateInterval(1.0, 0, 1, 100, 100, "wilson", 100)
    assert likelihood_ratio(recall, perfect, True)[0] == math.inf
    assert likelihood_ratio(perfect, specificity, False)[0] == 0


def test_patients_with_several_nodules_widen_the_limits() -> None:
    label, score = np.tile([1, 0], 20), np.tile(np.arange(20.0), 2)
    alone = cases("b", label, m=score)
    units = alone.units.assign(pid=[f"p{k // 8}" for k in range(40)], nodule_id=list(map(str, range(40))))
    nodules = Scored("b", "nodule", units, alone.scores, alone.folds, 0)
    one = [ChosenThreshold("m", 10.0)]
    plain, clustered = (threshold_rows(scored, one).iloc[0] for scored in (alone, nodules))
    assert plain["recall"] == clustered["recall"]
    assert clustered["recall_high"] - clustered["recall_low"] > plain["recall_high"] - plain["recall_low"]


@pytest.mark.parametrize(
    "text", ["", ":recall=0.9", "a:recall", "a:recall=0", "a:f1=0.5", "a:youden=1", "a:recall=x"]
)
def test_bad_sources_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="says no way to choose a threshold"):
        split_source(text)


def test_sources_are_read() -> None:
    assert split_source("nlst") == ("nlst", "recall", 0.9)
    assert split_source("nlst:specificity=0.95") == ("nlst", "specificity", 0.95)
    assert split_source("nlst:youden")[1] == "youden"


def test_one_class_gives_no_threshold() -> None:
    with pytest.raises(InputError, match="are of one class"):
        thresholds_chosen_on(cases("a", [1, 1], m=[0.1, 0.2]), "recall", 0.9)


def test_a_comparison_shows_what_was_promised_and_given(tmp_path: Path) -> None:
    write_made(tmp_path, {"nlst": (60, 20), "dlcs": (50, 12)})
    options = CompareOptions(
        replicates=50, thresholds=["good=0.5", "poor=0.5"], threshold_from="nlst:recall=0.8", prevalences=[0.01]
    )
    compare_cohorts(["dlcs", "nlst"], Workspace(tmp_path / "cohorts", tmp_path), options, out=tmp_path / "out")
    tables = tmp_path / "out" / "tables"
    found = pd.read_csv(tables / "thresholds.csv", keep_default_na=False)
    given_rows, chosen = found[found["origin"] == ""], found[found["origin"] == "nlst"]
    assert given_rows["cohort"].tolist() == ["dlcs", "dlcs", "nlst", "nlst"]
    assert set(chosen["cohort"]) == {"dlcs"}
    assert (chosen["promised_recall"].astype(float) >= 0.8).all()
    for stem in ("thresholds", "calls", "predictive_values", "operating_pairs"):
        for ending in (".csv", ".md", ".tex", ".html", "_wide.csv"):
            assert (tables / f"{stem}{ending}").is_file()
    page = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Thresholds from elsewhere" in page
    assert "thresholds were chosen on it and are not applied to it" in page
    assert "Net reclassification improvement is not offered" in page
    for title in ("Differences at operating points", "model against model", "at other prevalences"):
        assert title in page


def test_predictive_values_at_other_prevalences() -> None:
    # 80 of 100 positives called, 20 of 200 negatives: at prevalence 0.01 PPV = .8 × .01 / (.8 × .01 + .1 × .99).
    label, called = np.repeat([1, 1, 0, 0], [80, 20, 20, 180]), np.repeat([1.0, 0, 1, 0], [80, 20, 20, 180])
    rows = threshold_rows(cases("b", label, m=called), [ChosenThreshold("m", 0.5)])
    own = float(label.mean())
    low, same = predictive_rows(rows, (0.01, own)).to_dict("records")
    assert low["ppv"] == pytest.approx(0.008 / 0.107)
    assert low["npv"] == pytest.approx(0.9 * 0.99 / (0.9 * 0.99 + 0.002))
    assert (low["called"], low["missed"]) == pytest.approx((0.107, 0.002))
    assert (same["ppv"], same["npv"]) == pytest.approx((rows["ppv"].iloc[0], rows["npv"].iloc[0]))
    # Mercaldo et al. 2007: logit(PPV) ± z √((1 − Se)/(n₁ Se) + Sp/(n₀ (1 − Sp))).
    spread = 1.959964 * math.sqrt(0.2 / 80 + 0.9 / 20)
    logit = math.log(low["ppv"] / (1 - low["ppv"]))
    expected = [1 / (1 + math.exp(-(logit + sign * spread))) for sign in (-1, 1)]
    assert [low["ppv_low"], low["ppv_high"]] == pytest.approx(expected, rel=1e-6)
    assert low["npv_low"] < low["npv"] < low["npv_high"]


def test_predictive_values_without_a_false_positive_or_a_miss_have_no_limits() -> None:
    rows = threshold_rows(cases("b", [1, 1, 0, 0], m=[1.0, 1, 0, 0]), [ChosenThreshold("m", 0.5)])
    row = predictive_rows(rows, (0.1,)).iloc[0]
    assert (row["ppv"], row["npv"]) == (1, 1)
    assert row[["ppv_low", "ppv_high", "npv_low", "npv_high"]].isna().all()


@pytest.mark.parametrize("score", [1.0, 0.0])
def test_where_all_or_none_are_called_ratios_have_no_limits(score: float) -> None:
    rows = threshold_rows(cases("b", [1, 1, 0, 0], m=[score] * 4), [ChosenThreshold("m", 0.5)])
    called, row = rows.iloc[0], predictive_rows(rows, (0.1,)).iloc[0]
    ratio, value = ("lr_positive", "ppv") if score else ("lr_negative", "npv")
    assert (called[ratio], row[value]) == (1, pytest.approx(0.1 if score else 0.9))
    assert called[[f"{ratio}_low", f"{ratio}_high"]].isna().all()
    assert row[[f"{value}_low", f"{value}_high"]].isna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CompareOptions(prevalences=[0.01]), "given without a threshold"),
        (CompareOptions(prevalences=[1.5], thresholds=["m=0.5"]), "is no prevalence"),
        (CompareOptions(specificities=[0]), "is no specificity"),
    ],
)
def test_prevalences_and_specificities_are_checked(options: CompareOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_options(options)


def predictions(seed: int, n: int, first: int) -> pd.DataFrame:
    drawn = np.random.default_rng(seed)
    label = (np.arange(n) % 4 == 0).astype(int)
    table = {"pid": [f"p{k}" for k in range(first, first + n)], "label": label}
    return pd.DataFrame(table | {m: expit(drawn.normal(size=n) + label).round(3) for m in ("clip", "size")})


def evaluated(tables: dict[str, pd.DataFrame], **settings: object) -> Evaluation:
    ids, labels = ({key: table[name].to_list() for key, table in tables.items()} for name in ("pid", "label"))
    scores = {key: {m: table[m].to_list() for m in ("clip", "size")} for key, table in tables.items()}
    return evaluate(labels, scores, ids=ids, replicates=50, **settings)  # type: ignore[arg-type]


def test_an_evaluation_chooses_on_one_cohort_and_warns_of_patients_of_both() -> None:
    val, other = predictions(1, 80, 0), predictions(2, 60, 70)
    found = evaluated(
        {"val": val, "test": other}, threshold_from="val:recall=0.8", thresholds=["clip=0.5", "size=0.5"]
    )
    chosen = found.table("thresholds").query("origin == 'val'")
    assert (chosen["cohort"] == "test").all()
    assert (chosen["promised_recall"] >= 0.8).all()
    scores = val.loc[val["label"] == 1, "clip"].sort_values(ascending=False).to_numpy()
    assert chosen.loc[chosen["model"] == "clip", "threshold"].item() == scores[15]  # 16 of 20 positives
    notes = reader_tables(found.content)["thresholds"].notes
    assert any("Warning: 10 patients of test are also in val" in note for note in notes)
    calls = found.table("calls")
    row = calls.query("cohort == 'test' and rule_a == 'given' and among == 'malignant'").iloc[0]
    hits = {model: (other.loc[other["label"] == 1, model] >= 0.5).to_numpy() for model in ("clip", "size")}
    assert row["only_a"] == int((hits["clip"] & ~hits["size"]).sum())
    assert row["only_b"] == int((~hits["clip"] & hits["size"]).sum())


def test_an_unknown_cohort_to_choose_on_is_refused() -> None:
    with pytest.raises(InputError, match="is no cohort of this evaluation"):
        evaluated({"val": predictions(1, 40, 0)}, threshold_from="nlst")


def test_one_prevalence_may_be_a_number() -> None:
    found = evaluated({"val": predictions(1, 80, 0)}, thresholds=["clip=0.5", "size=0.5"], prevalences=0.02)
    assert found.table("calls")["among"].tolist() == ["malignant", "benign"]
    assert found.table("predictive_values")["prevalence"].tolist() == [0.02, 0.02]


def test_patients_of_both_cohorts_are_counted_where_nothing_says_that_they_differ(tmp_path: Path) -> None:
    made = write_made(tmp_path, {"ours": (20, 5), "theirs": (30, 5), "nlst": (20, 5), "dlcs": (20, 5)})
    assert patients_in_both(made["ours"], made["theirs"]) == 20
    assert patients_in_both(made["nlst"], made["dlcs"]) is None  # other people, numbered alike
