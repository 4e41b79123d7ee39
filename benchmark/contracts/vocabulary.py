"""The radiologists' semantic features: one literal table drives text, prompts, phantoms, tables.

Features, classes and groups are those of Table S1 of Zhuang et al. 2025 (arXiv 2504.21344). Column names and
the spelling of classes are those of the sample CSV in the paper's repository (luotingzhuang/CLIP_nodule,
``dataset_csv/sample_csv_with_semantic_feats.csv``, commit 4fdabe1). Its ten rows do not show the classes
Notched, Ill-defined, Semiconsolidation, Peri-cystic, the two dimplings, Very Low and Moderately Low: those
are spelled as in Table S1. Table S1 says "paracarcinomatous emphysema" where the CSV says
``paracicatricial_emphysema``; the CSV's word is the radiological term (emphysema around a scar) and is used
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["general", "internal", "external", "assessment"]
FeatureKind = Literal["number", "binary", "classes", "labels"]

PRESENT, ABSENT = "Present", "Absent"
BINARY = (PRESENT, ABSENT)


@dataclass(frozen=True)
class Feature:
    """One semantic feature.

    Attributes:
        name: What the paper calls it, e.g. "nodule margins".
        columns: Its columns in a nodule table; two where a nodule can have two labels.
        classes: Its classes as spelled in a table; empty for a measure in mm.
        group: Part of Table S1 that it stands in.
        multi_label: Whether a nodule can have several of the classes at once.
    """

    name: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    group: Group
    multi_label: bool = False

    @property
    def column(self) -> str:
        """The first, or only, column."""
        return self.columns[0]

    @property
    def kind(self) -> FeatureKind:
        """``number`` in mm, ``binary``, one of several ``classes``, or several ``labels`` at once."""
        if not self.classes:
            return "number"
        if self.multi_label:
            return "labels"
        return "binary" if self.classes == BINARY else "classes"


FEATURES: tuple[Feature, ...] = (
    Feature("longest axial diameter", ("longest_axial_diameter_(mm)",), (), "general"),
    Feature("short diameter", ("short_diameter_(mm)",), (), "general"),
    Feature(
        "nodule consistency",
        ("nodule_consistency",),
        ("Solid", "Pure ground glass", "Semiconsolidation", "Part-solid", "Peri-cystic"),
        "general",
    ),
    Feature(
        "nodule margin conspicuity",
        ("nodule_margin_conspicuity",),
        ("Well marginated", "Poorly marginated"),
        "general",
    ),
    Feature(
        "nodule margins",
        ("nodule_margins", "additional_nodule_margins"),
        ("Spiculated/Serrated", "Smooth", "Lobulated", "Ill-defined", "Notched"),
        "general",
        multi_label=True,
    ),
    Feature("nodule shape", ("nodule_shape",), ("Ovoid", "Round", "Complex/Irregular", "Polygonal"), "general"),
    Feature("nodule reticulation", ("nodule_reticulation",), BINARY, "internal"),
    Feature("cyst-like spaces", ("cyst-like_spaces",), BINARY, "internal"),
    Feature("intra-nodular bronchiectasis", ("intra-nodular_bronchiectasis",), BINARY, "internal"),
    Feature("necrosis", ("necrosis",), BINARY, "internal"),
    Feature("cavitation", ("cavitation",), BINARY, "internal"),
    Feature("eccentric calcification", ("eccentric_calcification",), BINARY, "internal"),
    Feature("airway cut-off", ("airway_cut-off",), BINARY, "internal"),
    Feature("pleural attachment", ("pleural_attachment",), BINARY, "external"),
    Feature(
        "pleural retraction",
        ("pleural_retraction",),
        ("Absent", "Mild dimpling", "Obvious dimpling"),
        "external",
    ),
    Feature("vascular convergence", ("vascular_convergence",), BINARY, "external"),
    Feature("septal stretching", ("septal_stretching",), BINARY, "external"),
    Feature("paracicatricial emphysema", ("paracicatricial_emphysema",), BINARY, "external"),
    Feature(
        "level of suspicion of lung cancer",
        ("level_of_suspicion_of_lung_cancer",),
        ("Very Low", "Moderately Low", "Intermediate", "Moderately High", "High"),
        "assessment",
    ),
)
"""The 19 features of Table S1."""

MEASURES: tuple[Feature, ...] = (
    Feature("mean diameter", ("mean_diameter",), (), "general"),
    Feature("longest diameter of the solid component", ("psn_longest_diameter_solid_component",), (), "general"),
)
"""Two columns of the paper's sample CSV that Table S1 does not list."""

SUSPICION = "level_of_suspicion_of_lung_cancer"
"""The reader's own guess at the outcome: never an input of a model unless asked for."""

SEMANTIC_COLUMNS: tuple[str, ...] = (
    "longest_axial_diameter_(mm)",
    "short_diameter_(mm)",
    "mean_diameter",
    "psn_longest_diameter_solid_component",
    "nodule_margin_conspicuity",
    "nodule_margins",
    "additional_nodule_margins",
    "nodule_shape",
    "nodule_consistency",
    "nodule_reticulation",
    "cyst-like_spaces",
    "intra-nodular_bronchiectasis",
    "necrosis",
    "cavitation",
    "eccentric_calcification",
    "airway_cut-off",
    "pleural_attachment",
    "pleural_retraction",
    "vascular_convergence",
    "septal_stretching",
    "paracicatricial_emphysema",
    SUSPICION,
)
"""All semantic columns in the order of the paper's sample CSV."""

BY_COLUMN: dict[str, Feature] = {
    column: feature for feature in (*FEATURES, *MEASURES) for column in feature.columns
}
