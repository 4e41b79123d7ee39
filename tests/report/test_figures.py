import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.folds import wide_folds
from benchmark.comparison.groups import by_column
from benchmark.comparison.score_files import read_scores
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.workspace import Workspace
from benchmark.report import figures as draw
from benchmark.report.figures.base import thin
from benchmark.report.figures.calibration import tenths
from benchmark.report.figures.curves import fraction, roc_points
from benchmark.report.figures.panels import panels
from benchmark.report.printing.names import Names
from benchmark.report.printing.palette import OKABE_ITO, dark_colours, styles
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import write_made


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    cohorts = write_made(folder, {"a": (80, 30)}, columns={"sex": ["F", "M"]})
    scored = scores_by_unit(cohorts["a"], read_scores(Workspace(results=folder), ["a"])["a"])
    return cohorts["a"], evaluate_cohort(scored, resampling=Resampling(50))


HOSTILE = "<b>x</b> & <a href='javascript:1'>y</a>"


def traces(figure):
    return {trace.name: trace for trace in figure.data if trace.showlegend is not False}


def test_curves_hold_the_points_of_the_metrics(made):
    _, result = made
    models = result.scored.models
    figure = draw.roc_figure(result.scored, result.operating_points, result.bands, styles(models), Names())
    line = traces(figure)["good"]
    labels, scores = result.scored.labels, result.scored.scores["good"].to_numpy()
    for fpr, recall in zip(line.x, line.y, strict=True):
        threshold_exists = any(
            abs((scores[labels == 0] >= t).mean() - fpr) < 1e-4
            and abs((scores[labels == 1] >= t).mean() - recall) < 1e-4
            for t in (*scores, np.inf)
        )
        assert threshold_exists
    # The area under the drawn line is the AUROC, to the four decimals it is drawn with.
    auroc = result.performance.set_index("model").loc["good", "auroc"]
    assert np.trapezoid(line.y, line.x) == pytest.approx(auroc, abs=2e-4)


def test_a_model_has_one_colour_in_every_figure(made):
    _, result = made
    look = styles(result.scored.models)
    assert [look[m]["color"] for m in result.scored.models] == list(OKABE_ITO[:3])
    arguments = (result.scored, result.operating_points, result.bands, look, Names())
    figures = [draw.roc_figure(*arguments), draw.pr_figure(*arguments)]
    figures += [draw.reliability_figure(result.scored, look, Names())]
    figures += [draw.decision_figure(result.scored, look, Names())]
    for figure in figures:
        assert {traces(figure)[m].line.color for m in ("good",)} == {look["good"]["color"]}
        assert traces(figure)["poor"].line.color == look["poor"]["color"]


def test_twenty_five_models_differ_in_colour_or_dash():
    look = styles(f"m{k}" for k in range(25))
    assert len({(style["color"], style["dash"]) for style in look.values()}) == 25
    assert set(dark_colours()) >= set(OKABE_ITO)


def test_names_from_data_are_escaped_in_every_figure(made):
    cohort, result = made
    models = result.scored.models
    names = Names({"a": HOSTILE}, dict.fromkeys(models, HOSTILE))
    look = styles(models)
    arguments = (result.scored, result.operating_points, result.bands, look, names)
    printed = pd.DataFrame(
        [("a", HOSTILE, 0.6, "0.1", "0.7")], columns=["cohort", "title", "recall_target", "fpr", "precision"]
    )
    wide = wide_folds(result.folds[result.folds["metric"] == "auroc"])
    groups = by_column(result.scored, cohort, "sex", resampling=Resampling(20))
    figures = [
        draw.roc_figure(*arguments, printed=printed),
        draw.pr_figure(*arguments, printed=printed),
        draw.reliability_figure(result.scored, look, names),
        draw.decision_figure(result.scored, look, names),
        draw.distribution_figure(result.scored, look, names),
        draw.forest_figure(result.pairs, result.pairs.iloc[:0].assign(i_squared=0.0), "good", look, names),
        draw.rank_figure(wide, look, names),
        draw.subgroup_figure(groups, look, names),
        draw.learning_figure({HOSTILE: pd.DataFrame({"epoch": [0, 1], "loss": [1.0, 0.5]})}, "loss", HOSTILE),
    ]
    for figure in figures:
        text = json.dumps(json.loads(figure.to_json()))
        assert HOSTILE not in text
        assert "&lt;b&gt;x" in text
        assert "javascript" not in text or "&lt;a href" in text


@pytest.mark.parametrize(("epochs", "tick"), [(2, 1), (6, 1), (7, None), (100, None)])
def test_few_epochs_have_a_tick_each(epochs, tick):
    table = pd.DataFrame({"epoch": range(epochs), "val_loss": 1.0})
    assert draw.learning_figure({"fold 0": table}, "val_loss", "loss").layout.xaxis.dtick == tick


def test_printed_points_lie_where_they_are_printed(made):
    _, result = made
    printed = pd.DataFrame(
        [("a", "Sybil", 0.6, "0.229", "72.4%"), ("a", "Sybil", 0.7, "", "0.5")],
        columns=["cohort", "title", "recall_target", "fpr", "precision"],
    )
    arguments = (result.scored, result.operating_points, {}, styles(result.scored.models), Names())
    roc = traces(draw.roc_figure(*arguments, printed=printed))["Sybil †"]
    assert (list(roc.x), list(roc.y)) == ([0.229], [0.6])
    pr = traces(draw.pr_figure(*arguments, printed=printed))["Sybil †"]
    assert (list(pr.x), list(pr.y)) == ([0.6, 0.7], [0.724, 0.5])
    assert fraction("7 %") == pytest.approx(0.07)


def test_the_forest_has_a_row_a_cohort_for_every_other_model(made):
    _, result = made
    look = styles(result.scored.models)
    empty = result.pairs.iloc[:0].assign(i_squared=0.0)
    figure = draw.forest_figure(result.pairs, empty, "poor", look, Names())
    assert list(figure.layout.yaxis.ticktext) == ["vs good", "vs middling"]
    two = pd.concat([result.pairs, result.pairs.assign(cohort="b")], ignore_index=True)
    figure = draw.forest_figure(two, empty, "poor", look, Names())
    assert list(figure.layout.yaxis.ticktext) == ["<b>vs good</b>", "a", "b", "<b>vs middling</b>", "a", "b"]
    pairs = result.pairs.set_index(["metric", "model_a", "model_b"])["difference"]
    assert figure.data[0].x[0] == pytest.approx(-pairs["auroc", "good", "poor"], abs=1e-4)


def test_decision_curve_meets_treat_all_at_low_thresholds(made):
    _, result = made
    figure = draw.decision_figure(result.scored, styles(result.scored.models), Names())
    lines = traces(figure)
    # At 0.5 % almost everyone is called: net benefit is about the prevalence, 30 of 80.
    assert lines["good"].y[0] == pytest.approx(0.375, abs=0.01)
    assert set(lines) == {"good", "middling", "poor", "treat all", "treat none"}


def test_tenths_by_hand():
    labels, p = np.array([0, 1] * 10), np.arange(20) / 20
    predicted, observed, n = tenths(labels, p)
    assert n.tolist() == [2] * 10
    assert observed.tolist() == [0.5] * 10
    assert predicted[0] == pytest.approx(0.025)


@settings(max_examples=25, deadline=None)
@given(st.integers(501, 20_000), st.integers(0, 1000), st.sampled_from([1.0, 20.0, 1000.0]))
def test_a_thinned_curve_is_nowhere_further_than_a_thousandth(n, seed, levels):
    generator = np.random.default_rng(seed)
    labels = (generator.random(n) < 0.3).astype(int)
    labels[:2] = [0, 1]
    scores = np.round((labels + generator.normal(size=n)) * levels) / levels
    fpr, recall = roc_points(labels, scores)
    thresholds = np.unique(scores)
    whole_x = np.array([(scores[labels == 0] >= t).mean() for t in thresholds[:: max(1, len(thresholds) // 200)]])
    whole_y = np.array([(scores[labels == 1] >= t).mean() for t in thresholds[:: max(1, len(thresholds) // 200)]])
    assert _distance(whole_x, whole_y, fpr, recall).max() <= 0.001
    assert (fpr[0], recall[0], fpr[-1], recall[-1]) == (0, 0, 1, 1)


def _distance(x, y, line_x, line_y):
    """Distance of each point to the polyline."""
    a = np.stack((line_x[:-1], line_y[:-1]), 1)
    d = np.stack((np.diff(line_x), np.diff(line_y)), 1)
    points = np.stack((x, y), 1)[:, None]
    length = np.maximum((d**2).sum(1), 1e-30)
    t = np.clip(((points - a) * d).sum(2) / length, 0, 1)
    return np.sqrt((((a + t[..., None] * d) - points) ** 2).sum(2)).min(1)


def test_short_curves_are_drawn_whole():
    x = np.linspace(0, 1, 500)
    assert len(thin(x, x)) == 500
    assert len(thin(np.linspace(0, 1, 100_000), np.linspace(0, 1, 100_000))) < 10_000


MANY_MODELS = [f"model-{k}" for k in range(11)] + ["a-model-of-a-very-long-name-indeed-2026"]


def of_groups(models):
    rng = np.random.default_rng(0)
    rows = [
        {"metric": "auroc", "subgroup": group, "model": model, "value": (value := rng.uniform(0.5, 0.9)),
         "low": value - 0.05, "high": value + 0.04, "n": 60, "n_positive": 20}
        for group in ("side: left", "side: right")
        for model in models
    ]  # fmt: skip
    return SimpleNamespace(
        cohort="nlst", column="side", note="", result=SimpleNamespace(metrics=pd.DataFrame(rows))
    )


def test_more_models_than_colours_have_a_named_row_each_in_every_group():
    part = of_groups(MANY_MODELS)
    figure = draw.subgroup_figure(part, styles(MANY_MODELS), Names())
    places = [round(at, 4) for at in figure.layout.yaxis.tickvals]
    ticks = dict(zip(places, figure.layout.yaxis.ticktext, strict=True))
    metrics = part.result.metrics.set_index(["model", "subgroup"])["value"]
    assert figure.layout.showlegend is False
    heights = []
    for trace, model in zip(figure.data, MANY_MODELS, strict=True):
        assert [ticks[y].replace("<br>", "") for y in trace.y] == [model, model]
        assert list(trace.x) == pytest.approx(list(metrics[model]), abs=1e-4)
        heights += trace.y
    assert len(set(heights)) == 24
    named = [text for y, text in sorted(ticks.items(), reverse=True) if text.startswith("<b>")]
    assert named == ["<b>side: left (n = 60)</b>", "<b>side: right (n = 60)</b>"]
    # A group's rows lie between its title and the next one's.
    (first, second) = [y for y, text in ticks.items() if text.startswith("<b>")]
    assert all(second < y < first for y in heights[::2])
    assert all(y < second for y in heights[1::2])


def test_up_to_eight_models_share_a_row_a_group():
    figure = draw.subgroup_figure(of_groups(MANY_MODELS[:8]), styles(MANY_MODELS), Names())
    assert len(figure.layout.yaxis.tickvals) == 2
    assert figure.layout.showlegend is not False


def test_many_models_over_the_years_have_panels_on_the_same_axes():
    rng = np.random.default_rng(1)
    values = pd.DataFrame([
        {"metric": "dynamic_auc", "model": model, "year": year, "value": (value := rng.uniform(0.4, 0.9)),
         "low": value - 0.1, "high": value + 0.08, "n_events": 9}
        for model in MANY_MODELS for year in range(1, 7)
    ])  # fmt: skip
    split = panels(draw.yearly_auc_figure(values, styles(MANY_MODELS), Names()), MANY_MODELS)
    axes = [split.layout[f"yaxis{k or ''}"] for k in ("", *range(2, 13))]
    low, high = axes[0].range
    assert low < values["low"].min() < values["high"].max() < high
    assert {tuple(axis.range) for axis in axes} == {(low, high)}
    assert all(low <= tick <= high for tick in axes[0].tickvals)
    assert 3 <= len(axes[0].tickvals) <= 7
    lines = [trace for trace in split.data if trace.mode == "lines+markers"]
    assert len({trace.yaxis for trace in lines}) == len(lines) == 12
    for model, trace in zip(MANY_MODELS, lines, strict=True):
        assert list(trace.y) == pytest.approx(list(values.loc[values["model"] == model, "value"]), abs=1e-4)
        assert list(trace.x) == [1, 2, 3, 4, 5, 6]


def calibration_rows(models):
    return pd.DataFrame([
        {"model": model, "year": year, "group": group, "predicted": group / 5, "observed": group / (6 + k),
         "low": group / 8, "high": 1.1}
        for k, model in enumerate(models) for year in (1, 6) for group in range(1, 6)
    ])  # fmt: skip


def test_each_year_of_calibration_has_a_panel_with_all_models():
    models = MANY_MODELS[:3]
    rows = calibration_rows(models)
    empty = rows[rows["year"] == 6].assign(year=7, observed=np.nan)  # nobody was watched so long
    figure = draw.yearly_calibration_figure(pd.concat([rows, empty]), styles(MANY_MODELS), Names())
    own = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [trace.name for trace in own] == models * 2
    assert [trace.yaxis for trace in own] == ["y"] * 3 + ["y2"] * 3
    assert [list(trace.y) for trace in own[:3]] == [
        pytest.approx(list(rows.loc[(rows["model"] == model) & (rows["year"] == 1), "observed"]), abs=1e-4)
        for model in models
    ]
    assert [note.text for note in figure.layout.annotations][:2] == ["year 1", "year 6"]
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert named == ["ideal", *models]  # once each
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert figure.layout.yaxis.range[1] > 1.1


def test_calibration_of_years_stays_in_its_models_panel():
    split = draw.yearly_calibration_figure(calibration_rows(MANY_MODELS), styles(MANY_MODELS), Names())
    own = [trace for trace in split.data if trace.mode == "lines+markers"]
    assert len(own) == 24
    assert len({trace.yaxis for trace in own}) == 12
    labels = [note.text.replace("<br>", "") for note in split.layout.annotations]
    assert labels[:12] == MANY_MODELS
    assert split.layout.yaxis.range[1] > 1.1  # no error bar is cut
