"""What the NBIA Data Retriever writes beside a download: ``metadata.csv``, which folder is which series."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import Final

import numpy as np

from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError
from benchmark.formats.csv import read_csv_header
from benchmark.formats.opening import is_file

NBIA_LIST: Final = "metadata.csv"
_UID, _PLACE = "Series UID", "File Location"


def is_nbia_list(path: Path) -> bool:
    """Whether a file is NBIA's list of the series of a download."""
    if path.name.lower() != NBIA_LIST or not is_file(path):
        return False
    try:
        return {_UID, _PLACE} <= set(read_csv_header(path))
    except InputError:  # whoever reads it says what is wrong
        return False


def series_places(list_of_nbia: Path) -> dict[str, Path]:
    """Series UID → its folder, from NBIA's list; folders that are not there are left out.

    Raises:
        InputError: A series stands at two places, or a place leads out of the download's folder.
    """
    table = read_text_table(list_of_nbia, (_UID, _PLACE))
    table.check_ids(_UID)
    table.report(table.frame.duplicated(_UID), _UID, "stands in the list twice", "keep one row")
    named = [PureWindowsPath(cell) for cell in table.frame[_PLACE]]  # with either kind of slash
    parts = [place.parts for place in named]
    outside = [bool(".." in place.parts or place.drive or place.root) for place in named]
    table.report(np.array(outside, bool), _PLACE, "leads out of the folder of the list", "download it again")
    table.finish()
    places = {uid: list_of_nbia.parent.joinpath(*own) for uid, own in zip(table.frame[_UID], parts, strict=True)}
    return {uid: place for uid, place in places.items() if place.is_dir()}
