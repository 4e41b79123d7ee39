"""A contact sheet of phantoms: one row of example nodules for each class of each semantic feature.

``python -m tests.references.contact_sheet`` writes docs/phantom_features.png.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import map_coordinates

from benchmark.cohorts.phantom.anatomy import build_chest
from benchmark.cohorts.phantom.chest import Chest, Coordinates
from benchmark.cohorts.phantom.features import NoduleFeatures
from benchmark.cohorts.phantom.place import place_nodules
from benchmark.cohorts.phantom.scan import draw_nodule
from benchmark.cohorts.phantom.scanner import acquire

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "phantom_features.png"
GREYS = 56
"""Greys of the picture; few, so that it stays small."""

PLAIN = NoduleFeatures(14.0, ("Smooth",), False, "Round", "Solid", "Absent", frozenset())
"""A nodule without any feature; each row of the sheet adds one."""

ROWS: tuple[tuple[str, NoduleFeatures], ...] = (
    ("smooth, round, solid", PLAIN),
    ("lobulated", replace(PLAIN, margins=("Lobulated",))),
    ("spiculated", replace(PLAIN, margins=("Spiculated/Serrated",))),
    ("ill-defined", replace(PLAIN, margins=("Ill-defined",))),
    ("notched", replace(PLAIN, margins=("Smooth", "Notched"))),
    ("poorly marginated", replace(PLAIN, margins=("Ill-defined",), poorly_marginated=True)),
    ("ovoid", replace(PLAIN, shape="Ovoid")),
    ("polygonal", replace(PLAIN, shape="Polygonal")),
    ("irregular", replace(PLAIN, shape="Complex/Irregular")),
    ("pure ground glass", replace(PLAIN, consistency="Pure ground glass")),
    ("semiconsolidation", replace(PLAIN, consistency="Semiconsolidation")),
    ("part-solid", replace(PLAIN, consistency="Part-solid")),
    ("peri-cystic", replace(PLAIN, consistency="Peri-cystic")),
    *(
        (label, replace(PLAIN, present=frozenset({column})))
        for label, column in (
            ("reticulation", "nodule_reticulation"),
            ("cyst-like spaces", "cyst-like_spaces"),
            ("bronchiectasis", "intra-nodular_bronchiectasis"),
            ("necrosis", "necrosis"),
            ("cavitation", "cavitation"),
            ("eccentric calcification", "eccentric_calcification"),
            ("airway cut-off", "airway_cut-off"),
            ("pleural attachment", "pleural_attachment"),
        )
    ),
    ("retraction: mild", replace(PLAIN, retraction="Mild dimpling")),
    ("retraction: obvious", replace(PLAIN, retraction="Obvious dimpling")),
    (
        "attached, obvious retr.",
        replace(PLAIN, retraction="Obvious dimpling", present=frozenset({"pleural_attachment"})),
    ),
    *(
        (label, replace(PLAIN, present=frozenset({column})))
        for label, column in (
            ("vascular convergence", "vascular_convergence"),
            ("septal stretching", "septal_stretching"),
            ("paracicatricial emphysema", "paracicatricial_emphysema"),
        )
    ),
)


def contact_sheet(path: Path | str, examples: int = 4, seed: int = 0, tile: int = 80, noise: float = 8.0) -> None:
    """Write a PNG with axial 50 mm planes of example nodules, two feature classes a line.

    Args:
        path: PNG to write.
        examples: Nodules a feature class.
        seed: Seed of everything drawn.
        tile: Pixels of a plane's edge.
        noise: Standard deviation of the noise in HU.
    """
    label = 128
    columns, lines = 3, -(-len(ROWS) // 3)
    sheet = Image.new("L", (columns * (label + examples * tile), lines * tile), 0)
    draw = ImageDraw.Draw(sheet)
    for index, (name, features) in enumerate(ROWS):
        left, top = (index // lines) * (label + examples * tile), (index % lines) * tile
        for number, word in enumerate(name.split(" ", 2)):
            draw.text((left + 6, top + tile // 2 - 18 + 12 * number), word, fill=255)
        for number in range(examples):
            rng = np.random.default_rng([seed, index, number])
            sized = replace(features, diameter=float(rng.uniform(10, 22)))
            plane = _example(sized, rng, tile, noise)
            sheet.paste(Image.fromarray(plane), (left + label + number * tile, top))
    sheet.quantize(GREYS).save(path, optimize=True)


def _example(features: NoduleFeatures, rng: np.random.Generator, tile: int, noise: float) -> npt.NDArray[np.uint8]:
    spacing = np.array([1.25, 0.9, 0.9])
    chest = build_chest(np.array([110.0, 172.0, 172.0]), spacing, rng, contrast=False)
    centre = place_nodules(chest, [features], rng, np.array([45.0, 28.0, 28.0]))[0]
    draw_nodule(chest, features, centre, rng)
    return _plane(chest, acquire(chest.hu, spacing, noise, 0.5, rng), centre, tile)


def _plane(chest: Chest, volume: npt.NDArray[np.int16], centre: Coordinates, tile: int) -> npt.NDArray[np.uint8]:
    """The axial 50 mm plane through ``centre``, window -1000 to 500 HU."""
    steps = (np.arange(tile) + 0.5) / tile * 50 - 25
    y, x = np.meshgrid(centre[1] + steps, centre[2] + steps, indexing="ij")
    places = np.stack([np.full_like(y, centre[0]), y, x]) / chest.spacing[:, None, None]
    hu = map_coordinates(volume.astype(np.float32), places, order=1, mode="nearest")
    grey: npt.NDArray[np.uint8] = (np.clip((hu + 1000) / 1500, 0, 1) * 255).astype(np.uint8)
    return grey


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURE)
    contact_sheet(parser.parse_args().out)


if __name__ == "__main__":
    main()
