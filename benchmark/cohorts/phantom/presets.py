"""What the phantom cohorts look like: size, prevalence, scanner and nodules of the paper's cohorts."""

from __future__ import annotations

from dataclasses import dataclass, field

Range = tuple[float, float]


@dataclass(frozen=True)
class Scanner:
    """How the scans of a cohort are made; every range is drawn from once a scan.

    Attributes:
        in_plane: Pixel spacing in mm; rows and columns differ slightly.
        slice_spacing: Distance of slices in mm.
        noise: Standard deviation of the noise in HU.
        blur: Standard deviation of the point spread in mm (sharp to smooth kernel).
        contrast: Share of scans with contrast medium.
    """

    in_plane: Range
    slice_spacing: Range
    noise: Range
    blur: Range
    contrast: float = 0.0


@dataclass(frozen=True)
class Preset:
    """One of the paper's cohorts as a phantom.

    Attributes:
        title: What tables print.
        ct_type: As in Table 1 of the paper.
        population: As in Table 1 of the paper.
        full: Number of patients in the paper.
        patients: Number of patients by default.
        positive: Share of patients with lung cancer within a year.
        id_format: How patient ids are made.
        nodules: Chances of one, two and three nodules.
        diameter: Median of the longest axial diameter in mm.
        spread: Standard deviation of its binary logarithm.
        scanner: How the scans are made.
        even: Classes of a feature are equally common and a fifth of the nodules have each binary feature, instead
            of the rates of Table 3.
    """

    title: str
    ct_type: str
    population: str
    full: int
    patients: int
    positive: float
    id_format: str
    nodules: tuple[float, float, float]
    diameter: float
    spread: float
    scanner: Scanner = field(repr=False)
    even: bool = False


_LOW_DOSE = Scanner((0.9, 1.15), (1.5, 2.1), (18.0, 32.0), (0.45, 0.7))
_DIAGNOSTIC = Scanner((0.95, 1.2), (1.25, 1.6), (9.0, 17.0), (0.45, 0.7), contrast=1.0)

PRESETS: dict[str, Preset] = {
    "nlst": Preset(
        "NLST (phantom)",
        "Low-dose",
        "Screening",
        938,
        240,
        0.23,
        "{:06d}",
        (0.75, 0.18, 0.07),
        11.0,
        0.6,
        _LOW_DOSE,
    ),
    "lungx": Preset(
        "LUNGx (phantom)",
        "Diagnostic & contrast-enhanced",
        "Incidental",
        70,
        70,
        0.5,
        "LUNGx-CT{:03d}",
        (0.81, 0.19, 0.0),
        12.0,
        0.5,
        _DIAGNOSTIC,
    ),
    "dlcs": Preset(
        "DLCS (phantom)",
        "Low-dose",
        "Screening",
        1120,
        112,
        63 / 1120,
        "DLCS_{:04d}",
        (0.25, 0.28, 0.47),
        9.5,
        0.55,
        Scanner((0.9, 1.15), (1.25, 2.0), (18.0, 32.0), (0.45, 0.75)),
    ),
    "ucla": Preset(
        "UCLA (phantom)",
        "Diagnostic & low-dose",
        "Incidental",
        51,
        51,
        28 / 51,
        "UCLA-{:03d}",
        (1.0, 0.0, 0.0),
        13.0,
        0.55,
        Scanner((0.95, 1.25), (1.25, 2.0), (10.0, 34.0), (0.4, 0.75), contrast=0.5),
    ),
    "features": Preset(
        "Semantic features (phantom)",
        "Diagnostic & low-dose",
        "Made",
        240,
        240,
        0.5,
        "FEATURES-{:04d}",
        (0.0, 0.3, 0.7),
        11.0,
        0.6,
        Scanner((0.9, 1.15), (1.25, 2.1), (9.0, 32.0), (0.45, 0.75), contrast=0.2),
        even=True,
    ),
}
"""The first four are the paper's cohorts; the last has enough nodules of every feature to study them.

Sizes and prevalences: Table 1 of Zhuang et al. 2025; nodules a patient: its section 3.1 (1,246 nodules in 938 NLST
scans, 83 in 70 of LUNGx, 2,487 in 1,120 of DLCS, the most suspicious one at UCLA). Slices, doses and diameters are
chosen, not measured."""
