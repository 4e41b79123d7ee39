"""Headers of many scans below one folder: the slices are those that a crop would use."""

import numpy as np
import pytest

from benchmark.errors import InputError
from benchmark.formats.dicom import has_dicom
from benchmark.imaging.scans.dicom_tree import read_tree
from benchmark.imaging.volume import open_scan

from .scan_files import OBLIQUE, image, save_document, save_series


def test_each_series_has_the_slices_that_a_crop_uses(tmp_path):
    made = image(direction=OBLIQUE)
    save_series(made, tmp_path / "p1" / "a", lambda k: {"0010|0020": "P1"}, uid="1.2.1")
    # slice 3 of the second series is a scout; it has no place among the slices
    localizer = "ORIGINAL\\PRIMARY\\LOCALIZER"
    save_series(made, tmp_path / "p2", lambda k: {"0008|0008": localizer} if k == 0 else {}, uid="1.2.2")
    save_series(made, tmp_path / "p3", lambda _: {"0008|0060": "MR"}, uid="1.2.3", keep=lambda k: k < 2)
    (tmp_path / "p2" / "notes.txt").write_text("no image")
    save_document(tmp_path / "p2" / "report.dcm", "SR")
    tree = read_tree(tmp_path)
    assert list(tree.series) == ["1.2.1", "1.2.2"]
    assert tree.ignored == 1 + 2 + 1 + 1
    assert not tree.problems
    assert tree.of_patient("p1") == ["1.2.1"]
    assert tree.of_patient("P2") == ["1.2.2"]
    assert [tree.path(uid) for uid in tree.series] == ["p1/a", "p2"]
    for uid, folder in (("1.2.1", "p1"), ("1.2.2", "p2")):
        scan, slices = open_scan(tmp_path / folder), tree.series[uid]
        assert len(slices) == scan.grid.size[2]
        for k in (0, len(slices) - 1):
            assert slices[k].point(5, 7) == pytest.approx(scan.grid.to_mm((5, 7, k)), abs=1e-4)
    # SimpleITK's own geometry
    last = tree.series["1.2.1"][-1].point(27, 23)
    assert last == pytest.approx(np.array(made.TransformIndexToPhysicalPoint((27, 23, 19))), abs=1e-4)


def test_slices_that_no_crop_can_be_made_from_are_left_out_and_said(tmp_path):
    save_series(image(), tmp_path, lambda k: {"0008|0016": "1.2.840.10008.5.1.4.1.1.7"} if k == 4 else {})
    tree = read_tree(tmp_path)
    assert len(tree.series["1.2.826.0.1.3680043.2.1125.7.1"]) == 19
    assert len(tree.remarks) == 1
    assert "004.dcm" in tree.remarks[0]
    assert "secondary capture" in tree.remarks[0]
    with pytest.raises(InputError, match="secondary capture"):
        open_scan(tmp_path)


def test_a_folder_without_slices_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("no image")
    assert not has_dicom(tmp_path)
    with pytest.raises(InputError, match="none of 1 files is a CT slice"):
        read_tree(tmp_path)
