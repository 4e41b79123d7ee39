"""Small valid files of every format and every role, made here or taken from the tests' own data."""

from __future__ import annotations

import io
import json
import re
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
Files = dict[str, bytes]
"""Path below the folder of an input → bytes; the first one is what is read."""

SCORES = (
    "model,cohort,pid,nodule_id,fold,score,score_kind,status,reason\n"
    "m,c,007,1,ensemble,0.25,probability,scored,\nm,c,007,1,0,0.5,probability,scored,\n"
    "m,c,é,2,ensemble,,probability,failed,no scan\n"
)
WIDE = (
    "pid,label,cohort,fold,age,a,b logit\n007,1,x,0,61,0.75,-1.5\n008,no,x,1,,0.25,2\n"
    'é,malignant,y,0,50,0.12,\n"0,9",0.0,y,1,70,nan,0\n'
)
LONG = "pid,label,model,score\n007,1,m,0.5\n007,1,n,0.25\n008,0,m,0.125\n008,0,n,0.75\n"
XML = '<?xml version="1.0" encoding="UTF-8"?>\n<a b="1"><c>text &amp; more</c><d/><!-- e --><c>ü</c></a>\n'
NODULES = (
    "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,study_date,diameter_mm,nodule_margins\n"
    '007,1,a.nii.gz,-1.5,20,3e1,0,20010315,4.5,Smooth\n"0,8",2,b c.nii.gz,,,,1,,,\n'
    "NA,1,d.mha,1,2,3,,2001,9,Spiculated\n"
)
COHORT = """name: c
title: A cohort
ct_type: low-dose
horizon_years: 6
frame: LPS
image_root: ../images
shares_patients_with: [nlst, lidc]
sources:
- {name: a.csv, sha256: 0f, note: made}
details:
  seed: 7
  when: 2001-01-01
  nested: {a: [1, 2.5, null, true]}
"""
CARD = {
    "model": "m", "cohort": "c", "title": "M", "producer": "adapter sybil", "trained_on": ["nlst"],
    "exposure": "unknown", "recorded": {"year": "1"}, "sources": [{"name": "a", "sha256": "0"}], "warnings": [],
    "extra": ["x"], "patients": {"nlst": ["1", "2"]}, "people": {"nlst": ["c"]},
}  # fmt: skip
ARGS = (
    "Namespace(batch_size=4, lr=0.0001, encoder='both', params=['q', 'k', 'v'], r=2, alpha=1, seed=None,"
    " device=device(type='cuda'), weights=tensor([1., 2.]), name='x', on=True)"
)
BOXES = [[10.0, 20.0, -3.0, 4.0, 5.0, 6.0], [9, 9, 9, 1, 1, 1]]
DETECTIONS = [
    {"image": "a/p1.nii.gz", "box": BOXES, "label_scores": [0.9, 0.1]},
    {"image": "a/p2.nii.gz", "box": [], "label_scores": []},
]
REPORT = "Findings:\n- A solid nodule of 8 mm.\n- Spiculated.\n\nImpression: suspicious (µ, é).\n"


LUNGX = (
    b'Scan Number,Nodule Number,"Nodule Center x,y Position*",Nodule Center Image,Final Diagnosis\n'
    b'LUNGx-CT005,1,"333, 356",42,Primary lung cancer\nLUNGx-CT006,1,"12, 400",7,Benign nodule\n'
)
COHORT_FILES: dict[str, Files] = {
    "csv": {"a.csv": NODULES.encode()},
    "dlcs": {
        "a.csv": b"patient-id,nodule_id,ct_nifti_file,coordX,coordY,coordZ,w,h,d,Malignant_lbl,benchmark_split\n"
        b"DLCS_0001,DLCS_0001_01,DLCS_0001.nii.gz,-106.5,-63.8,-211.6,4.39,4.39,4.30,0,train\n"
    },
    "lndb": {
        "a.csv": b"LNDbID,FindingID,RadID,coordX,coordY,coordZ,DiamEq_Rad,Subtlety,Sphericity,Margin,Lobulation,"
        b"Spiculation,Texture,Malignancy,InternalStructure,Calcification\n"
        b"1,1,1,-1.5,2,3,6.1,4,4,4,1,1,5,3,1,6\n1,2,2,-1.4,2,3,6,4,4,4,1,1,5,4,1,6\n"
    },
    "luna25": {
        "a.csv": b"PatientID,SeriesInstanceUID,StudyDate,CoordX,CoordY,CoordZ,LesionID,AnnotationID,NoduleID,"
        b"label,Age_at_StudyDate,Gender\n100570,1.2.840,19990102,61.1,-163.2,-177.7,1,100570_1_19990102,"
        b"100570_1,1,63,Male\n",
        "b.csv": b"AnnotationID,lob_loc\n100570_1_19990102,Right Upper Lobe\n",
    },
    "lungx": {"TestSet_NoduleData_PublicRelease_wTruth.csv": LUNGX},
    "nlst": {
        "a.csv": b"pid,scr_days0,scr_days1,scr_days2,candx_days,fup_days,age,gender,de_stag_7thed\n"
        b"100004,10,375,740,400,2000,61,1,110\n100005,5,,,,1500,58,2,\n",
        "b.csv": b"pid,study_yr,sct_ab_desc,sct_long_dia\n100004,1,51,8\n",
    },
}
FOLDS: Files = {
    "fold_0/train_pid.csv": b",pid,cohort\n0,007,c\n1,8,c\n2,11,d\n",
    "fold_0/val_pid.csv": b",pid,cohort\n0,9,c\n",
    "fold_1/train_pid.csv": b",pid,cohort\n0,9,c\n",
    "fold_1/val_pid.csv": b",pid,cohort\n0,007,d\n1,8,c\n2,11,d\n",
    "test_pid.csv": b"pid,cohort\n10,c\n",
}
"""Folds as the paper's notebook and `bench cohort split` write them, of the two cohorts of the target."""


def workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Scan Number", "Nodule Number", "Nodule Center x,y Position*"], ["LUNGx-CT005", 1, "333, 356"],
                [None], ["LUNGx-CT005", 2.0, 120325]):  # fmt: skip
        sheet.append(row)
    sheet.merge_cells("A5:C6")
    sheet["B9"] = "=1+1"
    book.create_sheet("empty")
    made = io.BytesIO()
    book.save(made)
    return calculated(made.getvalue())


def calculated(workbook: bytes) -> bytes:
    """A workbook whose formulas have the stored value 2, which openpyxl writes for none."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, re.sub(rb"</f><v ?/>|</f><v></v>", b"</f><v>2</v>", old.read(name)))
    return made.getvalue()


def predictions_workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["pid", "label", "a", "b"], ["007", 1, 0.5, 0.75], ["8", "no", 0.25, None], ["9", True, 0.125, 1]):
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def parquet(text: str) -> bytes:
    import pandas as pd

    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    frame["score"] = pd.to_numeric(frame["score"])
    made = io.BytesIO()
    frame.astype({"model": "category"}).to_parquet(made, index=False)
    return made.getvalue()


def arrays(*, packed: bool) -> bytes:
    made = io.BytesIO()
    values = {"tokens": np.arange(24, dtype=np.int32).reshape(2, 3, 4), "x": np.ones((2, 2)), "t": np.array(["a"])}
    if packed:
        np.savez_compressed(made, allow_pickle=False, **values)
    else:
        np.save(made, values["tokens"], allow_pickle=False)
    return made.getvalue()


def database(folder: Path) -> bytes:
    from tests.cohorts.test_lidc import Database, circle

    path = folder / "made.sqlite"
    path.unlink(missing_ok=True)
    made = Database(path)
    made.scan(1, "LIDC-IDRI-0001", "1.2.3", [0.0, 2.5, 5.0, 7.5])
    for _ in range(3):
        made.reading(1, {height: circle(30, 40, 5) for height in (0.0, 2.5, 5.0)}, malignancy=4)
    return made.done().read_bytes()


def tensors(folder: Path) -> tuple[bytes, bytes, bytes]:
    """A safetensors file, a ``.pt`` and one of the older format, of the same tensors."""
    import torch
    from safetensors.torch import save

    values = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}
    made = []
    for new in (True, False):
        stream = io.BytesIO()
        torch.save({"model": values, "epoch": 3}, stream, _use_new_zipfile_serialization=new)
        made.append(stream.getvalue())
    return save(values), made[0], made[1]


def scans(folder: Path) -> dict[str, Files]:
    """One small scan in every file format, and a DICOM series of three slices."""
    from tests.imaging.scan_files import image, save, save_series, voxels

    made = image(voxels((3, 12, 10)))
    found = {}
    for ending in (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd"):
        path = save(made, folder / f"scan{ending}")
        raw = path.with_suffix(".raw")
        beside = {raw.name: raw.read_bytes()} if ending == ".mhd" else {}
        found[ending] = {path.name: path.read_bytes(), **beside}
    series = save_series(made, folder / "series")
    found["dicom"] = {f"series/{path.name}": path.read_bytes() for path in sorted(series.iterdir())}
    return found


def crops(folder: Path) -> Files:
    """A finished crop store of two nodules, one of which failed."""
    import pandas as pd

    from benchmark.imaging.cropping.cohort import crop_cohort
    from tests.imaging.scan_files import image, save, voxels

    folder.mkdir(exist_ok=True)
    save(image(voxels((24, 40, 40))), folder / "scan.nii.gz")
    table = pd.DataFrame(
        {"pid": ["007", "8"], "nodule_id": ["1", "1"], "image_path": ["scan.nii.gz", "none.nii.gz"],
         "coordX": [-10.0, 0.0], "coordY": [20.0, 0.0], "coordZ": [-90.0, 0.0]}
    )  # fmt: skip
    crop_cohort(table, folder, folder / "store")
    return below(folder / "store")


def run_manifest() -> bytes:
    import yaml

    from benchmark.imaging.recipe import get_recipe
    from clip_nodule.network.backbone import backbone_config
    from clip_nodule.runs.run_folder import RunInfo
    from clip_nodule.runs.settings import Settings

    info = RunInfo(
        name="r", number=1, seed=3, folds=2, settings=Settings(), recipe=get_recipe("default").as_dict(),
        backbone=backbone_config("tiny"), inputs={"nodules": "0" * 64}, notes=("made",),
    )  # fmt: skip
    return yaml.safe_dump(info.model_dump(mode="json"), sort_keys=False).encode()


def training_data() -> Files:
    """``data`` of a run on folds that were given, with texts."""
    arrays = {
        "tokens": np.arange(12, dtype=np.uint16).reshape(2, 2, 3),
        "rarity": np.ones((2, 2)),
        "sides": np.array([[1, 2], [2, 1]], np.int8),
    }
    found = {"data/nodules.csv": b"row,cohort,pid,nodule_id,label,fold\n0,a,007,1,1,0\n3,b,8,1,-1,1\n"}
    for name, array in arrays.items():
        made = io.BytesIO()
        np.save(made, array, allow_pickle=False)
        found[f"data/{name}.npy"] = made.getvalue()
    return found


def fold_state() -> bytes:
    """``state.json`` as earlier versions wrote it, without a hash of itself."""
    stop = {"patience": 2, "warmup": 0, "best": 0.5, "best_epoch": 1, "waited": 1}
    content = {
        "sha256": "0" * 64,
        "stops": {"both": stop, "pred": stop},
        "history": [{"loss": 1.5, "auroc": None}],
    }
    return json.dumps(content, indent=1).encode()


def below(folder: Path) -> Files:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in files}


@lru_cache(maxsize=1)
def card() -> bytes:
    return json.dumps(CARD, indent=2).encode()
