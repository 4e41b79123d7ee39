import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.contracts.metrics import read_metric_table
from benchmark.contracts.score_card import ScoreCard, write_score_card
from benchmark.contracts.scores import read_score_table, write_score_table
from benchmark.contracts.text_table import read_text_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from tests.comparison.made import write_made
from tests.report.payloads import PAYLOADS

PERFORMANCE = "cohort,model,n,n_positive,auroc,auroc_low,auroc_high,auprc,auprc_low,auprc_high"
OPERATING = "cohort,model,recall_target,recall,tp,fp,n_positive,n_negative,fpr,precision,threshold"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_made(folder, {"nlst": (60, 20), "dlcs": (50, 12)}, columns={"sex": ["F", "M"]})
    return folder


def run(folder, names=("nlst", "dlcs"), out="out", **more):
    more = {"replicates": 50, **more}
    return compare_cohorts(
        list(names), Workspace(folder / "cohorts", folder), CompareOptions(**more), out=folder / out
    )


@pytest.fixture(scope="module")
def done(made):
    return run(made, by="sex", published=["zhuang2025"]), made / "out"


def page_of(out):
    return (out / "report" / "index.html").read_text(encoding="utf-8")


def test_the_files_of_the_contract_are_there(done):
    _, out = done
    assert (out / "tables" / "performance.csv").read_text(encoding="utf-8").splitlines()[0] == PERFORMANCE
    assert (out / "tables" / "operating_points.csv").read_text(encoding="utf-8").splitlines()[0] == OPERATING
    assert (out / "tables" / "performance_all.csv").read_text(encoding="utf-8").splitlines()[0] == PERFORMANCE
    assert (out / "tables" / "operating_points_all.csv").read_text(encoding="utf-8").splitlines()[0] == OPERATING
    for suffix in (".md", ".tex", ".html", "_wide.csv"):
        assert (out / "tables" / f"performance{suffix}").is_file()
    names = {path.name for path in (out / "tables").iterdir()}
    expected = ["pairs", "pooled", "folds", "fold_tests", "calibration", "net_benefit", "ledger", "metrics"]
    assert {f"{name}.csv" for name in expected} <= names


def test_the_tables_say_what_the_scores_say(done, made):
    table = pd.read_csv(done[1] / "tables" / "performance.csv")
    scores = read_score_table(made / "scores" / "nlst" / "good.csv")
    patients = scores[scores["fold"] == "ensemble"].groupby("pid")["score"].max()
    labels = [int(int(pid[1:]) < 20) for pid in patients.index]
    row = table[(table["cohort"] == "nlst") & (table["model"] == "good")].iloc[0]
    assert row["auroc"] == pytest.approx(roc_auc_score(labels, patients))


def test_every_csv_reads_back_as_it_was_written(done):
    for path in sorted((done[1] / "tables").glob("*.csv")):
        header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        assert read_text_table(path, header[:1]).frame.shape[0] >= 0
    metrics = read_metric_table(done[1] / "tables" / "metrics.csv")
    assert {"auroc", "auprc", "fpr", "precision", "brier"} <= set(metrics["metric"])
    assert {"sex: F", "sex: M"} <= set(metrics["subgroup"])


def test_the_first_table_of_the_terminal_is_the_main_one(done):
    tables, _ = done
    assert tables[0].title.startswith("Model performance")
    further = ["tab:pairs-auroc", "tab:operating-pairs", "tab:net-gain", "tab:subgroups", "tab:pooled"]
    assert [table.label for table in tables[2:]] == further


def test_the_page_holds_everything_and_asks_for_nothing(done):
    text = page_of(done[1])
    assert "default-src 'none'" in text
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", outside)
    for anchor in (
        "summary",
        "explorer",
        "cohorts",
        "differences",
        "ledger",
        "checklists",
        "records",
        "subgroups",
    ):
        assert f'<section id="{anchor}"' in text
    assert '<details class="part" id="cohort-1">' in text
    assert "CLIP [zhuang2025] †" in text
    assert "Ours" not in text
    assert len(text) < 8_000_000


def test_no_patient_id_is_on_the_page(done, made):
    body = re.sub(r"<script>.*?</script>", "", page_of(done[1]), flags=re.DOTALL)
    ids = set(read_score_table(made / "scores" / "nlst" / "good.csv")["pid"])
    assert not [pid for pid in ids if pid in body]


def test_ids_are_shown_and_stamped_when_asked(made):
    run(made, ["nlst"], "shown", show_ids=True)
    text = page_of(made / "shown")
    assert "This page shows patient ids" in text
    assert re.search(r"<figcaption>P0\d\d ", text)


def test_the_same_inputs_give_the_same_bytes(made):
    run(made, ["nlst"], "once")
    run(made, ["nlst"], "twice")
    first = sorted(path for path in (made / "once").rglob("*") if path.is_file())
    assert len(first) > 40
    for path in first:
        if path.name == "record.json":  # it holds times
            continue
        assert path.read_bytes() == (made / "twice" / path.relative_to(made / "once")).read_bytes(), path.name


@pytest.mark.slow
def test_tables_of_an_earlier_comparison_do_not_stay(made):
    run(made, ["nlst", "dlcs"], "again")
    tables = made / "again" / "tables"
    before = {path.name for path in tables.iterdir()}
    (tables / "notes.md").write_text("mine")
    run(made, ["nlst"], "again")
    run(made, ["nlst"], "alone")
    now = {path.name for path in tables.iterdir()}
    assert now == {path.name for path in (made / "alone" / "tables").iterdir()} | {"notes.md"}
    assert before - now
    (made / "again" / "record.json").write_text(
        '{"command": 1, "settings": 1, "packages": 1, "files": {"tables": ["../record.json", 3], "figures": []}}'
    )
    run(made, ["nlst"], "again")
    assert (made / "again" / "record.json").is_file()
    assert (tables / "notes.md").read_text() == "mine"


def test_payloads_in_every_name_stay_text(tmp_path):
    ids = [f"{payload} {k}" for k, payload in enumerate(PAYLOADS * 2)]
    models = {payload: 0.5 + k / 10 for k, payload in enumerate(PAYLOADS)}
    write_made(tmp_path, {"a": (50, 20)}, models, folds=2, ids=ids, titles={"a": PAYLOADS[0]})
    run(tmp_path, ["a"], show_ids=True, replicates=20)
    text = page_of(tmp_path / "out")
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    for payload in (
        "<script>alert(1)",
        "<img src=x",
        "</script><script>alert",
        "<!-- comment",
        "<a href='javascript",
    ):
        assert payload not in outside
    assert "&lt;script&gt;alert(1)" in outside
    # As many scripts end as begin: none was closed or opened by data.
    assert outside.count("<script") == outside.count("</script>")
    for block in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', outside, flags=re.DOTALL):
        json.loads(block)


@pytest.mark.slow
def test_a_seen_cohort_is_marked_and_left_out_of_tests(tmp_path):
    write_made(tmp_path, {"nlst": (40, 15)})
    for model, state in (("good", "seen"), ("poor", "unseen")):
        card = ScoreCard(model, "nlst", f"{model} title", "test", ("nlst",) if state == "seen" else (), state)
        write_score_card(card, tmp_path / "scores" / "nlst" / f"{model}.csv")
    run(tmp_path, ["nlst"])
    pairs = pd.read_csv(tmp_path / "out" / "tables" / "pairs.csv")
    assert set(pairs["model_a"]) | set(pairs["model_b"]) == {"middling", "poor"}
    text = (tmp_path / "out" / "tables" / "performance.md").read_text(encoding="utf-8")
    assert re.search(r"good title .*‡", text)
    run(tmp_path, ["nlst"], allow_seen=True)
    assert len(pd.read_csv(tmp_path / "out" / "tables" / "pairs.csv")) == 6


def test_a_model_without_scores_on_a_cohort_is_noted(tmp_path):
    write_made(tmp_path, {"nlst": (40, 15), "dlcs": (30, 10)})
    (tmp_path / "scores" / "dlcs" / "poor.csv").unlink()
    run(tmp_path, models=["good", "poor"])
    table = pd.read_csv(tmp_path / "out" / "tables" / "performance.csv")
    assert table.groupby("cohort")["model"].apply(list).to_dict() == {"nlst": ["good", "poor"], "dlcs": ["good"]}
    assert "poor has no scores on DLCS and is left out there" in page_of(tmp_path / "out")


def test_patients_scored_on_some_nodules_only_are_said_where_one_reads(tmp_path):
    cohort = write_made(tmp_path, {"nlst": (40, 15)})["nlst"]
    path = tmp_path / "scores" / "nlst" / "poor.csv"
    rows = read_score_table(path)
    several = cohort.nodules.groupby("pid")["nodule_id"].transform("size") > 1
    pids = list(dict.fromkeys(cohort.nodules.loc[several, "pid"]))
    positive = [pid for pid in pids if pid < "P015"]
    first = (rows["nodule_id"] == "0") & rows["pid"].isin(pids)  # the malignant one, where there is one
    write_score_table(rows[~first], path)
    tables = run(tmp_path, ["nlst"])
    line = pd.read_csv(tmp_path / "out" / "tables" / "ledger.csv").set_index("model").loc["poor"]
    counts = ["scored", "missing", "scored_in_part", "scored_in_part_positive", "malignant_unscored"]
    assert line[counts].tolist() == [40, 0, len(pids), len(positive), len(positive)]
    said = (
        f"poor on NLST: {len(pids)} of 40 patients are scored on some of their nodules only, {len(positive)} of "
        f"them positive, of {len(positive)} of whom no malignant nodule has a score"
    )
    assert said in " ".join(tables[0].notes)
    page = page_of(tmp_path / "out")
    assert said in page
    assert f"of them {len(pids)} on some nodules only ({len(positive)} positive)" in page
    text = (tmp_path / "out" / "tables" / "ledger.md").read_text(encoding="utf-8")
    assert f"| poor | 40 (15) | {len(pids)} ({len(positive)}) | 0 | 0 |" in re.sub(" +", " ", text)
    assert re.search(r"good on NLST: \d+ of", page) is None


def test_tied_and_inverted_scores_are_said_and_left(tmp_path):
    write_made(tmp_path, {"nlst": (40, 15)}, {"good": 0.4, "inverted": 0.4, "tied": 0.4, "constant": 0.4}, folds=1)
    for model, change in (
        ("inverted", lambda score: 1 - score),
        ("tied", lambda score: score.round(1)),
        ("constant", lambda score: 0.5 + 0 * score),
    ):
        path = tmp_path / "scores" / "nlst" / f"{model}.csv"
        rows = read_score_table(path)
        write_score_table(rows.assign(score=change(rows["score"])), path)
    tables = run(tmp_path, ["nlst"])
    said = [note for note in tables[0].notes if " on NLST: " in note]
    auroc = pd.read_csv(tmp_path / "out" / "tables" / "performance.csv").set_index("model")["auroc"]
    assert auroc["inverted"] < 0.5
    assert f"inverted on NLST: AUROC is {auroc['inverted']:.3f}, below 0.5: are the scores inverted?" in said[0]
    patients = read_score_table(tmp_path / "scores" / "nlst" / "tied.csv").query("fold == 'ensemble'")
    highest = patients.groupby("pid")["score"].max()
    counts = f"{highest.nunique()} distinct scores in 40 rows ({40 - highest.nunique()} ties)"
    assert f"tied on NLST: only {counts}; AUROC lies between" in said[1]
    assert len(said) == 2
    assert all(note in page_of(tmp_path / "out") for note in said)


def test_all_available_patients_stand_beside_the_common_ones(tmp_path):
    write_made(tmp_path, {"nlst": (40, 15)})
    path = tmp_path / "scores" / "nlst" / "poor.csv"
    rows = read_score_table(path)
    write_score_table(rows[rows["pid"] != "P000"], path)
    tables = run(tmp_path, ["nlst"])
    common = pd.read_csv(tmp_path / "out" / "tables" / "performance.csv")
    own = pd.read_csv(tmp_path / "out" / "tables" / "performance_all.csv").set_index("model")["n"]
    assert set(common["n"]) == {39}
    assert own.to_dict() == {"good": 40, "middling": 40, "poor": 39}
    assert (tmp_path / "out" / "tables" / "performance_all.md").is_file()
    assert (tmp_path / "out" / "tables" / "operating_points_all_nlst.md").is_file()
    assert [table.title.split(":")[0] for table in tables] == [
        *["Model performance"] * 2, "FPR and precision at fixed recall", "AUROC differences on the same patients",
        "Differences at operating points", "Added value", "Missing scores",
    ]  # fmt: skip


def test_one_class_and_one_model_need_no_curve(tmp_path):
    write_made(tmp_path, {"a": (6, 0)}, {"good": 0.4}, folds=1)
    run(tmp_path, ["a"])
    table = pd.read_csv(tmp_path / "out" / "tables" / "performance.csv")
    assert np.isnan(table.loc[0, "auroc"])
    assert "all of one class" in page_of(tmp_path / "out")


def test_bad_input_is_refused_before_anything_is_written(made, tmp_path):
    out = tmp_path / "never"
    cases = [
        (["nowhere"], {}, "no cohort 'nowhere'"),
        (["nlst"], {"models": ["gud"]}, "did you mean 'good'"),
        (["nlst"], {"unit": "scan"}, "is no unit"),
        (["nlst"], {"by": "smoking"}, "no cohort has a column 'smoking'"),
        (["nlst"], {"published": ["nobody1999"]}, "no published paper"),
        (["nlst"], {"reference": "gud"}, "is no model of this comparison; did you mean 'good'"),
        (["nlst"], {"figures": ["gif"]}, "is no figure format"),
        (["nlst"], {"recalls": [0.8, 0.0]}, "'0' — is no recall to aim at"),
    ]
    for names, more, message in cases:
        options = CompareOptions(replicates=20, **more)
        with pytest.raises(InputError, match=message):
            compare_cohorts(names, Workspace(made / "cohorts", made), options, out=out)
    assert not out.exists()


def test_semantic_results_and_run_records_are_shown_where_they_are(tmp_path):
    write_made(tmp_path, {"nlst": (40, 15)})
    folder = tmp_path / "explain" / "nlst"
    folder.mkdir(parents=True)
    (folder / "semantic.csv").write_text(
        "feature,group,kind,n,n_positive,auroc,auroc_low,auroc_high,note\n"
        "nodule shape,general,classes,40,10,0.7,0.6,0.8,\n"
    )
    fold = tmp_path / "runs" / "good" / "fold_0"
    fold.mkdir(parents=True)
    (fold / "metrics.csv").write_text("epoch,val_loss,val_auroc_image\n0,1.0,0.6\n1,0.8,0.7\n")
    (tmp_path / "runs" / "good" / "record.json").write_text(json.dumps({"seed": 7, "run": "/home/jane/x/good"}))
    run(tmp_path, ["nlst"])
    text = page_of(tmp_path / "out")
    assert "nodule shape" in text
    assert "Record: training of good" in text
    assert "jane" not in text
    assert "good: validation AUROC, images" in text
    assert Path(tmp_path / "out" / "tables" / "semantic_nlst.tex").is_file()


def test_a_model_without_any_usable_score_is_said(tmp_path):
    write_made(tmp_path, {"nlst": (30, 10)}, folds=1)
    path = tmp_path / "scores" / "nlst" / "poor.csv"
    table = read_score_table(path)
    write_score_table(table.assign(score=np.nan, status="failed", reason="no scan"), path)
    path = path.with_name("middling.csv")
    table = read_score_table(path)
    write_score_table(table.assign(nodule_id="").drop_duplicates(["pid", "fold"]), path)
    run(tmp_path, ["nlst"])
    assert f"Left out on NLST (all {len(table)} rows failed): poor." in page_of(tmp_path / "out")
    run(tmp_path, ["nlst"], out="nodules", unit="nodule")
    assert "Left out on NLST (no score of a nodule): middling." in page_of(tmp_path / "nodules")


@pytest.mark.parametrize("positives", [1, 29])
@pytest.mark.slow
def test_a_class_of_one_patient_has_no_bootstrap_interval(tmp_path, positives):
    """Drawn within classes it is the same patient in every replicate, which is no measure of chance."""
    write_made(tmp_path, {"nlst": (30, positives)}, folds=1)
    run(tmp_path, ["nlst"])
    tables = tmp_path / "out" / "tables"
    performance, pairs = pd.read_csv(tables / "performance.csv"), pd.read_csv(tables / "pairs.csv")
    assert performance["auprc"].notna().all()
    assert performance[["auprc_low", "auprc_high"]].isna().all(axis=None)
    assert pairs["difference"].notna().all()
    assert pairs[["low", "high", "p_value", "p_holm"]].isna().all(axis=None)
    rates = read_metric_table(tables / "metrics.csv").query("metric in ('fpr', 'precision')")
    assert rates["value"].notna().all()
    assert rates[["low", "high"]].isna().all(axis=None)
    assert set(rates["method"]) == {"no interval: one patient makes up a class"}
    assert "No test can be made of the difference from" in page_of(tmp_path / "out")
    assert "Within what chance allows" not in page_of(tmp_path / "out")


def test_counts_stay_whole_beside_a_cohort_of_one_class(tmp_path):
    write_made(tmp_path, {"nlst": (30, 10), "dlcs": (20, 0)}, folds=1)
    run(tmp_path)
    table = pd.read_csv(tmp_path / "out" / "tables" / "operating_points.csv", dtype=str, keep_default_na=False)
    counts = table[["tp", "fp", "n_positive", "n_negative"]]
    assert counts[table["cohort"] == "nlst"].map(str.isdigit).all(axis=None)
    assert (counts[table["cohort"] == "dlcs"] == "").all(axis=None)


@pytest.mark.slow
def test_cohorts_that_share_patients_are_refused_in_the_pooled_rows(tmp_path):
    write_made(tmp_path, {"nlst": (60, 20), "twin": (50, 20), "dlcs": (40, 15)}, folds=1)
    path = tmp_path / "cohorts" / "twin" / "cohort.yaml"
    text = path.read_text(encoding="utf-8").replace("shares_patients_with: []", "shares_patients_with: [nlst]")
    path.write_text(text, encoding="utf-8")
    tables = run(tmp_path, ["nlst", "twin", "dlcs"])
    pooled = pd.read_csv(tmp_path / "out" / "tables" / "pooled.csv")
    why = "not pooled: NLST and TWIN share patients; compare again without one of each"
    assert set(pooled["note"]) == {why}
    assert pooled[["difference", "low", "high", "p_value", "tau2"]].isna().all(axis=None)
    assert any("Not pooled: NLST and TWIN share patients" in note for table in tables for note in table.notes)
    page = page_of(tmp_path / "out")
    assert "Not pooled: NLST and TWIN share patients" in page
    assert "Pooled over cohorts" not in page
    run(tmp_path, ["twin", "dlcs"], out="apart")
    apart = pd.read_csv(tmp_path / "apart" / "tables" / "pooled.csv")
    assert apart[["difference", "tau2", "q", "q_p_value", "i_squared"]].notna().all(axis=None)
    # Two cohorts have no prediction interval.
    assert apart[["prediction_low", "prediction_high"]].isna().all(axis=None)


def test_subgroup_differences_and_interactions_are_written_and_shown(tmp_path):
    write_made(tmp_path, {"nlst": (120, 50)}, folds=1, columns={"side": ["left", "right", "left"]})
    run(tmp_path, ["nlst"], by="side")
    folder = tmp_path / "out" / "tables"
    differences = pd.read_csv(folder / "subgroup_differences.csv")
    interactions = pd.read_csv(folder / "subgroup_interactions.csv")
    assert set(differences["cohort"]) == {"nlst"}
    assert len(differences) % 3 == 0
    # A row each for three models and their three differences; Holm over the six.
    assert len(interactions) == 6
    assert interactions["p_holm"].min() == pytest.approx(min(1, 6 * interactions["p_value"].min()))
    assert "Holm over all rows of a cohort (6 tests)" in (folder / "subgroup_interactions.md").read_text("utf-8")
    said = f"Holm over all groups and pairs of a cohort ({len(differences)} tests)"
    assert said in (folder / "subgroup_differences.md").read_text("utf-8")
    page = page_of(tmp_path / "out")
    assert "AUROC differences within the groups of side" in page
    assert "Interaction with side" in page
    assert (folder / "subgroup_interactions.tex").is_file()


@pytest.mark.slow
def test_public_cohorts_of_the_same_people_are_not_pooled_though_nobody_declared_it(tmp_path):
    # LUNA25 is NLST's patients (benchmark.contracts.overlap.SAME_PATIENTS).
    write_made(tmp_path, {"nlst": (60, 20), "luna25": (50, 20)}, folds=1)
    run(tmp_path, ["nlst", "luna25"])
    pooled = pd.read_csv(tmp_path / "out" / "tables" / "pooled.csv")
    assert pooled["note"].str.startswith("not pooled: NLST and LUNA25 share patients").all()


@pytest.mark.slow
def test_a_model_in_no_test_is_in_none_within_groups_and_is_marked_there(tmp_path):
    write_made(tmp_path, {"nlst": (120, 50)}, folds=1, columns={"side": ["left", "right", "left"]})
    card = ScoreCard("good", "nlst", "GOOD", "test", ("nlst",), "seen")
    write_score_card(card, tmp_path / "scores" / "nlst" / "good.csv")
    run(tmp_path, ["nlst"], by="side")
    folder = tmp_path / "out" / "tables"
    for name in ("subgroup_differences", "subgroup_interactions"):
        table = pd.read_csv(folder / f"{name}.csv")
        assert "good" not in {*table["model_a"], *table["model_b"]}
        assert len(table) > 0
    text = (folder / "subgroups.md").read_text(encoding="utf-8")
    assert "GOOD‡ |" in text
    assert "in no test without --allow-seen" in text
    run(tmp_path, ["nlst"], by="side", allow_seen=True, out="all")
    table = pd.read_csv(tmp_path / "all" / "tables" / "subgroup_interactions.csv")
    assert "good" in set(table["model_a"])


def test_the_explorer_marks_no_model_as_best_that_is_in_no_test_and_says_so(tmp_path):
    write_made(tmp_path, {"nlst": (60, 20)}, folds=1)
    card = ScoreCard("good", "nlst", "GOOD", "test", ("nlst",), "seen")
    write_score_card(card, tmp_path / "scores" / "nlst" / "good.csv")
    run(tmp_path, ["nlst"])
    page = page_of(tmp_path / "out")
    found = re.search(r'id="explorer-data">(.*?)</script>', page, re.DOTALL)
    models = json.loads(found[1])["cohorts"][0]["models"]
    assert {model["name"]: model["competes"] for model in models} == {
        "GOOD‡": False,
        "middling": True,
        "poor": True,
    }
    note = re.search(r'id="explorer-note">(.*?)</p>', page, re.DOTALL)[1]
    assert "never a model in no test" in note
    assert "‡ The model saw this cohort" in note
    curves = page[page.index("ROC curves") :]
    # Plotly's JSON may hold the mark escaped.
    assert re.search(r"GOOD(‡|\\u2021)", curves)
    caption = re.search(r"Shaded: pointwise 95 % bootstrap bands.*?<", page, re.DOTALL)[0]
    assert "‡ The model saw this cohort" in caption


@pytest.mark.slow
def test_a_model_in_no_test_does_not_lead_the_page(tmp_path):
    write_made(tmp_path, {"nlst": (60, 20)})
    for model, trained_on in (("good", ("nlst",)), ("middling", ()), ("poor", ())):
        card = ScoreCard(model, "nlst", model.upper(), "test", trained_on, "seen" if trained_on else "unseen")
        write_score_card(card, tmp_path / "scores" / "nlst" / f"{model}.csv")
    tables = run(tmp_path, ["nlst"], allow_seen=True)
    assert "GOOD has the highest AUROC." in page_of(tmp_path / "out")
    tables = run(tmp_path, ["nlst"])
    assert "MIDDLING has the highest AUROC among the models tested." in page_of(tmp_path / "out")
    assert "In no test, because it saw this cohort, or some of its patients, in training: GOOD." in page_of(
        tmp_path / "out"
    )
    assert any(row[0].text.startswith("MIDDLING") for row in tables[-1].rows)


def test_no_pair_stands_in_two_directions_in_the_tables_of_one_comparison(tmp_path):
    """All tables for readers print a pair from the leader, or as the first that printed it."""
    write_made(tmp_path, {"nlst": (120, 50)}, folds=1, columns={"side": ["left", "right", "left"]})
    for reference in ("good", "poor"):
        thresholds = [f"{model}=0.5" for model in ("good", "middling", "poor")]
        run(tmp_path, ["nlst"], by="side", reference=reference, thresholds=thresholds, out=reference)
        pairs = set()
        for path in sorted((tmp_path / reference / "tables").glob("*.md")):
            for line in path.read_text("utf-8").splitlines():
                cell = line.split("|")[1].strip() if line.count("|") > 2 else ""
                models = [part.split(" ≥ ")[0].strip(" *§¶‡‖") for part in cell.split(" − ")]
                pairs |= {tuple(models)} if len(models) == 2 else set()
        assert len(pairs) == 3
        assert {pair for pair in pairs if reference in pair} == {pair for pair in pairs if pair[0] == reference}


def test_two_cohorts_are_too_few_for_a_pooled_sentence(done):
    _, out = done
    assert "Two cohorts are too few to pool" in page_of(out)
    assert "Pooled over cohorts, the AUROC" not in page_of(out)
