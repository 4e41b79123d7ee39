"""Numbers of an `Evaluation` are those of ``bench compare`` and scikit-learn, its figures those of the page."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from benchmark import evaluate
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.score_card import ScoreCard, write_scores
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from benchmark.statistics import delong_test
from tests.comparison.made import expit, nodule_table, score_rows

MODELS = {"good": 0.4, "middling": 1.0, "poor": 3.0}
TABLES = ["performance", "performance_all", "operating_points", "operating_points_all", "pairs", "pooled"]
TABLES += ["folds", "fold_tests", "calibration", "net_benefit", "subgroup_differences", "subgroup_interactions"]
TABLES += ["metrics"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two cohorts as folders with score tables, and the same in memory."""
    folder, memory = tmp_path_factory.mktemp("made"), {}
    generator = np.random.default_rng(3)
    for name, size in (("nlst", 70), ("dlcs", 50)):
        labels = [[int(k % 3 == 0)] + [0] * int(generator.integers(0, 2)) for k in range(size)]
        nodules = nodule_table(labels, [f"{name}-{k}" for k in range(size)])
        nodules["sex"] = np.array(["F", "M"])[generator.integers(0, 2, len(nodules))]
        write_cohort(folder / "cohorts" / name, CohortManifest(name=name, title=name), nodules)
        signal = nodules["malignant"].astype(float).to_numpy() * 1.5
        columns = {model: expit(signal + s * generator.normal(size=len(nodules))) for model, s in MODELS.items()}
        columns["middling"][4] = np.nan
        for model, scores in columns.items():
            card = ScoreCard(model, name, model, "made", (), "unseen")
            write_scores(score_rows(nodules, model, name, scores), card, folder / "scores" / name / f"{model}.csv")
        memory[name] = nodules.assign(**columns)
    return folder, memory


@pytest.mark.parametrize("unit", ["patient", "nodule"])
@pytest.mark.slow
def test_the_numbers_are_those_of_bench_compare(made, unit):
    folder, memory = made
    options = CompareOptions(
        unit=unit, replicates=80, seed=5, by="sex", metrics=["npv@recall=0.9"], models=list(MODELS)
    )
    compare_cohorts(["nlst", "dlcs"], Workspace(folder / "cohorts", folder), options, out=folder / unit)

    def of_each(column):
        return {name: table[column] for name, table in memory.items()}

    found = evaluate(
        of_each("malignant"), of_each(list(MODELS)), ids=of_each("pid"), by=of_each("sex"),
        unit=unit, replicates=80, seed=5, metrics=["npv@recall=0.9"],
    )  # fmt: skip
    tried = 0
    for name in TABLES:
        written = pd.read_csv(folder / unit / "tables" / f"{name}.csv", dtype=str, keep_default_na=False)
        own = found.table(name)
        assert list(own.columns) == list(written.columns), name
        for column in own:
            if pd.api.types.is_numeric_dtype(own[column]):
                numbers = pd.to_numeric(written[column]).to_numpy(float)
                given = own[column].to_numpy(float, na_value=np.nan)
                assert given == pytest.approx(numbers, rel=1e-9, nan_ok=True), (name, column)
            else:
                assert list(own[column].fillna("").astype(str)) == list(written[column]), (name, column)
        tried += len(own)
    assert tried > 150


@pytest.fixture(scope="module")
def alone():
    generator = np.random.default_rng(7)
    labels = generator.integers(0, 2, 150)
    scores = pd.DataFrame(
        {model: expit(labels * 1.5 + s * generator.normal(size=150)) for model, s in MODELS.items()}
    )
    return labels, scores, evaluate(labels, scores, cohort="<b>UCLA</b>", replicates=100)


def test_the_numbers_are_those_of_scikit_learn(alone):
    labels, scores, found = alone
    for row in found.performance.to_dict("records"):
        assert row["auroc"] == pytest.approx(sk.roc_auc_score(labels, scores[row["model"]]), abs=1e-12)
        assert row["auprc"] == pytest.approx(sk.average_precision_score(labels, scores[row["model"]]), abs=1e-12)
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
    for row in found.calibration.to_dict("records"):
        assert row["brier"] == pytest.approx(sk.brier_score_loss(labels, scores[row["model"]]), abs=1e-12)
    for row in found.operating_points.to_dict("records"):
        fpr, tpr, thresholds = sk.roc_curve(labels, scores[row["model"]], drop_intermediate=False)
        at = int(np.argmax(tpr >= row["recall_target"] - 1e-12))
        assert (row["fpr"], row["recall"], row["threshold"]) == pytest.approx((fpr[at], tpr[at], thresholds[at]))
    assert len(found.operating_points) == 12


def test_differences_are_delongs(alone):
    labels, scores, found = alone
    table = found.differences
    row = table[(table["metric"] == "auroc") & (table["model_b"] == "poor") & (table["model_a"] == "good")].iloc[0]
    test = delong_test(labels, scores["good"], scores["poor"])
    assert (row["difference"], row["low"], row["high"], row["p_value"]) == (
        test.difference, test.low, test.high, test.p_value,
    )  # fmt: skip
    assert list(table["metric"]) == ["auroc"] * 3 + ["auprc"] * 3


def test_the_documented_columns_are_the_columns(alone):
    from benchmark import Evaluation

    _, _, found = alone
    tried = 0
    for name, member in vars(Evaluation).items():
        text = getattr(member, "__doc__", "") or ""
        if not isinstance(member, property) or "Columns:" not in text:
            continue
        said = re.search(r"Columns: ``([^`]+)``", text).group(1).replace("...", "").split()
        table = getattr(found, name)
        columns = [column.strip(",") for column in said if column.strip(",")]
        assert list(table.columns)[: len(columns)] == columns, name
        tried += 1
    assert tried >= 8


def test_a_table_is_a_copy(alone):
    found = alone[2]
    table = found.performance
    table["auroc"] = 0.0
    assert (found.performance["auroc"] > 0.5).all()
    with pytest.raises(InputError, match=r"there is no table 'roc' — tables: performance"):
        found.table("roc")


def test_figures_are_those_of_the_page(alone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = alone[2]
    page = found.report(tmp_path / "new" / "page.html").read_text(encoding="utf-8")
    for figure, what in (
        (found.plot_roc(), "false positive rate"),
        (found.plot_pr(), "precision"),
        (found.plot_calibration(), "observed"),
        (found.plot_decision(), "net benefit"),
    ):
        assert what in str(figure.layout).lower()
        assert {model for model in MODELS if model in str(figure.to_dict())} == set(MODELS)
        assert figure.data[0].type == "scatter"
    assert page.count("<figure") >= 4
    assert "<b>UCLA</b>" not in page
    assert found.report(tmp_path / "folder") == tmp_path / "folder" / "index.html"
    with pytest.raises(InputError, match=r"give a path that ends in \.html"):
        found.report(tmp_path / "page.pdf")


def test_ranks_have_no_calibration():
    found = evaluate([1, 1, 0, 0, 0, 1], [5, 3, 2, 4, 1, 6], replicates=20)
    assert found.calibration.empty
    assert found.net_benefit.empty
    with pytest.raises(InputError, match="no model gives probabilities"):
        found.plot_calibration()


def test_one_class_has_no_curves():
    found = evaluate([1, 1, 1], [0.5, 0.3, 0.2], replicates=20)
    assert found.performance["auroc"].isna().all()
    with pytest.raises(InputError, match="of one class"):
        found.plot_roc()


def test_a_notebook_gets_a_small_table_without_a_script(alone):
    html = alone[2]._repr_html_()
    assert "&lt;b&gt;UCLA&lt;/b&gt;" in html
    assert "<script" not in html
    assert "<b>UCLA" not in html
    assert len(html) < 5000


def test_nothing_is_computed_before_it_is_asked_for():
    found = evaluate([1, 0, 1, 0], [0.5, 0.2, 0.7, 0.6])
    assert repr(found) == "Evaluation of 1 model (model) on cohort: 4 patients, 2 positive"
    assert "content" not in vars(found)


def test_the_package_is_light_until_evaluate_is_asked_for():
    code = "import sys, benchmark; print('pandas' in sys.modules, dir(benchmark)[:1]); benchmark.evaluate; "
    code += "print('pandas' in sys.modules, 'torch' in sys.modules, 'plotly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False ['Evaluation']", "True False False"]
    with pytest.raises(ImportError):
        from benchmark import evaluat  # noqa: F401
