"""``--coords voxel``: centres given as indices of voxels, in millimetres by the headers of the scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts import csv
from benchmark.contracts.nodules import COORDINATES
from benchmark.errors import InputError
from tests.cohorts.test_own_tables import said, write
from tests.imaging.scan_files import OBLIQUE, image, save, save_series


class TestVoxels:
    HEADER = "pid,nodule_id,image_path,coordX,coordY,coordZ"

    @pytest.mark.parametrize("kind", ["a.nii.gz", "a.mha", "series"])
    def test_they_become_mm_as_simpleitk_says(self, kind: str, tmp_path: Path) -> None:
        scan = image(direction=OBLIQUE)
        if kind == "series":
            save_series(scan, tmp_path / kind)
        else:
            save(scan, tmp_path / kind)
        index = (3.5, 10.0, 7.25)
        file = write(
            tmp_path / "t.csv", self.HEADER, f"a,1,{kind},3.5,10,7.25", f"b,1,{kind},,,", f"c,1,{kind},0,0,0"
        )
        prepared = csv.prepare([file], coords="voxel")
        places = prepared.nodules[list(COORDINATES)].to_numpy()
        expected = sitk.Image.TransformContinuousIndexToPhysicalPoint(scan, index)
        np.testing.assert_allclose(places[0], expected, atol=1e-3)
        assert np.isnan(places[1]).all()
        np.testing.assert_allclose(places[2], scan.GetOrigin(), atol=1e-3)
        assert prepared.fields["frame"] == "LPS"
        assert "coordinates: indices i, j, k (column, row, slice, from 0) turned into mm in LPS by 1" in said(
            prepared
        )

    def test_a_scan_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", self.HEADER, "a,1,no.nii.gz,1,2,3", "b,1,,1,2,3", "c,1,,,,")
        with pytest.raises(InputError, match="names no scan, and voxel indices need one") as caught:
            csv.prepare([file], coords="voxel")
        assert [p.row for p in caught.value.problems] == [3]
        with pytest.raises(
            InputError, match=r"t\.csv:2:image_path 'no\.nii\.gz' — its voxel indices need this scan"
        ):
            csv.prepare([write(tmp_path / "t.csv", self.HEADER, "a,1,no.nii.gz,1,2,3")], coords="voxel")
        with pytest.raises(InputError, match="leads out of the image root"):
            csv.prepare([write(tmp_path / "t.csv", self.HEADER, "a,1,../x.nii.gz,1,2,3")], coords="voxel")

    def test_an_index_outside_of_the_scan_is_refused(self, tmp_path: Path) -> None:
        save(image(), tmp_path / "a.nii.gz")  # 28 x 24 x 20 voxels along i, j, k
        rows = [f"{n},1,a.nii.gz,{index}" for n, index in enumerate(("27,23,19", "19,23,27", "0,-5,0", "0,0,0"))]
        with pytest.raises(InputError, match=r"outside of a\.nii\.gz, a scan of 28 x 24 x 20 voxels") as caught:
            csv.prepare([write(tmp_path / "t.csv", self.HEADER, *rows)], coords="voxel")
        assert [p.row for p in caught.value.problems] == [3, 4]
        assert "(19, 23, 27) are in another order, or mm?" in str(caught.value)

    def test_boxes_of_a_detector_are_in_mm(self, tmp_path: Path) -> None:
        words = [
            "cohort",
            "prepare",
            "detections",
            "--from",
            "x.json",
            "--coords",
            "voxel",
            "--out",
            str(tmp_path / "x"),
        ]
        done = CliRunner().invoke(app, words)
        assert (done.exit_code, "'voxel' — is no frame of boxes" in done.output) == (2, True)
