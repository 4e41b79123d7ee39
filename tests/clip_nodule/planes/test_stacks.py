"""On a GPU planes are made in stacks, with few kernels, and are those of a processor."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark.imaging.recipe import RECIPES
from clip_nodule.planes import batch
from clip_nodule.planes.batch import planes_batch
from tests.clip_nodule.pretended_gpu import pretended_gpu
from tests.imaging.test_planes import random_crop

CROPS = torch.from_numpy(np.stack([random_crop(seed) for seed in range(5)]))


class Counted(TorchDispatchMode):
    """Counts what is launched: operations that are no views and no bare allocation."""

    QUIET = ("empty", "empty_like", "empty_strided", "new_empty", "detach", "_local_scalar_dense")

    def __init__(self) -> None:
        super().__init__()
        self.kernels: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name.partition("::")[2]
        result = function(*args, **(kwargs or {}))
        views = any(a.alias_info is not None and not a.alias_info.is_write for a in function._schema.arguments)
        if not views and name not in self.QUIET:
            self.kernels[name] += 1
        return result


@pytest.fixture(autouse=True)
def fresh_caches():
    yield
    batch._device_maps.cache_clear()


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("size", [224, 48])
@pytest.mark.parametrize(("normalize", "channels"), [(True, 3), (False, 3), (True, 1), (False, 1)])
def test_stacked_planes_are_those_made_one_by_one(name: str, size: int, normalize: bool, channels: int) -> None:
    options = {"normalize": normalize, "channels": channels}
    expected = planes_batch(CROPS, name, size, **options)
    with pretended_gpu():
        found = planes_batch(CROPS.to("cuda"), name, size, **options)
        assert found.device.type == "cuda"
        found = found.cpu()
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_planes_in_half_the_bytes_are_the_others_rounded_once(dtype: torch.dtype) -> None:
    with pretended_gpu():
        crops = CROPS.to("cuda")
        whole, half = planes_batch(crops, "default", 48), planes_batch(crops, "default", 48, dtype=dtype)
        assert half.dtype == dtype
        assert torch.equal(half.cpu(), whole.to(dtype).cpu())


@pytest.mark.parametrize(("name", "most"), [("default", 27), ("zhuang2025", 29)])
def test_a_batch_takes_few_kernels(name: str, most: int) -> None:
    with pretended_gpu():
        crops = CROPS.to("cuda")
        planes_batch(crops, name, 48)
        with Counted() as counted:
            planes_batch(crops, name, 48)
    # A kind takes 6 (sample numbers, voxels, float, clamp, two products), 7 with a zoom; writing a plane takes 1.
    assert counted.kernels.total() <= most, counted.kernels
    assert not counted.kernels.keys() & {"copy_", "clone"}
    assert counted.kernels["_to_copy"] == 3


on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.mark.gpu
@on_a_gpu
@pytest.mark.parametrize("name", RECIPES)
def test_a_real_gpu_makes_the_same_planes_and_rounds_them_once(name: str) -> None:
    crops = CROPS.cuda()
    whole, half = planes_batch(crops, name), planes_batch(crops, name, dtype=torch.bfloat16)
    torch.testing.assert_close(whole.cpu(), planes_batch(CROPS, name), atol=1e-4, rtol=0)
    assert torch.equal(half, whole.bfloat16())
