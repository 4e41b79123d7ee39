"""The cohort folder: ``cohort.yaml`` says what the cohort is, ``nodules.csv`` lists its nodules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.contracts.nodules import read_nodule_table, write_nodule_table
from benchmark.contracts.patients import Frame, lps_centres, patient_labels
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished, write_text

MANIFEST, TABLE = "cohort.yaml", "nodules.csv"


class Source(BaseModel):
    """A file that the cohort was made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str
    note: str = ""


class CohortManifest(BaseModel):
    """What a cohort is and how its table is to be read.

    Attributes:
        name: Folder name and the name in every table.
        title: What tables print.
        ct_type: e.g. "low-dose", "diagnostic, contrast-enhanced".
        population: e.g. "screening", "incidental".
        endpoint: What ``malignant`` means.
        horizon_years: Years within which the endpoint counts; None if it has no horizon.
        frame: Coordinate frame of ``coordX, coordY, coordZ``.
        image_root: Folder that image paths are relative to; itself relative to the cohort folder.
        patient_score: How nodule scores become a patient's.
        shares_patients_with: Cohorts that hold some of the same patients.
        sources: Files it was made from.
        details: Anything else that its producer records, e.g. a phantom's seed and best reachable AUROC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: str
    ct_type: str = ""
    population: str = ""
    endpoint: str = ""
    horizon_years: float | None = None
    frame: Frame = "LPS"
    image_root: str = "."
    patient_score: Literal["max"] = "max"
    shares_patients_with: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Cohort:
    """A cohort folder that was read.

    Attributes:
        manifest: What the cohort is.
        nodules: Its nodule table (see ``read_nodule_table``).
        folder: Where it was read from.
    """

    manifest: CohortManifest
    nodules: pd.DataFrame
    folder: Path

    @property
    def name(self) -> str:
        """Name of the cohort."""
        return self.manifest.name

    @property
    def image_root(self) -> Path:
        """Folder that ``image_path`` is relative to."""
        return self.folder / self.manifest.image_root

    @property
    def patient_labels(self) -> pd.Series:
        """Label of each patient, ``Int8`` by ``pid``, missing where it cannot be told (see ``united_labels``)."""
        return patient_labels(self.nodules)

    @property
    def lps_centres(self) -> npt.NDArray[np.float64]:
        """Centres of the nodules in mm, LPS, ``(n, 3)``; NaN where a coordinate is missing."""
        return lps_centres(self.nodules, self.manifest.frame)


def load_cohort(name: str, cohorts: Path | str = "cohorts") -> Cohort:
    """Read the cohort ``name`` of the folder ``cohorts``.

    Raises:
        InputError: There is no such cohort, or its manifest or table is wrong.
    """
    cohorts = Path(cohorts)
    folder = cohorts / name
    if not (folder / MANIFEST).is_file():
        there = list_cohorts(cohorts)
        fix = f"cohorts there: {', '.join(there)}" if there else "make one with `bench cohort prepare`"
        raise InputError(Problem(f"no cohort {name!r}{nearest(name, there)}", fix, cohorts))
    manifest = read_manifest(folder / MANIFEST)
    return Cohort(manifest, read_nodule_table(folder / TABLE), folder)


def list_cohorts(cohorts: Path | str = "cohorts") -> list[str]:
    """Names of the cohort folders in ``cohorts``, sorted."""
    return [path.parent.name for path in list_finished(cohorts, f"*/{MANIFEST}")]


def read_manifest(path: Path) -> CohortManifest:
    """Read and check ``cohort.yaml``; all wrong fields are named at once."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(Problem(f"is not YAML: {error}", file=path)) from error
    if not isinstance(content, dict):
        raise InputError(Problem("holds no fields", "see `bench cohort prepare`", path))
    try:
        return CohortManifest.model_validate(content)
    except ValidationError as error:
        raise InputError(validation_problems(error, path, list(CohortManifest.model_fields))) from error


def write_cohort(folder: Path | str, manifest: CohortManifest, nodules: pd.DataFrame) -> Cohort:
    """Write a cohort folder, the manifest last, and read it back."""
    folder = Path(folder)
    write_nodule_table(nodules, folder / TABLE)
    text = yaml.safe_dump(manifest.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(folder / MANIFEST, text)
    return load_cohort(folder.name, folder.parent)


def validation_problems(error: ValidationError, path: Path | str, known: list[str]) -> list[Problem]:
    """Pydantic's findings as problems, with the nearest field for a name that is not known."""
    problems = []
    for item in error.errors():
        name = ".".join(map(str, item["loc"]))
        unknown = item["type"] in ("extra_forbidden", "unexpected_keyword_argument")
        what = f"is no field here{nearest(name, known)}" if unknown else item["msg"]
        value = None if item["type"] == "missing" else str(item["input"])[:80]
        problems.append(Problem(what, file=path, column=name, value=value))
    return problems
