import numpy as np
import pytest

from benchmark.imaging.pictures import grey_planes
from benchmark.imaging.plane_maps import PLANES
from benchmark.imaging.planes import nine_planes


def along(axis):
    """10 HU a mm along an axis of ``(z, y, x)``, -250 HU in the middle."""
    shape = [1, 1, 1]
    shape[axis] = 100
    steps = ((np.arange(100) - 50) * 10 - 250).reshape(shape)
    return np.broadcast_to(steps, (100, 100, 100)).astype(np.int16)


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_grey_is_the_recipes_window_in_255_steps(recipe):
    crop = np.random.default_rng(0).integers(-1500, 900, (100, 100, 100)).astype(np.int16)
    grey = grey_planes(crop, recipe, 40)
    assert grey.dtype == np.uint8
    assert np.abs(grey / 255 - nine_planes(crop, recipe, size=40).clip(0, 1)).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_no_plane_grows_brighter_downwards_where_the_head_is_bright(recipe):
    as_seen, head_up = (grey_planes(along(0), recipe, 40, head_up=up).astype(int) for up in (False, True))
    for k in range(9):
        down = head_up[k][-1].mean() - head_up[k][0].mean()
        assert down <= 2
        assert {tuple(row) for row in head_up[k]} == {tuple(row) for row in as_seen[k]}
    # the head is at the top of the coronal and sagittal planes and of most diagonal ones
    assert sum(head_up[k][0].mean() - head_up[k][-1].mean() > 50 for k in range(9)) == 7


@pytest.mark.parametrize("axis", [1, 2])
def test_the_axial_plane_stays_as_it_is(axis):
    # back at the bottom, left at the right, as a slice is read from a file
    grey = grey_planes(along(axis), "default", 40, head_up=True)[0].astype(int)
    assert (np.diff(grey, axis=axis - 1) >= 0).all()
    assert PLANES[0].tilt == 0
