"""Components of masks: as SimpleITK finds them, whatever the mask, and in little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchmark.cohorts import masks
from benchmark.imaging.components import components_of


def by_simple_itk(array: npt.NDArray[np.int16]) -> list[tuple[float, int, tuple[float, ...]]]:
    """Value, voxels and centroid (i, j, k) of each component with 26 neighbours, in SimpleITK's order."""
    image, found = sitk.GetImageFromArray(array), []
    for value in np.unique(array[array != 0]):
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(sitk.ConnectedComponent(sitk.BinaryThreshold(image, float(value), float(value)), True))
        found += [(float(value), shape.GetNumberOfPixels(n), shape.GetCentroid(n)) for n in shape.GetLabels()]
    return found


def same_as_simple_itk(array: npt.NDArray[np.int16], at_a_time: int) -> None:
    parts = [(first, array[first : first + at_a_time]) for first in range(0, len(array), at_a_time)]
    found, expected = components_of(parts), by_simple_itk(array)
    assert [(part.value, part.voxels) for part in found] == [item[:2] for item in expected]
    if expected:
        np.testing.assert_allclose([part.centroid for part in found], [item[2] for item in expected], atol=1e-9)


SHAPES = arrays.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=7)


@settings(max_examples=200, deadline=None)
@given(arrays.arrays(np.int16, SHAPES, elements=st.sampled_from([0, 0, 0, 1, 1, 2, -3])), st.integers(1, 8))
def test_any_mask_has_the_components_that_simple_itk_finds(array: npt.NDArray[np.int16], at_a_time: int) -> None:
    same_as_simple_itk(array, at_a_time)


@pytest.mark.parametrize("density", [0.02, 0.08, 0.1, 0.15, 0.5, 0.97])
def test_large_masks_near_the_density_at_which_all_of_it_is_joined(density: float) -> None:
    random = np.random.default_rng(7)
    array = (random.random((30, 41, 37)) < density).astype(np.int16) * random.integers(
        1, 3, (30, 41, 37), np.int16
    )
    same_as_simple_itk(array, 4)


def test_what_meets_only_around_a_corner_or_an_edge_of_the_scan() -> None:
    array = np.zeros((4, 5, 6), np.int16)
    array[0, 0, 5] = array[0, 1, 0] = 1  # the end of one row, the begin of the next: they do not touch
    array[1, 4, 5] = array[2, 0, 0] = 1  # the same of two slices
    array[2, 3, 3] = array[3, 4, 4] = 1  # a corner: they do
    same_as_simple_itk(array, 2)
    assert len(components_of([(0, array)])) == 5
    assert components_of([(0, array * 0)]) == []
    assert components_of([]) == []


MEASURED = """
import resource, sys, time
from pathlib import Path
from benchmark.cohorts import masks
small = masks.components(Path(sys.argv[1]))  # libraries are loaded
before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
(found,) = masks.components(Path(sys.argv[2]))
print(found["voxels"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.process_time() - begin)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units")
def test_a_mask_as_large_as_its_scan_takes_little_memory(tmp_path: Path) -> None:
    """A ball that fills 1000 slices of 512 x 512 (524 MB as shorts): labelled whole it took 2.2 GB."""
    k, j, i = np.ogrid[-500:500, -256:256, -256:256]
    ball = ((k / 500) ** 2 + (j / 256) ** 2 + (i / 256) ** 2 <= 1).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(ball), str(tmp_path / "large.nii.gz"), True, 1)
    sitk.WriteImage(sitk.GetImageFromArray(ball[480:520:4, ::16, ::16]), str(tmp_path / "small.nii.gz"), True)
    files = [str(tmp_path / "small.nii.gz"), str(tmp_path / "large.nii.gz")]
    done = subprocess.run([sys.executable, "-c", MEASURED, *files], capture_output=True, text=True, check=True)
    voxels, kilobytes, seconds = done.stdout.split()
    assert int(voxels) == int(ball.sum())
    assert int(kilobytes) < 400_000
    assert float(seconds) < 60
    assert len(masks.prepare([tmp_path / "large.nii.gz"]).nodules) == 1  # within the limits of any scan
