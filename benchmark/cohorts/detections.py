"""Nodules in boxes as a cohort: JSON of MONAI's lung nodule detection, or of nnDetection (`nndetection`).

The file is a list, one entry a scan: ``box`` holds centre and size in mm (``cccwhd``; others with ``--box-mode``),
``label_scores`` the scores and ``image`` the path of the scan. With the bundle's ``affine_lps_to_ras: true`` (its
default, made for LUNA16) boxes are in LPS; with ``false`` they are in the frame of the image as it was read: pass
``--coords RAS`` then. The data lists that MONAI trains on have boxes without scores: all are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from benchmark.cohorts.boxes import BOX_MODES, centre_and_size, check_mode, corner_problem, extent_problem
from benchmark.cohorts.nndetection import cases_of_nndetection, is_nndetection, refuse_pickles
from benchmark.cohorts.path_ids import patients_of
from benchmark.cohorts.prepared import Exclusion, Prepared, blank_table, expand
from benchmark.contracts.patients import TO_LPS
from benchmark.errors import InputError, Problem
from benchmark.formats.json import read_json

_SCORES = ("label_scores", "score", "scores")


def prepare(
    paths: Sequence[Path],
    *,
    best: int = 5,
    min_score: float = 0.0,
    coords: Literal["LPS", "RAS"] = "LPS",
    box_mode: str | None = None,
    id_pattern: str | None = None,
    title: str | None = None,
) -> Prepared:
    """Read detections, the best ``best`` of every scan.

    Args:
        paths: MONAI's JSON, or nnDetection's, a file a case; a folder beside it is the root of image paths.
        best: Boxes kept per scan, by score.
        min_score: Boxes with a lower score are left out.
        coords: Frame of the boxes.
        box_mode: What the six numbers of a box are (see ``boxes.BOX_MODES``). By default centre and size, unless
            they look like corners.
        id_pattern: Regular expression for the patient in an image's path; else its file name without suffix.
        title: Title of the cohort.

    Returns:
        One row a box: its centre, ``detection_score`` and ``longest_axial_diameter_(mm)``, the longer side in the
        axial plane. ``malignant`` is empty.

    Raises:
        InputError: The file is not such a list, an entry's boxes and scores do not fit together, or the boxes can
            be corners.
    """
    check_mode(box_mode)
    if coords not in TO_LPS:
        fix = f"choose {' or '.join(TO_LPS)}: boxes are in mm"
        raise InputError(Problem("is no frame of boxes", fix, column="--coords", value=coords))
    files, entries, box_mode = _read_boxes(paths, coords, box_mode)
    rows: list[dict[str, Any]] = []
    excluded: list[Exclusion] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    boxes: list[Any] = []
    good: list[tuple[int, dict[str, Any]]] = []
    for number, entry in enumerate(entries, 1):
        wrong = _entry_problem(entry, files[0], number, box_mode)
        if wrong is not None:
            problems.append(wrong)
        else:
            good.append((number, entry))
    patients = patients_of([Path(entry["image"]) for _, entry in good], id_pattern)
    for (number, entry), pid in zip(good, patients, strict=True):
        boxes += entry["box"]
        image = str(entry["image"])
        if pid in seen:
            what = f"gives the patient {pid!r}, as entry {seen[pid]} does"
            problems.append(
                Problem(what, "tell scans apart with --id-pattern", files[0], column=f"entry {number}")
            )
        seen.setdefault(pid, number)
        kept = _best_boxes(entry, best, min_score, box_mode or "cccwhd")
        if not kept:
            few = f" with a score of at least {min_score:g}" if entry["box"] else ""
            excluded.append(Exclusion(pid, "", f"no box{few}"))
        rows += [{"pid": pid, "nodule_id": str(n), "image_path": image, **box} for n, box in enumerate(kept)]
    corners = corner_problem(boxes) if box_mode is None and not problems else None
    if corners is not None:
        problems.append(Problem(*corners, files[0]))
    if problems:
        raise InputError(problems)
    if not rows:
        raise InputError(Problem("no box is left", "lower --min-score", files[0]))
    frame = pd.DataFrame(rows)
    prepared = Prepared(
        "detections",
        frame.assign(malignant=blank_table(len(frame))["malignant"]),
        {"title": title or files[0].stem, "frame": coords},
        files,
        {"best": best, "min_score": min_score, "coords": coords, "box_mode": box_mode, "id_pattern": id_pattern},
        excluded,
        image_folder=next(
            (path for path in paths if path.is_dir() and path not in [f.parent for f in files]), None
        ),
    )
    read = f"boxes are read as {BOX_MODES[box_mode or 'cccwhd']}, in {coords}"
    if scoreless := [entry for _, entry in good if entry["box"] and _scores(entry) is None]:
        kept_all = f"boxes of {len(scoreless):,} scans have no scores: all are kept"
        prepared.notes.append(f"{kept_all}, whatever --best and --min-score say")
    prepared.warnings.append(f"{read}; `bench cohort check --images` tells whether they fit")
    return prepared


def _read_boxes(
    paths: Sequence[Path], coords: str, box_mode: str | None
) -> tuple[list[Path], list[Any], str | None]:
    """The files, the entries of scans in them, and what the six numbers of their boxes are."""
    refuse_pickles(paths)
    files = expand([path for path in paths if not path.is_dir()], (".json",), "the result JSON")
    files = files or expand(paths, (".json",), "the result JSON")
    nndetection = bool(files) and all(map(is_nndetection, files))
    if len(files) != 1 and not nndetection:
        raise InputError(Problem(f"{len(files)} JSON files", "give the result JSON", ", ".join(map(str, paths))))
    if nndetection:
        if coords == "RAS":
            what = "means nothing to nnDetection's boxes, which become mm in LPS by their own geometry"
            raise InputError(Problem(what, "leave it out", column="--coords", value=coords))
        return files, cases_of_nndetection(files, box_mode or "xyxyzz"), "cccwhd"
    return files, _entries(files[0]), box_mode


def _entries(file: Path) -> list[Any]:
    content = read_json(file)
    if isinstance(content, dict):  # the tutorial's script puts the list under the name of the data split
        lists = [value for value in content.values() if isinstance(value, list)]
        content = lists[0] if len(lists) == 1 else content
    if not isinstance(content, list) or not content:
        raise InputError(
            Problem("is no list of scans", "give the JSON that the bundle's inference writes", file, 1)
        )
    return content


def _entry_problem(entry: Any, file: Path, number: int, box_mode: str | None) -> Problem | None:  # noqa: ANN401
    """What is wrong with one scan's entry."""

    def wrong(what: str, fix: str) -> Problem:
        return Problem(what, fix, file, column=f"entry {number}")

    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str) or "box" not in entry:
        return wrong("lacks image or box", "give the JSON that the bundle's inference writes")
    boxes = entry["box"]
    scores = _scores(entry)
    if scores is None and isinstance(boxes, list) and _has_labels(entry):
        scores = [0.0] * len(boxes)
    if not isinstance(boxes, list) or not isinstance(scores, list) or len(boxes) != len(scores):
        found = len(scores) if isinstance(scores, list) else "no"
        what = f"{len(boxes) if isinstance(boxes, list) else 'no'} boxes and {found} scores"
        return wrong(what, "one score a box, in label_scores")
    numbers = [value for box in boxes for value in (box if isinstance(box, list) else [None])] + scores
    if any(len(box) != 6 for box in boxes if isinstance(box, list)) or not all(map(_is_number, numbers)):
        return wrong("a box is not six finite numbers, or a score none", "boxes are six numbers, see --box-mode")
    extent = next(filter(None, (extent_problem(box, box_mode) for box in boxes)), None)
    return wrong(*extent) if extent is not None else None


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _scores(entry: dict[str, Any]) -> Any:  # noqa: ANN401
    return next((entry[name] for name in _SCORES if name in entry), None)


def _has_labels(entry: dict[str, Any]) -> bool:
    """Whether an entry says what each box is, as the data lists that MONAI trains on do, in place of a score."""
    labels = entry.get("label")
    return isinstance(labels, list) and len(labels) == len(entry["box"])


def _best_boxes(entry: dict[str, Any], best: int, min_score: float, mode: str) -> list[dict[str, float]]:
    scores = _scores(entry)
    if scores is None:
        pairs = [(math.nan, box) for box in entry["box"]]
    else:
        pairs = [(float(s), box) for s, box in zip(scores, entry["box"], strict=True) if s >= min_score]
        pairs = sorted(pairs, key=lambda pair: -pair[0])[:best]
    rows = []
    for score, box in pairs:
        (x, y, z), size = centre_and_size(box, mode)
        longest = max(size[:2])
        row = {"coordX": x, "coordY": y, "coordZ": z, "detection_score": score}
        rows.append({**row, "longest_axial_diameter_(mm)": longest})
    return rows
