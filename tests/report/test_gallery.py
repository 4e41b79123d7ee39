import base64
import io
import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.score_files import read_scores
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.imaging.cropping.layout import chunk_path
from benchmark.imaging.cropping.writing import prepare_store, write_crop
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.scans.scan import ReadOptions
from benchmark.report.gallery import disagreements, gallery
from benchmark.report.gallery_images import PIXELS, contact_sheet, data_uri
from benchmark.report.printing.names import Names
from benchmark.report.pseudonyms import pseudonyms
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import write_made

TILE = PIXELS + 2
ZARR2 = Path(__file__).parents[1] / "data" / "zarr2" / "crops.zarr"


def tile(image, row, column):
    return image[row * TILE + 1 : row * TILE + 1 + PIXELS, column * TILE + 1 : column * TILE + 1 + PIXELS]


def test_planes_show_each_axis_where_it_belongs():
    z, y, x = np.meshgrid(*[np.arange(100) - 50] * 3, indexing="ij")
    # HU rises with x: brightness grows to the right in axial and coronal planes and is flat in the sagittal one.
    along_x = contact_sheet((x * 10 - 250).astype(np.int16), get_recipe("default"))
    for column in (0, 1):
        row = tile(along_x, 0, column)[PIXELS // 2].astype(int)
        assert (np.diff(row) >= 0).all()
        assert row[-1] > row[0] + 50
    assert np.ptp(tile(along_x, 0, 2)) == 0
    # HU rises with z (to the head): coronal and sagittal planes are brighter at the top.
    along_z = contact_sheet((z * 10 - 250).astype(np.int16), get_recipe("default"))
    for column in (1, 2):
        line = tile(along_z, 0, column)[:, PIXELS // 2].astype(int)
        assert (np.diff(line) <= 0).all()
        assert line[0] > line[-1] + 50
    assert np.ptp(tile(along_z, 0, 0)) == 0
    # A ball at the centre looks the same in all nine.
    ball = contact_sheet(np.where(z**2 + y**2 + x**2 <= 100, 0, -1000).astype(np.int16), get_recipe("default"))
    areas = [(tile(ball, r, c) > 80).sum() for r in range(3) for c in range(3)]
    # Area of a circle of radius 10 mm in pixels of 50/64 mm.
    assert np.allclose(areas, np.pi * 100 / (50 / 64) ** 2, rtol=0.06)


def test_a_png_reads_back():
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    uri = data_uri(grey)
    image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))
    assert np.array_equal(np.asarray(image), grey)


@pytest.fixture
def made(tmp_path):
    cohorts = write_made(tmp_path, {"a": (30, 12)}, columns={"nodule_margins": ["Smooth", "Lobulated"]})
    scores = read_scores(Workspace(results=tmp_path), ["a"])["a"]
    return (
        tmp_path,
        cohorts["a"],
        scores,
        evaluate_cohort(scores_by_unit(cohorts["a"], scores), resampling=Resampling(20)),
    )


def found(made, show_ids=True):
    folder, cohort, scores, result = made
    workspace = Workspace(results=folder)
    return gallery(result, cohort, scores, "poor", workspace, pseudonyms(workspace, show_ids), Names())


def test_errors_are_the_extreme_ones(made):
    _, _, _, result = made
    shown = found(made)
    table = result.scored.units.assign(score=result.scored.scores["poor"])
    threshold = result.operating_points.query("model == 'poor' and recall_target == 0.8")["threshold"].iloc[0]
    wrong = table[(table["label"] == 0) & (table["score"] >= threshold)].sort_values("score", ascending=False)
    assert [case.name for case in shown.false_positives] == wrong["pid"].head(3).tolist()
    missed = table[(table["label"] == 1) & (table["score"] < threshold)].sort_values("score")
    assert [case.name for case in shown.false_negatives] == missed["pid"].head(3).tolist()
    assert [name for name, _ in shown.false_positives[0].scores] == ["good", "middling", "poor"]
    assert shown.false_positives[0].profile[0][0] == "nodule margins"
    assert shown.note.startswith("No images")


def test_the_nodule_shown_has_the_highest_score_of_a_positive_among_its_malignant(made):
    _, _, scores, _ = made
    ensemble = scores[(scores["model"] == "poor") & (scores["fold"] == "ensemble")]
    by_nodule = ensemble.set_index(["pid", "nodule_id"])["score"]
    shown = found(made)
    for case in shown.false_positives:
        own = by_nodule[case.name]
        assert case.nodule == f"nodule {int(own.to_numpy().argmax()) + 1} of {len(own)}"
    for case in shown.false_negatives:
        # In made cohorts the first nodule of a positive is its only malignant one.
        assert case.nodule.startswith("nodule 1 of")


def test_images_come_from_the_crop_store(made):
    folder, cohort, _, _ = made
    store, recipe = folder / "crops" / "a", get_recipe("default")
    prepare_store(store, len(cohort.nodules), recipe, ReadOptions())
    for row in range(len(cohort.nodules)):
        write_crop(store, row, np.full((recipe.size,) * 3, -500, np.int16))
    index = cohort.nodules[["pid", "nodule_id"]].assign(status="cropped", reason="", padded_fraction=0.0)
    index.to_csv(store / "index.csv", index=False)
    shown = found(made)
    assert shown.note == ""
    data = base64.b64decode(shown.false_positives[0].image.removeprefix("data:image/png;base64,"))
    image = np.asarray(Image.open(io.BytesIO(data)))
    # −500 HU in a window of −1000..500 is a third of 255.
    assert image[TILE // 2, TILE // 2] == 85
    for path in (store / "crops.zarr" / "crops").glob("*.0.0.0"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"is damaged.* — run `bench crop --verify`"):
        found(made)
    index.assign(status="failed").to_csv(store / "index.csv", index=False)
    assert found(made).false_positives[0].image == ""


def test_a_store_that_zarr_2_wrote_is_read(made):
    # tests/data/zarr2 was written with zarr 2.18.3 and numcodecs 0.13.1: one crop of 10 x - 1000 HU at index x.
    folder, cohort, _, _ = made
    store, count = folder / "crops" / "a", len(cohort.nodules)
    shutil.copytree(ZARR2, store / "crops.zarr")
    metadata = store / "crops.zarr/crops/.zarray"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | {"shape": [count, 100, 100, 100]}))
    for row in range(1, count):
        shutil.copy(chunk_path(store, 0), chunk_path(store, row))
    index = cohort.nodules[["pid", "nodule_id"]].assign(status="cropped", reason="", padded_fraction=0.0)
    index.to_csv(store / "index.csv", index=False)
    data = base64.b64decode(found(made).false_positives[0].image.removeprefix("data:image/png;base64,"))
    axial = tile(np.asarray(Image.open(io.BytesIO(data))), 0, 0)[0].astype(float)
    # 50 mm in 64 pixels, 10 HU a mm, a window of 1500 HU in 255 steps.
    np.testing.assert_allclose(np.diff(axial).mean(), 50 / 64 * 10 / 1500 * 255, rtol=0.02)
    assert axial[PIXELS // 2] == pytest.approx((10 * 50) / 1500 * 255, abs=1.5)


def test_pseudonyms_are_keyed_and_stable(tmp_path):
    name = pseudonyms(Workspace(results=tmp_path), False)
    first = name("a", "P007")
    assert first == pseudonyms(Workspace(results=tmp_path), False)("a", "P007")
    assert first != name("b", "P007")
    assert first != name("a", "P008")
    assert "007" not in first
    assert stat.S_IMODE(Workspace(results=tmp_path).pseudonym_key.stat().st_mode) == 0o600
    Workspace(results=tmp_path).pseudonym_key.unlink()
    assert pseudonyms(Workspace(results=tmp_path), False)("a", "P007") != first
    assert pseudonyms(Workspace(results=tmp_path), True)("a", "P007") == "P007"


def test_no_key_is_made_when_ids_are_shown(tmp_path):
    assert pseudonyms(Workspace(results=tmp_path), True)("a", "x") == "x"
    assert not Workspace(results=tmp_path).pseudonym_key.exists()


@pytest.mark.parametrize("content", ["not hexadecimal", "00ff", ""])
def test_a_broken_key_is_an_error_that_says_what_to_do(tmp_path, content):
    Workspace(results=tmp_path).pseudonym_key.write_text(content)
    with pytest.raises(InputError, match=r"show-ids|delete"):
        pseudonyms(Workspace(results=tmp_path), False)("a", "x")


def test_pseudonyms_show_no_id(made):
    shown = found(made, show_ids=False)
    assert "P0" not in json.dumps([case.name for case in shown.false_positives])


def test_cases_that_models_disagree_on_are_those_with_the_most_even_split(made):
    folder, cohort, scores, result = made
    workspace = Workspace(results=folder)
    shown = disagreements(result, cohort, scores, "good", workspace, pseudonyms(workspace, True), Names())
    at = result.operating_points.query("recall_target == 0.8").set_index("model")["threshold"]
    calls = {model: result.scored.scores[model].to_numpy() >= at[model] for model in at.index}
    pids = list(result.scored.units["pid"])
    # Three models split 2 : 1 where they split at all.
    split = {pid for k, pid in enumerate(pids) if 0 < sum(calls[model][k] for model in calls) < len(calls)}
    assert split
    positive = dict(zip(pids, result.scored.labels == 1, strict=True))
    for cases, kind in ((shown.false_positives, False), (shown.false_negatives, True)):
        assert len(cases) == min(3, sum(positive[pid] == kind for pid in split))
        for case in cases:
            assert case.name in split
            assert positive[case.name] == kind
            row = pids.index(case.name)
            for model, text in case.scores:
                assert text.endswith("+" if calls[model][row] else "−")


def test_the_scale_bar_of_a_case_is_ten_millimetres():
    from benchmark.imaging.pictures import bar_pixels

    # 50 mm in 64 pixels.
    assert bar_pixels(get_recipe("default"), PIXELS) == pytest.approx(12.8)
