"""The page in headless Chromium: whole at each width, readable, sortable, its state in the address."""

import numpy as np
import pandas as pd
import pytest

from benchmark import evaluate
from benchmark.contracts.plane_names import BAR_MM, PLANE_NAMES
from benchmark.report.page import _asset, _template
from tests.report.page_faults import open_folds, open_page, page_faults

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_is_drawn_whole_named_and_readable_without_a_word_or_a_request(browser, compared, width, scheme):
    page = open_page(
        browser, compared[0] / "out" / "report" / "index.html",
        viewport={"width": width, "height": 900}, color_scheme=scheme,
    )  # fmt: skip
    assert page_faults(page) == {}
    open_folds(page)
    plots = page.locator(".plot")
    assert plots.count() >= 15
    for k in range(plots.count()):
        marks = plots.nth(k).locator("path.js-line, path.point, g.point path, path.js-fill").count()
        assert marks > 0, plots.nth(k).get_attribute("aria-label")
    assert page_faults(page) == {}
    assert page.heard == []
    page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_many_models_on_many_cohorts_stay_whole(browser, many, width):
    page = open_page(browser, many, viewport={"width": width, "height": 900})
    assert page_faults(page) == {}
    assert page.locator(".grid tbody tr").count() == 12
    assert page.locator(".grid tbody td").count() == 108
    # Each model's curve has a panel of its own, which the explorer moves a point in.
    roc = page.locator(".explorer-plot[data-kind=roc]")
    assert roc.locator(".xaxislayer-above").count() == 12
    assert page.heard == []
    page.context.close()


def test_names_of_planes_lie_within_their_planes(browser):
    style = _asset("page.css")
    case = {"name": "k3", "nodule": "1 of 2", "image": "data:,", "bar": 12.8, "scores": [], "profile": []}
    gallery = {"title": "", "rule": "", "note": "", "model": "m", "false_positives": [case], "false_negatives": []}
    html = _template("gallery.html").render(gallery=gallery, plane_names=PLANE_NAMES, bar_mm=BAR_MM)
    page = browser.new_page()
    page.set_content(f"<style>{style}</style>{html}")
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    spans = page.locator(".planes span")
    assert spans.all_inner_texts() == [name.replace("oblique ", "oblique\n") for name in PLANE_NAMES]
    for span in spans.all():
        # A plane is 66 px wide; what it shows is in its middle.
        size = span.evaluate(
            "e => { const r = document.createRange(); r.selectNodeContents(e); "
            "const b = r.getBoundingClientRect(); return [b.width, b.height]; }"
        )
        assert size[0] <= 64
        assert size[1] <= 22
    page.close()


def test_a_curve_is_no_smaller_than_its_legend_leaves_room_for(browser, compared):
    page = open_page(
        browser, compared[0] / "out" / "report" / "index.html", viewport={"width": 390, "height": 900}
    )
    for plot in page.locator(".explorer-plot").all():
        drawn = plot.locator(".cartesianlayer .bg, .plotbg .bg, .gridlayer").first.bounding_box()
        assert min(drawn["width"], drawn["height"]) > 200
    page.context.close()


def test_the_grid_sorts_by_each_column_and_says_so(browser, compared):
    page = open_page(browser, compared[0] / "out" / "report" / "index.html")
    heads, rows = page.locator(".grid thead th"), page.locator(".grid tbody tr")
    for column, direction in ((1, "descending"), (1, "ascending"), (2, "descending"), (0, "ascending")):
        heads.nth(column).locator("button").click()
        assert heads.nth(column).get_attribute("aria-sort") == direction
        assert page.locator(".grid th[aria-sort]").count() == 1
        cells = [rows.nth(k).locator("th, td").nth(column) for k in range(rows.count())]
        keys = [float(cell.get_attribute("data-order")) if column else cell.inner_text() for cell in cells]
        assert keys == sorted(keys, reverse=direction == "descending")
    page.context.close()


def test_the_grid_holds_the_numbers_of_the_table(browser, compared):
    page = open_page(browser, compared[0] / "out" / "report" / "index.html")
    table = pd.read_csv(compared[0] / "out" / "tables" / "performance.csv").set_index(["cohort", "model"])["auroc"]
    for row in page.locator(".grid tbody tr").all():
        model = row.locator("th").inner_text()
        for cohort, cell in zip(compared[1], row.locator("td").all(), strict=True):
            assert cell.locator("b").inner_text() == f"{table[cohort, model]:.3f}"
            rank = int((table[cohort] > table[cohort, model]).sum()) + 1
            assert cell.locator(".rank").inner_text() == f"#{rank}"
    page.context.close()


def test_the_explorer_moves_a_point_on_every_curve_and_stands_in_the_address(browser, compared):
    path = compared[0] / "out" / "report" / "index.html"
    page = open_page(browser, path)
    page.locator("input[name=cohort]").nth(1).check()
    page.locator("#recall").fill("100")
    page.locator("#prevalence").fill("5.6")
    page.locator("#prevalence").blur()
    page.wait_for_timeout(200)
    rows = [row.locator("td").all_inner_texts() for row in page.locator("#explorer-table tbody tr").all()]
    points = (
        "(kind) => document.querySelector(`.explorer-plot[data-kind=${kind}]`).data"
        ".filter((t) => t.meta?.point !== undefined).map((t) => [t.x[0], t.y[0]])"
    )
    assert page.evaluate(points, "roc") == pytest.approx(
        np.array([[row[2], row[0]] for row in rows], float), abs=5e-4
    )
    assert page.evaluate(points, "pr") == pytest.approx(
        np.array([[row[0], row[3]] for row in rows], float), abs=5e-4
    )
    address = page.evaluate("location.hash")
    assert address == "#explorer?cohort=2&recall=0.5&prevalence=5.6"
    again = open_page(browser, path, address)
    assert again.locator("input[name=cohort]").nth(1).is_checked()
    assert again.locator("#prevalence").input_value() == "5.6"
    shown = [row.locator("td").all_inner_texts() for row in again.locator("#explorer-table tbody tr").all()]
    assert shown == rows
    again.context.close()
    page.context.close()


def test_a_link_to_a_folded_cohort_opens_it(browser, compared):
    page = open_page(browser, compared[0] / "out" / "report" / "index.html", "#cohort-2")
    page.wait_for_selector("#cohort-2[open] .main-svg", timeout=60_000)
    assert page.locator("#cohort-1[open]").count() == 0
    page.context.close()


def test_every_link_to_a_file_of_a_table_leads_to_one(browser, compared):
    page = open_page(browser, compared[0] / "out" / "report" / "index.html")
    links = page.locator(".files a")
    assert links.count() > 20
    for link in links.all():
        assert (compared[0] / "out" / "report" / link.get_attribute("href")).is_file()
    page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_two_groups_of_two_models_stay_apart_from_their_legend(browser, tmp_path, width):
    rng = np.random.default_rng(1)
    labels = (rng.random(120) < 0.3).astype(int)
    scores = {"clip": rng.normal(size=120) + 1.4 * labels, "sybil": rng.normal(size=120) + labels}
    sex = pd.Series(np.where(np.arange(120) % 2, "f", "m"), name="sex")
    index = evaluate(labels, scores, by=sex, replicates=50).report(tmp_path / "page.html")
    page = open_page(browser, index, viewport={"width": width, "height": 900})
    open_folds(page)
    assert page.locator("[aria-label*='by sex']").count() > 0
    assert page_faults(page) == {}
    page.context.close()
