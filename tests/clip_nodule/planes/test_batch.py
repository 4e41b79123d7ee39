import numpy as np
import pytest
import torch

from benchmark.errors import InputError
from benchmark.imaging.planes import nine_planes
from clip_nodule.planes.batch import CLIP_MEAN, CLIP_STD, planes_batch
from tests.imaging.test_planes import random_crop


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
@pytest.mark.parametrize("size", [224, 48])
def test_the_batch_is_the_same(recipe, size):
    crops = np.stack([random_crop(seed) for seed in range(3)])
    expected = np.stack([nine_planes(crop, recipe, size=size) for crop in crops])
    planes = planes_batch(torch.from_numpy(crops), recipe, size, normalize=False)
    assert planes.shape == (3, 9, 3, size, size)
    for channel in range(3):
        assert np.abs(planes[:, :, channel].numpy() - expected).max() < 2e-6
    normalised = planes_batch(torch.from_numpy(crops), recipe, size).numpy()
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    assert np.abs(normalised - (expected[:, :, None] - mean) / std).max() < 1e-5
    grey = planes_batch(torch.from_numpy(crops), recipe, size, normalize=False, channels=1)
    assert grey.shape == (3, 9, size, size)
    assert np.abs(grey.numpy() - expected).max() < 2e-6


def test_the_batch_does_not_depend_on_its_size():
    crops = torch.from_numpy(np.stack([random_crop(seed) for seed in range(10)]))
    together = planes_batch(crops, "zhuang2025", 40)
    alone = torch.cat([planes_batch(crop[None], "zhuang2025", 40) for crop in crops])
    assert (together - alone).abs().max() < 1e-5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_the_gpu_gives_the_same(recipe):
    crops = torch.from_numpy(np.stack([random_crop(seed) for seed in range(3)]))
    assert (planes_batch(crops.cuda(), recipe).cpu() - planes_batch(crops, recipe)).abs().max() < 1e-3


def test_other_sizes_are_refused():
    with pytest.raises(InputError, match="64 x 64 x 64"):
        planes_batch(torch.zeros(2, 64, 64, 64))
