import struct
import zlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from benchmark.cohorts.phantom.anatomy import build_chest
from benchmark.cohorts.phantom.nodule import make_body
from benchmark.cohorts.phantom.place import place_nodules, wanted_depth
from benchmark.cohorts.phantom.scan import draw_nodule
from benchmark.cohorts.phantom.scanner import acquire, draw_placement, store, write_nifti
from benchmark.cohorts.phantom.surface import axial_diameters
from tests.references.contact_sheet import PLAIN, ROWS

SPACING = np.array([1.5, 1.0, 1.0])
BIG = replace(PLAIN, diameter=18.0)


def small_chest(seed=0):
    return build_chest(
        np.array([90.0, 172.0, 172.0]), SPACING, np.random.default_rng(seed), contrast=False, vessels=False
    )


def drawn(features, seed=0):
    """HU around a nodule, distance in mm from its centre, depth, and the same place without the nodule."""
    chest = small_chest(seed)
    rng = np.random.default_rng(seed)
    centre = place_nodules(chest, [features], rng, np.array([35.0, 28.0, 28.0]))[0]
    before = chest.hu.copy()
    draw_nodule(chest, features, centre, np.random.default_rng([seed, 1]))
    z, y, x = chest.axes()
    distance = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
    return chest, centre, distance, before


@pytest.mark.parametrize("seed", range(24))
def test_stored_voxels_lie_where_the_placement_says(tmp_path, seed):
    # A marked voxel is looked up by SimpleITK's own reading of the file and its own transform.
    rng = np.random.default_rng(seed)
    volume = np.zeros((7, 8, 9), np.int16)
    spot = tuple(int(rng.integers(n)) for n in volume.shape)
    volume[spot] = 1000 + seed
    spacing = np.array([2.5, 0.9, 1.1])
    placement = draw_placement(rng)
    write_nifti(tmp_path / "a.nii.gz", *store(volume, spacing, placement))
    image = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    world = placement.world(np.array(spot) * spacing)
    assert image[image.TransformPhysicalPointToIndex(world.tolist())] == 1000 + seed
    assert image.TransformPhysicalPointToContinuousIndex(world.tolist()) == pytest.approx(
        image.TransformPhysicalPointToIndex(world.tolist()), abs=1e-3
    )


@pytest.mark.parametrize("seed", range(8))
def test_qform_and_sform_agree(tmp_path, seed):
    placement = draw_placement(np.random.default_rng(seed))
    spacing = np.array([2.0, 0.7, 0.8])
    write_nifti(tmp_path / "a.nii.gz", *store(np.zeros((4, 5, 6), np.int16), spacing, placement))
    header = zlib.decompress((tmp_path / "a.nii.gz").read_bytes(), 31)[:352]
    # Offsets of the NIfTI-1 header: pixdim 76, codes 252, quaternion 256, offsets 268, sform rows 280.
    pixdim = struct.unpack_from("<8f", header, 76)
    assert struct.unpack_from("<2h", header, 252) == (1, 1)
    b, c, d, *offset = struct.unpack_from("<6f", header, 256)
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    qform = rotation @ np.diag([pixdim[1], pixdim[2], pixdim[0] * pixdim[3]])
    sform = np.array(struct.unpack_from("<12f", header, 280)).reshape(3, 4)
    np.testing.assert_allclose(qform, sform[:, :3], atol=1e-5)
    np.testing.assert_allclose(offset, sform[:, 3], atol=1e-4)


def test_orientations_vary():
    seen = {
        (p.flips, p.order, bool(np.abs(p.tilt - np.eye(3)).max() > 1e-6))
        for p in (draw_placement(np.random.default_rng(seed)) for seed in range(200))
    }
    assert len({flips for flips, _, _ in seen}) == 8
    assert len({order for _, order, _ in seen}) == 3
    assert len({tilted for _, _, tilted in seen}) == 2


def test_noise_has_the_strength_asked_for():
    rng = np.random.default_rng(0)
    for noise in (10.0, 40.0):
        volume = acquire(np.full((40, 60, 60), -850, np.float32), SPACING, noise, 0.6, rng)
        assert volume[2:-2, 2:-2, 2:-2].std() == pytest.approx(noise, rel=0.05)
        assert volume.mean() == pytest.approx(-850, abs=1)


def test_lung_wall_and_vessels_are_there():
    plain = small_chest(1)
    full = build_chest(np.array([90.0, 172.0, 172.0]), SPACING, np.random.default_rng(1), contrast=True)
    assert -900 < np.median(plain.hu[plain.depth > 5]) < -800
    assert np.median(plain.hu[(plain.depth < -4) & (plain.depth > -10)]) > -20
    deep = full.depth > 6
    assert 0.005 < (full.hu[deep] > -300).mean() < 0.2
    assert full.hu[deep].max() > 140
    assert (full.hu[deep] < -940).any()


@pytest.mark.parametrize("shape", ["Round", "Ovoid", "Polygonal", "Complex/Irregular"])
@pytest.mark.parametrize("diameter", [6.0, 25.0])
def test_longest_axial_diameter_is_the_one_asked_for(shape, diameter):
    features = replace(PLAIN, shape=shape, diameter=diameter, margins=("Lobulated",))
    chest = small_chest()
    centre = place_nodules(chest, [features], np.random.default_rng(0), np.array([35.0, 28.0, 28.0]))[0]
    body = make_body(chest, features, centre, np.random.default_rng(5))
    longest, short = axial_diameters(body.radius)
    assert longest == pytest.approx(diameter)
    assert short <= longest
    # Counted in the voxels of the slice through the centre: extent over all directions, to a voxel or so.
    middle = body.outside.shape[0] // 2
    nearest = int(np.argmin(np.abs(body.offset[:, 0, 0, 0])))
    places = body.offset[nearest][body.outside[nearest] < 0][:, 1:]
    turns = np.linspace(0, np.pi, 36, endpoint=False)
    widths = np.ptp(places @ np.stack([np.cos(turns), np.sin(turns)]), axis=0)
    assert widths.max() == pytest.approx(diameter, abs=2.2)
    assert abs(nearest - middle) <= 1


def test_volume_of_a_round_nodule():
    chest, _, distance, before = drawn(BIG)
    changed = (chest.hu > -400) & (before < -400) & (distance < 15)
    volume = changed.sum() * SPACING.prod()
    # Axes between 0.93 and 1 of the diameter: between 0.80 and 1 of the sphere, give or take an edge voxel.
    assert 0.72 < volume / (np.pi / 6 * 18**3) < 1.08


def test_depth_follows_pleural_attachment():
    rng = np.random.default_rng(0)
    attached = replace(BIG, present=frozenset({"pleural_attachment"}))
    for _ in range(20):
        assert wanted_depth(attached, rng) < BIG.radius < wanted_depth(BIG, rng) - 4


@lru_cache
def measured(features, seed):
    chest, _, distance, _ = drawn(features, seed)
    # As a scanner would show it; no noise, so that differences are the feature's alone.
    hu = ndimage.gaussian_filter(chest.hu, 0.5 / SPACING)
    inside, shell = distance < 0.85 * BIG.radius, (distance > BIG.radius + 1.5) & (distance < BIG.radius + 8)
    lung = chest.depth > 3
    return {
        "inside mean": hu[inside].mean(),
        "inside max": hu[inside].max(),
        "inside min": hu[inside].min(),
        "inside spread": hu[inside].std(),
        "centre": hu[distance < 3].mean(),
        "shell dense": (hu[shell & lung] > -600).mean(),
        "far dense": (hu[(distance > BIG.radius + 5) & (distance < BIG.radius + 10) & lung] > -550).mean(),
        "shell grey": (hu[shell & lung] > -760).mean(),
        "shell black": (hu[shell & lung] < -930).mean(),
        "edge": (hu[(distance > BIG.radius - 2.5) & (distance < BIG.radius + 6)] > -700).mean(),
        "wall": (chest.hu[(chest.depth > 0.8) & (chest.depth < 3) & (distance < 25)] > -300).mean(),
    }


CHANGES = {
    "spiculated": ("shell dense", 0.02),
    "ill-defined": ("edge", 0.05),
    "lobulated": ("inside min", -300),
    "notched": ("inside min", -300),
    "pure ground glass": ("inside mean", -350),
    "semiconsolidation": ("inside spread", 60),
    "part-solid": ("inside mean", -150),
    "peri-cystic": ("centre", -400),
    "reticulation": ("inside spread", 8),
    "cyst-like spaces": ("inside min", -500),
    "bronchiectasis": ("inside min", -500),
    "necrosis": ("centre", -30),
    "cavitation": ("centre", -600),
    "eccentric calcification": ("inside max", 300),
    "airway cut-off": ("shell black", 0.0002),
    "retraction: mild": ("wall", 0.002),
    "retraction: obvious": ("wall", 0.01),
    "vascular convergence": ("shell dense", 0.02),
    "septal stretching": ("shell grey", 0.04),
    "paracicatricial emphysema": ("shell black", 0.05),
}


@pytest.mark.parametrize("row", list(CHANGES))
def test_a_feature_shows_in_the_voxels(row):
    features = replace(dict(ROWS)[row], diameter=18.0)
    name, least = CHANGES[row]
    # The same seeds with and without the feature: the median over three places.
    difference = np.median([measured(features, s)[name] - measured(BIG, s)[name] for s in range(3)])
    assert difference * np.sign(least) > abs(least), difference


HAZY = {
    "ill-defined": replace(BIG, margins=("Ill-defined",)),
    "ill-defined, poorly marginated": replace(BIG, margins=("Ill-defined",), poorly_marginated=True),
    "ground glass": replace(BIG, consistency="Pure ground glass"),
    "semiconsolidation": replace(BIG, consistency="Semiconsolidation"),
}


@pytest.mark.parametrize("name", list(HAZY))
def test_spicules_show_beyond_haze(name):
    without = HAZY[name]
    features = replace(without, margins=(*without.margins, "Spiculated/Serrated"))
    key = "far dense" if "ill" in name else "shell dense"
    difference = np.median([measured(features, s)[key] - measured(without, s)[key] for s in range(3)])
    assert difference > 0.015, difference


def open_share(features, seed):
    """Share of the voxels between half and nine tenths of the radius that a scanner would show nearer to lung."""
    chest, _, distance, _ = drawn(features, seed)
    hu = ndimage.gaussian_filter(chest.hu, 0.5 / SPACING)
    shell = (distance > 0.5 * features.radius) & (distance < 0.9 * features.radius)
    return (hu[shell] < -450).mean()


LOBED = {
    "9 mm": replace(PLAIN, diameter=9.0),
    "ill-defined": replace(PLAIN, diameter=12.0, margins=("Ill-defined",)),
    "spiculated": replace(PLAIN, diameter=12.0, margins=("Spiculated/Serrated",)),
}


@pytest.mark.parametrize("name", list(LOBED))
def test_clefts_between_lobes_stay_open(name):
    without = LOBED[name]
    features = replace(without, margins=(*without.margins, "Lobulated"))
    difference = np.median([open_share(features, s) - open_share(without, s) for s in range(5)])
    assert difference > 0.25, difference


def test_only_a_smooth_edge_follows_the_surface():
    def off(margins):
        chest = small_chest()
        features = replace(BIG, margins=margins)
        centre = place_nodules(chest, [features], np.random.default_rng(0), np.array([35.0, 28.0, 28.0]))[0]
        body = make_body(chest, features, centre, np.random.default_rng(1))
        under = (body.outside < -0.2) & (body.outside > -1.0)
        return (body.weight[under] < 0.5).mean()

    assert off(("Smooth", "Spiculated/Serrated")) == 0
    assert off(("Spiculated/Serrated",)) > 0.1
