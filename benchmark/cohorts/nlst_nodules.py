"""Located nodules of NLST in the place of its screens: what a nodule's label is, and which screens keep their row.

The endpoint is the screen's: lung cancer diagnosed within the horizon. A nodule of a negative screen is negative.
Of a positive screen the nodule is positive that its source marks as the cancer, and negative that it marks as
benign; where the source does not say, it has no label. A positive screen without a nodule that is known to be the
cancer keeps its own row, so that the patient stays positive.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import pandas as pd

from benchmark.cohorts.nlst_locations import ORDER, NlstLocations
from benchmark.cohorts.prepared import Exclusion, Prepared
from benchmark.contracts.text import text_column
from benchmark.wording import first_few

_UNSURE: Final = "its source does not say which nodule of the screen is the cancer"
_NO_SCREEN: Final = "is in no screen of the participant table"
_OTHER_SOURCE: Final = "another source locates the nodules of the screen"
_NO_MM: Final = "coordinates and images: the tables have none; give LUNA25's CSV, IDC's SEG or SR, or Sybil's JSON"


def add_locations(prepared: Prepared, found: NlstLocations) -> None:
    """Put located nodules in the place of their screens' rows, and the known series into the others.

    Args:
        prepared: One row a screen, as of ``nlst.prepare``.
        found: Located nodules.
    """
    prepared.files = [*prepared.files, *dict.fromkeys(found.files)]
    prepared.excluded += found.excluded
    prepared.warnings += found.warnings
    prepared.notes += found.notes
    prepared.image_folder = found.folder
    screens = prepared.nodules
    if found.rows:
        nodules = _of_one_source(_in_screens(found.frame, screens, prepared), prepared)
        prepared.nodules = _with_nodules(screens, nodules, prepared)
        endpoint = f"{prepared.fields['endpoint']}; of a nodule of a positive screen: marked as the cancer"
        prepared.fields = {**prepared.fields, "endpoint": endpoint, "frame": "LPS"}
    else:
        prepared.missing.append(_NO_MM)
    _name_series(prepared, found)


def _in_screens(nodules: pd.DataFrame, screens: pd.DataFrame, prepared: Prepared) -> pd.DataFrame:
    """Located nodules with ``screen``, the row of their screen; those of none are left out and listed."""
    rows = dict(zip(zip(screens["pid"], screens["study_yr"], strict=True), range(len(screens)), strict=True))
    pairs = zip(nodules["pid"], nodules["year"], strict=True)
    screen = pd.Series([rows.get(pair, -1) for pair in pairs], index=nodules.index)
    _exclude(nodules[screen < 0], _NO_SCREEN, prepared)
    return nodules.assign(screen=screen)[screen >= 0]


def _of_one_source(nodules: pd.DataFrame, prepared: Prepared) -> pd.DataFrame:
    """Nodules of the first source of each screen: two sources would count a nodule twice."""
    rank = nodules["source"].map({name: place for place, name in enumerate(ORDER)})
    first = rank == rank.groupby(nodules["screen"]).transform("min")
    _exclude(nodules[~first], _OTHER_SOURCE, prepared)
    kept = nodules[first]
    sources = ", ".join(f"{name} ({count:,})" for name, count in Counter(kept["source"]).items())
    if sources:
        prepared.notes.append(f"located nodules: {sources}, in {kept['screen'].nunique():,} screens")
    series = kept.groupby("screen")["scan_id"].nunique()
    if several := int((series > 1).sum()):
        prepared.warnings.append(f"{several:,} screens have nodules in several series: one nodule may stand twice")
    return kept


def _exclude(nodules: pd.DataFrame, reason: str, prepared: Prepared) -> None:
    for pid, year, source, name in nodules[["pid", "year", "source", "name"]].itertuples(index=False):
        place = f"T{year}" if year else "no year"
        prepared.excluded.append(Exclusion(str(pid), f"{place} {source} {name}".strip(), reason))


def _with_nodules(screens: pd.DataFrame, nodules: pd.DataFrame, prepared: Prepared) -> pd.DataFrame:
    nodules = nodules.sort_values("screen", kind="stable", ignore_index=True)
    table = screens.iloc[nodules["screen"].to_numpy()].reset_index(drop=True)
    number = nodules.groupby("screen").cumcount() + 1
    own = nodules["source"] == ORDER[0]  # LUNA25's predictions go by its annotation ids
    names = (table["nodule_id"] + "-" + number.astype(str)).where(~own, nodules["name"])
    table["nodule_id"] = text_column(names, table.index)
    for column in ("coordX", "coordY", "coordZ"):
        table[column] = nodules[column].to_numpy(float)
    for column in ("image_path", "scan_id"):
        table[column] = text_column(nodules[column], table.index)
    for column in ("volume_mm3", "mean_diameter", "longest_axial_diameter_(mm)"):
        if column in nodules:
            table[column] = nodules[column].to_numpy(float)
        elif column in table:
            table[column] = np.nan  # the screen's is that of its largest nodule, whichever that is
    table["location"] = text_column(nodules["source"], table.index)
    if "lesion" in nodules:
        table["lesion"] = text_column(nodules["lesion"], table.index)
    cancer = pd.array([None if pd.isna(one) else int(one) for one in nodules["cancer"]], dtype="Int8")
    table["marked_cancer"] = cancer
    table["malignant"] = _nodule_labels(table, prepared)
    return _beside_screens(screens, table, nodules["screen"].to_numpy(), prepared)


def _nodule_labels(table: pd.DataFrame, prepared: Prepared) -> pd.Series:
    screen, cancer = table["malignant"], table["marked_cancer"]
    unsure = ((screen == 1) & cancer.isna()).fillna(False).to_numpy(bool)
    for pid, name in table.loc[unsure, ["pid", "nodule_id"]].itertuples(index=False):
        prepared.excluded.append(Exclusion(str(pid), str(name), _UNSURE))
    later = int(((screen == 0) & (cancer == 1)).fillna(False).sum())
    if later:
        what = f"{later:,} nodules that their source marks as cancer lie in screens without a diagnosis in time"
        prepared.notes.append(f"{what}: labelled 0 (see --horizon; marked_cancer has the mark)")
    return screen.where(screen != 1, cancer)


def _beside_screens(
    screens: pd.DataFrame, table: pd.DataFrame, of_screen: np.ndarray, prepared: Prepared
) -> pd.DataFrame:
    """The nodules, and the rows of screens that none of them stands for."""
    known = set(of_screen[(table["malignant"] == 1).fillna(False).to_numpy(bool)].tolist())
    located = set(of_screen.tolist())
    positive = (screens["malignant"] == 1).fillna(False).to_numpy(bool)
    keeps = [row not in located or (bool(positive[row]) and row not in known) for row in range(len(screens))]
    lost = [row for row in sorted(located - known) if positive[row]]
    if lost:
        names = first_few(screens["scan_id"].iloc[lost].tolist(), 5)
        what = f"{len(lost):,} positive screens have located nodules and none that is known to be the cancer"
        prepared.warnings.append(f"{what}; their own row stays beside them: {names}")
    without = sum(keeps) - len(lost)
    if without:
        what = f"locations of {without:,} of {len(screens):,} screens"
        prepared.missing.append(f"{what}: one row each, without a centre")
    of_located = dict(zip(of_screen.tolist(), table["scan_id"], strict=True))
    scans = [of_located.get(row, scan) for row, scan in enumerate(screens["scan_id"])]
    rest = screens.assign(scan_id=text_column(scans, screens.index))[keeps]
    order = np.concatenate([of_screen, np.flatnonzero(keeps)])
    both = pd.concat([table, rest.assign(location=None)], ignore_index=True)
    both["malignant"] = both["malignant"].astype("Int8")
    return both.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def _name_series(prepared: Prepared, found: NlstLocations) -> None:
    """Give rows of screens the series that annotations name for them."""
    table = prepared.nodules
    pairs = zip(table["pid"], table["study_yr"], table["scan_id"], strict=True)
    known = found.series
    named = [known.get((pid, year), scan) if scan == f"{pid}_T{year}" else scan for pid, year, scan in pairs]
    changed = sum(new != old for new, old in zip(named, table["scan_id"], strict=True))
    table["scan_id"] = text_column(named, table.index)
    if changed:
        prepared.notes.append(f"scan_id of {changed:,} rows without a location: the series that annotations name")
