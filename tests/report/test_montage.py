"""Nodules as figures: planes are what they are called, a scale bar is as long as it says, nothing is cut."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from benchmark.contracts.plane_names import PLANE_NAMES
from benchmark.contracts.workspace import Workspace
from benchmark.imaging.cropping.writing import prepare_store, write_crop
from benchmark.imaging.planes import nine_planes
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.scans.scan import ReadOptions
from benchmark.report.compare_content import evaluate_inputs
from benchmark.report.compare_inputs import read_inputs
from benchmark.report.compare_options import CompareOptions
from benchmark.report.error_montage import error_montages
from benchmark.report.figure_files import save_at_widths, write_figures
from benchmark.report.manuscript.montage import Nodule, montage, nodule_figure
from benchmark.report.manuscript.style import WIDTHS_MM, print_style
from tests.comparison.made import write_made
from tests.report.test_manuscript import visible_texts

AXES = dict(zip("zyx", np.meshgrid(*[np.arange(100) - 50] * 3, indexing="ij"), strict=True))
SPANNED = {"axial": "yx", "coronal": "zx", "sagittal": "zy", "ax-sag": "y zx", "ax-cor": "x zy", "cor-sag": "z yx"}
"""What spans each plane: two axes; of an oblique one the axis of both, and the two that it lies between."""
PROFILE = [
    ("nodule margins", "spiculated", 0.61),
    ("internal attenuation", "heterogeneous with bubbly lucency", 1.0),
]


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_planes_are_what_they_are_called(recipe):
    """By gradients: brightness that grows along one axis of the patient."""
    slope = {}
    for axis, along in AXES.items():
        planes = nine_planes((along * 10 - 250).astype(np.int16), recipe, size=64)
        rows, columns = planes[:, 40, 32] - planes[:, 24, 32], planes[:, 32, 40] - planes[:, 32, 24]
        slope[axis] = np.stack((rows, columns), 1) / (16 * 50 / 64 * 10 / 1500)
    for k, name in enumerate(PLANE_NAMES):
        kind, _, angle = name.removeprefix("oblique ").partition(" ")
        whole, _, mixed = SPANNED[kind].partition(" ")
        for axis in "zyx":
            expected = 1 if axis in whole else np.sqrt(0.5) if axis in mixed else 0
            assert np.abs(slope[axis][k]).max() == pytest.approx(expected, abs=0.02), (name, axis)
        if mixed:
            one, other = (slope[axis][k] for axis in mixed)
            assert np.sign(one @ other) == {"+45°": 1, "-45°": -1}[angle], name
        else:
            assert np.abs(slope[whole[0]][k] @ slope[whole[1]][k]) < 0.01
    assert len(set(PLANE_NAMES)) == 9


def ball(radius, recipe="default"):
    inside = sum(along**2 for along in AXES.values()) <= radius**2
    return Nodule(
        "patient k3, nodule 1 of 2, score 0.91", np.where(inside, 400, -1000).astype(np.int16), get_recipe(recipe)
    )


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_a_scale_bar_is_as_long_as_it_says(tmp_path, recipe):
    save_at_widths(lambda width: montage([ball(10, recipe)], width), tmp_path / "m", ["png"], ["x"])
    for width in WIDTHS_MM:
        picture = np.asarray(Image.open(tmp_path / f"m-{width}mm.png").convert("L")).astype(int)
        edge = (width - 2.4 - 0.8 * (2 if width == 85 else 8)) / (3 if width == 85 else 9)
        left, top = round(1.2 / 25.4 * 300), round(4.5 / 25.4 * 300)
        first = picture[top : top + round(edge / 25.4 * 300) - 2, left + 2 : left + round(edge / 25.4 * 300) - 2]
        middle = first[len(first) // 2]
        # A ball of 20 mm through its middle, at half of its brightness; the bar of 10 mm is white.
        across = int((middle > 119).sum())
        low = first[int(0.9 * len(first)) :]
        bar = max(int((row > 240).sum()) for row in low)
        assert bar == pytest.approx(across / 20 * 10, rel=0.05)


@pytest.mark.parametrize("width", WIDTHS_MM)
@pytest.mark.parametrize("kind", ["errors", "nodule"])
def test_all_of_a_montage_is_inside_and_no_text_lies_on_another(kind, width):
    with print_style(["DejaVu Sans"]):
        if kind == "errors":
            groups = (
                "False positives of a model with a long name, at recall ≥ 0.8, threshold 0.41",
                "False negatives",
            )
            nodules = [Nodule(one.label, one.crop, one.recipe, group) for group in groups for one in [ball(6)] * 3]
            made = montage(nodules, width)
        else:
            marks = dict.fromkeys(range(9), "attention 0.11")
            one = ball(6)
            made = nodule_figure(
                Nodule(one.label, one.crop, one.recipe, marks=marks, framed=4), PROFILE * 8, width
            )
        made.draw_without_rendering()
    whole, page = made.bbox, made.get_tightbbox().transformed(made.dpi_scale_trans)
    assert whole.x0 <= page.x0
    assert page.x1 <= whole.x1
    assert whole.y0 <= page.y0
    assert page.y1 <= whole.y1
    assert made.get_figheight() * 25.4 < 240
    for (one, box), (other, beside) in itertools.combinations(visible_texts(made), 2):
        common = [min(box.x1, beside.x1) - max(box.x0, beside.x0), min(box.y1, beside.y1) - max(box.y0, beside.y0)]
        assert min(common) < 1, (one, other)


def test_errors_are_drawn_of_cohorts_that_have_crops(tmp_path):
    cohorts, recipe = write_made(tmp_path, {"a": (40, 15), "b": (40, 15)}), get_recipe("default")
    store, nodules = tmp_path / "crops" / "a", cohorts["a"].nodules
    prepare_store(store, len(nodules), recipe, ReadOptions())
    for row in range(len(nodules)):
        write_crop(store, row, np.full((recipe.size,) * 3, -500, np.int16))
    index = nodules[["pid", "nodule_id"]].assign(status="cropped", reason="", padded_fraction=0.0)
    index.to_csv(store / "index.csv", index=False)
    options, workspace = CompareOptions(replicates=10), Workspace(tmp_path / "cohorts", tmp_path)
    content = evaluate_inputs(read_inputs(["a", "b"], workspace, options), workspace, options)
    (errors,) = error_montages(content)
    assert errors.cohort == "a"
    groups = [nodule.group.split(". ")[0] for nodule in errors.nodules]
    assert groups == ["False positives of good"] * 3 + ["False negatives of good"] * 3
    labels = " ".join(nodule.label for nodule in errors.nodules)
    assert not [pid for pid in nodules["pid"] if pid in labels]
    alone = SimpleNamespace(content=content, all=lambda: ())
    drawn = write_figures(alone, tmp_path / "figures", ["svg"])
    assert [path.name for path in drawn] == ["errors_a-85mm.svg", "errors_a-180mm.svg"]
    assert [path.read_text(encoding="utf-8").count("<image") for path in drawn] == [3 * 6, 9 * 6]
