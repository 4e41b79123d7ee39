"""Whether a scan is in HU: what is refused, what must not be, and that no part that was read decides it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from benchmark.imaging.scans.hu import HuEvidence, array_fault, settle

Array = NDArray[Any]


def chest(shape: tuple[int, int, int] = (12, 96, 96), seed: int = 0, noise: float = 30.0) -> Array:
    """A body of soft tissue and fat with two lungs, vessels, a spine and air around it, in HU."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]  # type: ignore[misc]
    plane = np.full(shape[1:], -1000.0)
    plane[(x / 0.9) ** 2 + (y / 0.7) ** 2 < 1] = -90
    plane[(x / 0.82) ** 2 + (y / 0.62) ** 2 < 1] = 45
    for side in (-0.4, 0.4):
        plane[((x - side) / 0.3) ** 2 + (y / 0.48) ** 2 < 1] = -850
    plane[(x / 0.1) ** 2 + ((y - 0.5) / 0.1) ** 2 < 1] = 900
    made = np.repeat(plane[None], shape[0], axis=0)
    vessels = (gaussian_filter(rng.normal(size=shape), 1.5) > 0.28) & (made == -850)
    made[vessels] = 40
    return np.rint(gaussian_filter(made, (0, 0.6, 0.6)) + noise * rng.normal(size=shape))


def outside(shape: tuple[int, ...]) -> Array:
    """Where a slice lies outside the round field of view."""
    y, x = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]  # type: ignore[misc]
    return np.broadcast_to(x**2 + y**2 > 1, shape)


def padded(value: float) -> Callable[[Array], Array]:
    return lambda hu: np.where(outside(hu.shape), value, hu)


TRUE: dict[str, Callable[[Array], Array]] = {
    "as it is": lambda hu: hu,
    "padded -1024": padded(-1024),
    "padded -2000": padded(-2000),
    "padded -3024": padded(-3024),
    "padded -2048 and resampled": lambda hu: np.rint(zoom(padded(-2048)(hu), (1, 0.6, 0.6), order=1)),
    "clipped at -1000": lambda hu: hu.clip(-1000, None),
    "clipped at -1024": lambda hu: hu.clip(-1024, 3071),
    "lung window": lambda hu: hu.clip(-1350, 150),
    "contrast": lambda hu: np.where(hu > 20, hu + 250, hu),
    "a small field of view in the lung": lambda hu: hu[:, 30:66, 14:40],
    "a smaller one without a vessel": lambda hu: np.minimum(hu[:, 40:56, 20:36], -700),
    "lungs alone, nothing else": lambda hu: np.where(hu < -950, 0, np.minimum(hu, 0)),
    "the body alone": lambda hu: np.where(gaussian_filter(hu, 2) < -900, -1000, hu),
    "a drawing of two values": lambda hu: np.where(hu > -500, 50.0, -1000.0),
    "floats": lambda hu: (hu + 0.25).astype(np.float32),
}

WRONG: dict[str, Callable[[Array], Array]] = {
    "z-scores": lambda hu: (hu - hu.mean()) / hu.std(),
    "z-scores of whole numbers": lambda hu: np.rint(100 * (hu - hu.mean()) / hu.std()),
    "soft-tissue window": lambda hu: hu.clip(-160, 240),
    "mediastinal window with -1000 outside": lambda hu: padded(-1000)(hu.clip(-125, 275)),
    "bone window": lambda hu: hu.clip(-450, 1050),
    "0..1000": lambda hu: (hu.clip(-1000, 400) + 1000) / 1.4,
    "0..1000 with some noise below": lambda hu: hu + 1000 - 5,
    "-1..1": lambda hu: (hu.clip(-1000, 400) + 300) / 700,
    "0..255": lambda hu: (hu.clip(-1000, 400) + 1000) * 255 / 1400,
    "+1024, -2000 outside": lambda hu: padded(-2000)(hu + 1024),
    "+1024, -2000 outside, resampled": lambda hu: zoom(padded(-2000)(hu + 1024), (1, 0.6, 0.6), order=1),
    "+1024, -1024 outside": lambda hu: padded(-1024)(hu + 1024),
    "intercept subtracted twice": lambda hu: hu - 1024,
    "a tenth": lambda hu: hu / 10,
    "a thousandth": lambda hu: hu / 1000,
    "constant": lambda hu: np.full_like(hu, -1000),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", TRUE)
def test_scans_in_hu_are_accepted(name: str, seed: int) -> None:
    assert array_fault(TRUE[name](chest(seed=seed))) == ""


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", WRONG)
def test_scans_that_are_not_in_hu_are_refused(name: str, seed: int) -> None:
    hu = chest(seed=seed)
    assert array_fault(hu) == ""  # what was changed is what is refused
    fault = array_fault(WRONG[name](hu))
    assert "is not CT HU" in fault


def test_the_share_and_the_range_are_said() -> None:
    hu = np.full((10, 50, 50), 40, np.int16)
    hu[:, :, 0] = np.arange(-90, 410, 1).reshape(10, 50)
    hu[0, :5, 1] = -700  # 5 of 25,000 voxels are 0.02 %
    assert array_fault(hu) == (
        "intensity range -700..409 is not CT HU: 0.02 % of its voxels lie near air or lung (-1100..-600 HU)"
    )


@pytest.mark.parametrize(("near", "refused"), [(24, True), (25, False)])
def test_one_per_cent_is_enough(near: int, refused: bool) -> None:
    hu = np.resize(np.arange(-50, 50, dtype=np.int16), (1, 50, 50))  # 2,500 voxels
    hu[0].flat[:near] = np.arange(-900, -900 + near)
    assert bool(array_fault(hu)) is refused


def test_slope_and_intercept_count() -> None:
    stored = (chest() + 1024).clip(0).astype(np.uint16)
    assert array_fault(stored)
    assert array_fault(stored, 1.0, -1024.0) == ""
    assert array_fault(stored, -1.0, 1024.0)


def test_eight_bits_hold_no_hu() -> None:
    assert array_fault(chest().clip(0, 255).astype(np.uint8)).startswith("8-bit intensity range 0..255")


def test_values_that_are_not_finite_are_no_evidence() -> None:
    hu = chest().astype(np.float32)
    hu[:, ::2] = np.nan
    assert array_fault(hu) == ""
    assert array_fault(np.full((3, 4, 5), np.nan)) == "holds no finite value"


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([*TRUE, *WRONG]),
    parts=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=4),
    size=st.integers(1, 5),
)
def test_the_answer_is_the_same_whatever_was_read_before(
    name: str, parts: list[tuple[int, int]], size: int
) -> None:
    hu = (TRUE | WRONG)[name](chest())
    evidence = HuEvidence((hu.shape[2], hu.shape[1], hu.shape[0]), hu.dtype)
    for ends in parts:
        first, last = min(ends), max(ends)
        evidence.add(first, hu[first : last + 1])
    read: list[int] = []

    def chunks(first: int, last: int) -> Any:
        for k in range(first, last + 1, size):
            read.extend(range(k, min(k + size, last + 1)))
            yield k, hu[k : min(k + size, last + 1)]

    assert bool(settle(evidence, chunks)) is (name in WRONG)
    assert len(read) == len(set(read))


def test_a_few_slices_of_a_chest_suffice() -> None:
    hu = chest((100, 96, 96))
    evidence = HuEvidence((96, 96, 100), hu.dtype)
    evidence.add(40, hu[40:60])
    assert evidence.accepted
    assert settle(evidence, lambda first, last: pytest.fail("reads more")) == ""  # type: ignore[arg-type]
