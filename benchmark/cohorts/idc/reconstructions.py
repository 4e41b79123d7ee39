"""Which of a scan's reconstructions stands for it: a stated rule, and the count of what it passed over.

NLST writes its reconstructions into the series description: year, kind, vendor, scanner, kernel, field of view,
slice thickness, ... (``1,OPA,GE,LSULT,STANDARD,320,2.5,120,30,34.3,0.9``). The second field begins with O
(original) or D (derived) and ends with A (axial) or L (localizer).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from benchmark.errors import InputError, Problem

RULES: Final = {
    "thinnest-soft": ("thickness", "sharpness"),
    "soft-thinnest": ("sharpness", "thickness"),
    "thinnest-sharp": ("thickness", "softness"),
    "sharp-thinnest": ("softness", "thickness"),
}
"""Rule → what is least for the reconstruction that it takes, in this order; then most files, then the UID."""
NO_RULE: Final = "none"
"""The rule that takes no reconstruction: only series that are known are located."""
SHORTEST: Final = 120.0
"""mm: a series whose files times thickness are less cannot hold a chest."""
_FEWEST: Final = 30
"""Files that hold a chest where the thickness is not said."""
_THICKEST: Final = 20.0
"""mm: fields beyond are no thickness."""
_NLST: Final = re.compile(r"([0-2]),([OD][PS]?[ALRSP]?),([A-Z]{2}),([^,]*),([^,]*),([^,]*),([^,]*),.*")
_SOFT: Final = re.compile(r"standard|soft|body filter|[abc]|fc(0?[1-9]|1[0-9])")
_SHARP: Final = re.compile(r"bone|boneplus|edge|lung|d|fc(3|5|8)[0-9]")
_SIEMENS: Final = re.compile(r"[bi](\d\d)[a-z]?(\\\d)?")
_SHARP_FROM: Final = 45
"""Numbers of Siemens' kernels above are sharp."""


@dataclass
class ChosenSeries:
    """What a rule passed over, in counts.

    Attributes:
        chosen: One row a scan, with its ``scan``.
        none_left: Scan → why none of its series can stand for it.
        notes: What to tell the user.
    """

    chosen: pd.DataFrame
    none_left: dict[str, str]
    notes: list[str]


def with_nlst_fields(series: pd.DataFrame) -> pd.DataFrame:
    """Series with ``year`` ("0" to "2" or ""), ``kind``, ``kernel`` and ``thickness`` (mm) of NLST's descriptions.

    What a table of reconstructions says already stays.
    """
    fields = series["description"].str.extract(_NLST)
    said = fields.notna().all(axis=1)
    thickness = pd.to_numeric(fields[6].where(said), errors="coerce")
    thickness = thickness.where((thickness > 0) & (thickness <= _THICKEST))
    kernel = fields[4].where(said & ~fields[4].str.casefold().isin(["unk", "unkn", "na", "null"]), "").fillna("")
    return series.assign(
        year=fields[0].fillna(""),
        kind=fields[1].fillna(""),
        kernel=series["kernel"].where(series["kernel"] != "", kernel),
        thickness=series["thickness"].fillna(thickness.astype("float64")),
    )


@cache
def sharpness(vendor: str, kernel: str) -> int:
    """0 for a soft kernel, 2 for a sharp one, 1 where it is not known.

    Args:
        vendor: Short name.
        kernel: As the series says.
    """
    plain = kernel.strip().casefold()
    if vendor == "Siemens":
        number = _SIEMENS.fullmatch(plain)
        return 1 if number is None else 2 * (int(number[1]) > _SHARP_FROM)
    if _SOFT.fullmatch(plain):
        return 0
    return 2 if _SHARP.fullmatch(plain) else 1


def check_rule(rule: str) -> None:
    """Refuse a rule that there is not.

    Raises:
        InputError: Names those that there are.
    """
    if rule not in (*RULES, NO_RULE):
        known = ", ".join((*RULES, NO_RULE))
        raise InputError(Problem("is no rule", f"rules: {known}", column="--rule", value=rule))


def choose(candidates: pd.DataFrame, rule: str, kernels: Collection[str] = ()) -> ChosenSeries:
    """One series for each scan.

    Args:
        candidates: Series as of ``with_nlst_fields``, with ``scan``, the name of the scan that each may stand for.
        rule: A key of ``RULES``.
        kernels: Take only these kernels; letter case is ignored. None takes any.
    """
    check_rule(rule)
    none_left: dict[str, str] = {}
    notes: list[str] = []
    no_stack = _is_no_stack(candidates)
    left = _without(candidates, no_stack, "localizers, reformats and derived series", none_left, notes)
    left = _without(left, _is_short(left), f"series shorter than {SHORTEST:.0f} mm", none_left, notes)
    if kernels:
        wanted = {kernel.casefold() for kernel in kernels}
        other = ~left["kernel"].str.casefold().isin(wanted)
        left = _without(left, other, f"series with another kernel than {', '.join(kernels)}", none_left, notes)
    ranked = _ranked(left, rule)
    first = ranked.drop_duplicates("scan")
    rest = ranked[ranked.duplicated("scan")]
    if len(rest):
        several = rest["scan"].nunique()
        notes.append(f"rule {rule}: {several:,} scans have several series, {len(rest):,} were not chosen")
    notes += _ties(first, rest, rule)
    if unknown := int(first["thickness"].isna().sum()) if len(rest) else 0:
        notes.append(f"{unknown:,} chosen series do not say their slice thickness")
    return ChosenSeries(first.reset_index(drop=True), none_left, notes)


def _is_no_stack(series: pd.DataFrame) -> pd.Series:
    return (series["kind"] != "") & ~series["kind"].isin(["OPA", "OSA"])


def _is_short(series: pd.DataFrame) -> pd.Series:
    length = series["files"] * series["thickness"]
    return (length < SHORTEST) | (series["thickness"].isna() & (series["files"] < _FEWEST))


def _without(
    series: pd.DataFrame, away: pd.Series, what: str, none_left: dict[str, str], notes: list[str]
) -> pd.DataFrame:
    left = series[~away]
    if count := int(away.sum()):
        notes.append(f"left out: {count:,} {what}")
    lost = set(series["scan"]) - set(left["scan"])
    none_left.update(dict.fromkeys(sorted(lost), f"nothing but {what}"))
    return left


def _ranked(series: pd.DataFrame, rule: str) -> pd.DataFrame:
    pairs = zip(series["vendor"], series["kernel"], strict=True)
    sharp = np.array([sharpness(vendor, kernel) for vendor, kernel in pairs], dtype=np.int64)
    soft = np.where(sharp == 1, 1, 2 - sharp)
    ranked = series.assign(sharpness=sharp, softness=soft, fewer=-series["files"])
    return ranked.sort_values(["scan", *RULES[rule], "fewer", "series"], kind="stable", na_position="last")


def _ties(first: pd.DataFrame, rest: pd.DataFrame, rule: str) -> list[str]:
    """Scans for which the rule finds two series alike, and what decided."""
    keys = list(RULES[rule])
    best = first.set_index("scan").reindex(rest["scan"])
    same = np.ones(len(rest), dtype=bool)
    for key in keys:
        one, other = best[key].to_numpy(float), rest[key].to_numpy(float)
        same &= (one == other) | (np.isnan(one) & np.isnan(other))
    tied = rest.loc[same, "scan"].nunique()
    same &= best["files"].to_numpy(float) == rest["files"].to_numpy(float)
    by_uid = rest.loc[same, "scan"].nunique()
    if not tied:
        return []
    return [
        f"ties: for {tied:,} scans series are alike by {' and '.join(keys)}; most files decides, "
        f"and for {by_uid:,} of them the lesser UID"
    ]
