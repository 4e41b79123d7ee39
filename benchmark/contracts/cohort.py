"""The cohort folder: ``cohort.yaml`` says what the cohort is, ``nodules.csv`` lists its nodules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.contracts.followup import TimeUnit, censored_before, followed_nodules
from benchmark.contracts.names import SafeName, name_fault, path_named
from benchmark.contracts.nodules import read_nodule_table, write_nodule_table
from benchmark.contracts.patients import Frame, lps_centres, patient_labels
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished, own_file, write_text
from benchmark.formats.yaml import read_yaml

MANIFEST, TABLE = "cohort.yaml", "nodules.csv"
LONGEST_HORIZON = 50
"""Years beyond which no endpoint of a person is told."""


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
        time_unit: Unit of the columns ``time`` and ``event`` (`benchmark.contracts.followup`); None if the table
            has no follow-up.
        frame: Coordinate frame of ``coordX, coordY, coordZ``.
        image_root: Folder that image paths are relative to; itself relative to the cohort folder.
        patient_score: How nodule scores become a patient's.
        shares_patients_with: Cohorts that hold some of the same patients.
        sources: Files it was made from.
        details: Anything else that its producer records, e.g. a phantom's seed and best reachable AUROC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[SafeName, Field(pattern=r"^[^\W_][\w.-]*$")]
    title: str
    ct_type: str = ""
    population: str = ""
    endpoint: str = ""
    horizon_years: Annotated[float, Field(gt=0, le=LONGEST_HORIZON, strict=True, allow_inf_nan=False)] | None = (
        None
    )
    time_unit: TimeUnit | None = None
    frame: Frame = "LPS"
    image_root: str = "."
    patient_score: Literal["max"] = "max"
    shares_patients_with: tuple[SafeName, ...] = ()
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
    def lists_nodules(self) -> bool:
        """Whether its rows are nodules; a table of patients alone says nothing of theirs."""
        return self.manifest.details.get("rows") != "patients"

    @property
    def image_root(self) -> Path:
        """Folder that ``image_path`` is relative to."""
        return self.folder / self.manifest.image_root

    @property
    def patient_labels(self) -> pd.Series:
        """Label of each patient, ``Int8`` by ``pid``, missing where it cannot be told (see ``united_labels``)."""
        return patient_labels(self.nodules)

    @property
    def censored_early(self) -> pd.Series:
        """Rows whose patient was followed for less than the horizon without the event: their label is unknown."""
        unit, horizon = self.manifest.time_unit, self.manifest.horizon_years
        if unit is None or horizon is None:
            return pd.Series(False, index=self.nodules.index)
        return censored_before(self.nodules, unit, horizon)

    @property
    def lps_centres(self) -> npt.NDArray[np.float64]:
        """Centres of the nodules in mm, LPS, ``(n, 3)``; NaN where a coordinate is missing."""
        return lps_centres(self.nodules, self.manifest.frame)


def load_cohort(name: str, cohorts: Path | str = "cohorts") -> Cohort:
    """Read the cohort ``name`` of the folder ``cohorts``.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.cohort import CohortManifest, load_cohort, write_cohort
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": ["1", "1"], "image_path": ["p1.nii.gz", "p2.nii.gz"]}
        >>> rows |= {"coordX": [10.5, -40.0], "coordY": [0.0, 12.0], "coordZ": [-80.0, -95.5], "malignant": [1, 0]}
        >>> _ = write_cohort("cohorts/nlst", CohortManifest(name="nlst", title="NLST"), pd.DataFrame(rows))
        >>> load_cohort("nlst").nodules[["pid", "malignant"]].to_dict("list")
        {'pid': ['p1', 'p2'], 'malignant': [1, 0]}

    Raises:
        InputError: There is no such cohort, or its manifest or table is wrong.
    """
    cohorts = Path(cohorts)
    folder = path_named(cohorts, name, "cohort")
    if not (folder / MANIFEST).is_file():
        there = list_cohorts(cohorts)
        fix = f"cohorts there: {', '.join(there)}" if there else "make one with `bench cohort prepare`"
        raise InputError(Problem(f"no cohort {name!r}{nearest(name, there)}", fix, cohorts))
    manifest = read_manifest(own_file(folder, MANIFEST))
    if manifest.name != name:  # scores and crops stand under it: those of another cohort would be replaced
        what, fix = f"is not the name of its folder, {name!r}", "rename the folder, or the cohort in its manifest"
        raise InputError(Problem(what, fix, folder / MANIFEST, column="name", value=manifest.name))
    path = own_file(folder, TABLE)
    nodules = read_nodule_table(path)
    if manifest.time_unit is not None:
        nodules = followed_nodules(nodules, manifest.time_unit, manifest.horizon_years, path)
    return Cohort(manifest, nodules, folder)


def find_manifest(name: str, cohorts: Path | str = "cohorts") -> CohortManifest | None:
    """The manifest of a cohort of the folder ``cohorts``; None if there is none, or no folder can be called so.

    Raises:
        InputError: It is there and wrong.
    """
    folder = Path(cohorts) / name
    if name_fault(name) or not (folder / MANIFEST).is_file():
        return None
    return read_manifest(own_file(folder, MANIFEST))


def require_cohort_name(name: str) -> None:
    """Refuse a name that a cohort cannot have, before anything is made for it.

    Raises:
        InputError: It has other marks than letters, digits, ``-``, ``_`` and ``.``, or see ``names.name_fault``.
    """
    try:
        CohortManifest(name=name, title=name)
    except ValidationError as error:
        what = f"{name[:80]!r} is no name of a cohort"
        fix = "let the folder be called by letters, digits, '-', '_' and '.' alone, a letter or digit first"
        raise InputError(Problem(what, fix, column="--out")) from error


def list_cohorts(cohorts: Path | str = "cohorts") -> list[str]:
    """Names of the cohort folders in ``cohorts``, sorted.

    Example::

        >>> from benchmark.contracts.cohort import list_cohorts
        >>> list_cohorts("no such folder")
        []
    """
    return [path.parent.name for path in list_finished(cohorts, f"*/{MANIFEST}")]


def read_manifest(path: Path) -> CohortManifest:
    """Read and check ``cohort.yaml``; all wrong fields are named at once."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise InputError(Problem("holds no fields", "see `bench cohort prepare`", path))
    try:
        return CohortManifest.model_validate(content)
    except ValidationError as error:
        raise InputError(validation_problems(error, path, list(CohortManifest.model_fields))) from error


def write_cohort(folder: Path | str, manifest: CohortManifest, nodules: pd.DataFrame) -> Cohort:
    """Write a cohort folder, the manifest last, and read it back.

    Example::

        >>> import pandas as pd
        >>> from benchmark.contracts.cohort import CohortManifest, write_cohort
        >>> rows = {"pid": ["p1", "p2"], "nodule_id": ["1", "1"], "image_path": ["p1.nii.gz", "p2.nii.gz"]}
        >>> rows |= {"coordX": [10.5, -40.0], "coordY": [0.0, 12.0], "coordZ": [-80.0, -95.5], "malignant": [1, 0]}
        >>> cohort = write_cohort("cohorts/ucla", CohortManifest(name="ucla", title="UCLA"), pd.DataFrame(rows))
        >>> cohort.name, len(cohort.nodules)
        ('ucla', 2)
    """
    folder = Path(folder)
    write_nodule_table(nodules, folder / TABLE)
    text = yaml.safe_dump(manifest.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(folder / MANIFEST, text)
    return load_cohort(folder.name, folder.parent)


def _beginning(value: object) -> str:
    try:
        return str(value)[:80]
    except ValueError:  # an integer of more digits than Python writes
        return "a number of thousands of digits"


def validation_problems(error: ValidationError, path: Path | str, known: list[str]) -> list[Problem]:
    """Pydantic's findings as problems, with the nearest field for a name that is not known."""
    problems = []
    for item in error.errors():
        name = ".".join(map(str, item["loc"]))
        unknown = item["type"] in ("extra_forbidden", "unexpected_keyword_argument")
        what = f"is no field here{nearest(name, known)}" if unknown else item["msg"].removeprefix("Value error, ")
        value = None if item["type"] == "missing" else _beginning(item["input"])
        problems.append(Problem(what, file=path, column=name, value=value))
    return problems
