"""Figure files: their size, resolution and fonts as read back, all of each figure inside, nothing on nothing."""

import itertools
import logging
import re
import struct

import matplotlib as mpl
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from matplotlib.text import Text

from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.folds import wide_folds
from benchmark.comparison.groups import by_column
from benchmark.comparison.score_files import read_scores
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report import figures as draw
from benchmark.report.drawings import Drawing
from benchmark.report.figure_files import check_formats, write_drawings
from benchmark.report.figures.base import add_line, new_figure
from benchmark.report.manuscript.render import render
from benchmark.report.manuscript.style import WIDTHS_MM, print_style
from benchmark.report.manuscript.text import families_for, plain_text
from benchmark.report.printing.names import Names
from benchmark.report.printing.palette import styles
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import write_made

LONG = "CLIP (ViT-B/32, LoRA), nine planes through each nodule §"
KINDS = ("roc", "pr", "calibration", "decision", "scores", "forest", "ranks", "groups", "yearly", "years",
         "margin", "incidence")  # fmt: skip


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Every kind of figure of a comparison: of three models, one with a long name; of nine, more than colours."""
    return {count: figures_of(tmp_path_factory.mktemp(f"made{count}"), count) for count in (3, 9)}


def figures_of(folder, count):
    models = {f"m{k}": 0.3 + k / 2 for k in range(count)}
    cohort = write_made(folder, {"a": (80, 30)}, models, columns={"sex": ["F", "M"]})["a"]
    names, look = (
        Names({"a": "A"}, {"m0": LONG, "m1": "Sybil & <b>", "m2": "Brock, $\\alpha$ to $\\beta$"}),
        styles(models),
    )
    scored = scores_by_unit(cohort, read_scores(Workspace(results=folder), ["a"])["a"])
    result = evaluate_cohort(scored, resampling=Resampling(10))
    curves = (scored, result.operating_points, result.bands, look, names)
    years = pd.MultiIndex.from_product([list(models)[:3], [1, 2, 3]], names=["model", "year"]).to_frame(
        index=False
    )
    years = years.assign(metric="dynamic_auc", value=0.7, low=0.6, high=0.8, n_events=9)
    risks = years.assign(group=1, predicted=years["year"] / 10, observed=years["year"] / 9, high=0.5, low=0.0)
    margins = pd.DataFrame(
        [("a", model, 0.01 * k, 0.01 * k - 0.04, 0.01 * k + 0.03, 0.02) for k, model in enumerate(models) if k],
        columns=["cohort", "model", "difference", "low", "high", "p_value"],
    )
    incidence = pd.MultiIndex.from_product([[1, 2, 3], [0.0, 1.0, 2.5]], names=["group", "year"]).to_frame(
        index=False
    )
    incidence = incidence.assign(groups=3, incidence=incidence["year"] / 10, n=20, at_risk=12)
    incidence = incidence.assign(low=incidence["incidence"] / 2, high=incidence["incidence"] * 1.5)
    folds = result.folds[result.folds["metric"] == "auroc"]
    return {
        "roc": draw.roc_figure(*curves),
        "pr": draw.pr_figure(*curves),
        "calibration": draw.reliability_figure(scored, look, names),
        "decision": draw.decision_figure(scored, look, names),
        "scores": draw.distribution_figure(scored, look, names),
        "forest": draw.forest_figure(result.pairs, result.pairs.iloc[:0], "m0", look, names),
        "ranks": draw.rank_figure(wide_folds(folds), look, names),
        "groups": draw.subgroup_figure(by_column(scored, cohort, "sex", resampling=Resampling(20)), look, names),
        "yearly": draw.yearly_auc_figure(years, look, names),
        "years": draw.yearly_calibration_figure(risks, look, names),
        "margin": draw.margin_figure(margins, "m0", 0.05, look, names),
        "incidence": draw.incidence_figure(incidence, look["m0"]),
    }


def drawn(figure, width):
    with print_style(["DejaVu Sans"]):
        made = render(figure, width)
        made.draw_without_rendering()
    return made


def visible_texts(made):
    """Every text that is seen, with its box in pixels."""
    found = [text for text in made.findobj(Text) if text.get_visible() and text.get_text()]
    hidden = {id(text) for axes in made.axes for axis in (axes.xaxis, axes.yaxis) for text in axis.findobj(Text)
              if not axis.get_visible() or not axes.axison}  # fmt: skip
    outside = {
        id(label)
        for axes in made.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) - 1e-9 <= tick.get_loc() <= max(axis.get_view_interval()) + 1e-9
    }
    return [(text.get_text(), text.get_window_extent()) for text in found if id(text) not in hidden | outside]


@pytest.mark.parametrize("width", WIDTHS_MM)
@pytest.mark.parametrize("count", [3, 9])
@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_figure_is_inside_and_no_text_lies_on_another(figures, kind, count, width):
    made = drawn(figures[count][kind], width)
    whole, page = made.bbox, made.get_tightbbox().transformed(made.dpi_scale_trans)
    assert made.get_figwidth() * 25.4 == pytest.approx(width)
    assert whole.x0 <= page.x0 and page.x1 <= whole.x1 and whole.y0 <= page.y0 and page.y1 <= whole.y1  # noqa: PT018
    texts = visible_texts(made)
    assert len(texts) > 5
    for (one, box), (other, beside) in itertools.combinations(texts, 2):
        common = [min(box.x1, beside.x1) - max(box.x0, beside.x0), min(box.y1, beside.y1) - max(box.y0, beside.y0)]
        assert min(common) < 1, (one, other)
    assert 30 <= made.get_figheight() * 25.4 <= 240  # a page of a journal
    sizes = {text.get_fontsize() for text in made.findobj(Text) if text.get_text()}
    assert min(sizes) >= 5 and max(sizes) <= 8  # noqa: PT018


def test_files_have_the_size_the_resolution_and_the_fonts_that_a_journal_asks_for(figures, tmp_path):
    drawing = Drawing("roc a/ü", "ROC", "", figures[3]["roc"])
    files = write_drawings([drawing], tmp_path / "f", ["png", "svg", "pdf", "png"])
    stems = [f"roc_a__-{width}mm.{suffix}" for width in (85, 180) for suffix in ("png", "svg", "pdf")]
    assert [path.name for path in files] == stems
    for width in (85, 180):
        png, svg, pdf = (
            (tmp_path / "f" / f"roc_a__-{width}mm.{name}").read_bytes() for name in ("png", "svg", "pdf")
        )
        # Pixels and pHYs of PNG (pixels a metre): 300 dpi is 11811.
        assert struct.unpack(">I", png[16:20])[0] == pytest.approx(width / 25.4 * 300, abs=1)
        at = png.index(b"pHYs") + 4
        assert struct.unpack(">IIB", png[at : at + 9]) == (11811, 11811, 1)
        text = svg.decode()
        points = float(re.search(r'<svg [^>]*?width="([\d.]+)pt"', text)[1])
        assert points / 72 * 25.4 == pytest.approx(width, abs=0.01)
        assert "<text" not in text  # letters are outlines: no font is needed to see them
        assert "font-family" not in text
        box = [float(n) for n in re.search(rb"/MediaBox \[ ([\d. ]+) \]", pdf)[1].split()]
        assert (box[2] - box[0]) / 72 * 25.4 == pytest.approx(width, abs=0.01)
        assert pdf.count(b"/Type /FontDescriptor") == pdf.count(b"/FontFile2") == 1  # embedded, as TrueType
        assert b"/Type3" not in pdf


def test_the_same_figure_gives_the_same_bytes_whatever_the_user_has_set(figures, tmp_path, monkeypatch):
    drawing = Drawing("ranks", "", "", figures[3]["ranks"])
    first = [path.read_bytes() for path in write_drawings([drawing], tmp_path / "1", ["svg", "pdf", "png"])]
    with mpl.rc_context(
        {"font.family": ["monospace"], "axes.facecolor": "red", "savefig.bbox": "tight", "lines.linewidth": 9}
    ):
        again = [path.read_bytes() for path in write_drawings([drawing], tmp_path / "2", ["svg", "pdf", "png"])]
    assert first == again
    assert mpl.rcParams["pdf.fonttype"] == mpl.rcParamsDefault["pdf.fonttype"]


def test_points_lie_where_the_figure_of_the_page_has_them():
    figure = new_figure("x", "y")
    figure.add_scatter(x=[0, 1], y=[0, 2], mode="lines", line={"shape": "vh", "color": "#0072B2"}, name="steps")
    figure.add_scatter(
        x=[0.5, None], y=[1.0, 2.0], mode="markers", name="dots", marker={"symbol": "square", "size": 13},
        error_x={"array": [0.2, 0], "arrayminus": [0.1, 0]},
    )  # fmt: skip
    figure.update_yaxes(range=[-1, 3], tickformat=".0%")
    axes = drawn(figure, 85).axes[1]
    steps, dots = axes.lines[0], axes.lines[1]
    # vh: first upwards at x = 0, then across; as plotly's documentation draws it.
    inside = steps.get_path().interpolated(1).vertices
    shown = np.array([steps._path.vertices[k] for k in range(len(steps._path.vertices))])
    assert inside.tolist() == shown.tolist() == [[0, 0], [0, 2], [1, 2]]
    assert dots.get_xydata()[0].tolist() == [0.5, 1.0]
    assert dots.get_markersize() == pytest.approx(7.0)  # 13 px of the page are 7 pt
    (bars,) = axes.collections
    assert bars.get_segments()[0].tolist() == [[0.4, 1.0], [0.7, 1.0]]
    assert axes.get_ylim() == (-1, 3)
    assert "200%" in [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.parametrize(
    "part",
    [
        go.Heatmap(z=[[1]]),
        go.Scatter(x=[1], y=[1], fill="tozeroy"),
        go.Scatter(x=[1], y=[1], marker={"colorscale": "Viridis"}, mode="markers"),
        go.Scatter(x=[1], y=[1], text=["a"], mode="markers+text"),
    ],
)
def test_what_cannot_be_drawn_is_refused_not_left_out(part):
    with pytest.raises(ValueError, match="a figure file cannot hold"):
        drawn(new_figure("x", "y").add_trace(part), 85)


@pytest.mark.parametrize("axis", [{"type": "log"}, {"tickformat": "%Y"}, {"autorange": "reversed"}])
def test_an_axis_that_cannot_be_drawn_is_refused(axis):
    figure = new_figure("x", "y").add_scatter(x=[1, 2], y=[1, 2])
    with pytest.raises(ValueError, match="a figure file cannot hold"):
        drawn(figure.update_xaxes(axis), 85)


def test_text_is_what_plotly_shows():
    assert plain_text("<b>A &amp; &lt;b&gt;</b><br>&#36;x&#36;") == "A & <b>\n$x$"
    assert plain_text("one two three", 7) == "one two\nthree"
    assert plain_text(None) == ""


def test_letters_that_no_font_has_are_said(tmp_path, caplog, monkeypatch):
    figure = new_figure("\U0001d8a0 recall", "y")  # SignWriting, which no common font has
    add_line(figure, (0, 1), (0, 1), "chance")
    monkeypatch.setattr("benchmark.report.manuscript.text._fonts", lambda: [])
    assert families_for(["recall ≥ 0.8 ‡ § ¶ ‖ † − → × ±"]) == (["DejaVu Sans"], "")
    with caplog.at_level(logging.WARNING):
        write_drawings([Drawing("odd", "", "", figure)], tmp_path, ["svg"])
    assert "odd: no font of this machine has \U0001d8a0" in caplog.text


def test_unknown_formats_are_refused():
    check_formats([])
    check_formats(["png", "svg", "pdf"])
    with pytest.raises(InputError, match="is no figure format"):
        check_formats(["eps"])


def test_colours_are_told_apart_by_colour_blind_readers():
    """Simulated after Machado et al. 2009 (severity 1); the nearest two of the palette stay distinct."""
    from benchmark.report.printing.palette import OKABE_ITO

    deuteranopia = np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    )
    protanopia = np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    )
    rgb = np.array([[int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)] for colour in OKABE_ITO])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for matrix in (np.eye(3), deuteranopia, protanopia):
        seen = _lab(np.clip(linear @ matrix.T, 0, 1))
        nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
        assert nearest > 8  # a ΔE*ab of 2.3 is just noticeable; models differ in dash or symbol besides


def _lab(linear):
    """CIE L*a*b* of linear sRGB under D65 (IEC 61966-2-1)."""
    xyz = linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    f = np.cbrt(xyz / [0.95047, 1.0, 1.08883])
    return np.stack((116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])), 1)
