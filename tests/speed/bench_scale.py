"""Large cohorts on one machine: ``python tests/speed/bench_scale.py`` writes its part of results/speed/scale.md.

Every command runs in a process of its own, and its processor time and largest memory are measured: how much else
the machine does changes the wall clock only. Inputs are made in a temporary folder.

``--only tables,store`` measures some; ``--share 0.1`` a tenth of the cases, and does not write the file;
``--against FOLDER`` measures another checkout too, on the same inputs, in turn. Each is run ``--rounds`` times,
and the round of the least processor time counts: what other users of a shared machine do only adds to it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow
import sklearn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.cohorts.phantom import prepare_phantom  # noqa: E402
from benchmark.contracts.cohort import CohortManifest, load_cohort, write_cohort  # noqa: E402
from benchmark.contracts.score_card import ScoreCard, write_scores  # noqa: E402
from benchmark.files import write_text  # noqa: E402
from benchmark.imaging.cropping.fingerprint import store_fingerprints  # noqa: E402
from benchmark.imaging.cropping.store import CropStore  # noqa: E402
from tests.comparison.made import expit, score_rows  # noqa: E402
from tests.speed.stores import finished_store  # noqa: E402

OUT = ROOT / "results" / "speed" / "scale.md"
TITLES = {
    "tables": "A million nodules",
    "compare": "A comparison of 100,000 nodules",
    "exams": "80,000 JSON files",
    "store": "A finished crop store of 100,000 nodules",
}
MODELS = {"clip": 0.5, "deepipn": 0.9, "sybil": 1.2, "venkadesh": 1.6}
ROWS, COMPARED, EXAMS, STORED = 1_000_000, 100_000, 80_000, 100_000


class Used(NamedTuple):
    """What a command took."""

    wall: float
    processor: float
    mebibytes: float


class Job(NamedTuple):
    """One line of the table: the command, what it must not exceed, and what it writes."""

    what: str
    goal: str
    words: list[str]
    program: str = "from benchmark.cli.main import app; app()"


PLAIN_LOOP = """
import json, sys
from pathlib import Path
for path in sorted(Path(sys.argv[1]).rglob("*.json")):
    json.loads(path.read_text(encoding="utf-8"))
"""


def run(tree: Path, job: Job) -> Used:
    """Run ``bench`` of a checkout, or what it is compared with."""
    overwrite = ["--overwrite"] if job.words[0] in ("adapt", "cohort") else []
    program = [sys.executable, "-c", job.program, *job.words, *overwrite]
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    begin = time.perf_counter()
    process = subprocess.Popen(program, cwd=tree, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        raise SystemExit(f"{' '.join(job.words)} ended with {status}")
    return Used(time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def nodule_rows(count: int, seed: int = 0) -> pd.DataFrame:
    """A nodule table: patients of one to some ten nodules, 5 % malignant, ids as long as DICOM's."""
    random = np.random.default_rng(seed)
    sizes = random.geometric(0.6, count)
    person = np.repeat(np.arange(count), sizes)[:count]
    first = np.r_[True, person[1:] != person[:-1]]
    number = np.arange(count) - np.flatnonzero(first)[person]
    pid = np.char.add("1.2.840.113654.2.55.", (10**17 + person * 7_919).astype(str))
    table = pd.DataFrame({"pid": pid, "nodule_id": number.astype(str), "image_path": np.char.add(pid, ".nii.gz")})
    for axis in "XYZ":
        table[f"coord{axis}"] = random.normal(0, 100, count).round(3)
    return table.assign(malignant=pd.array((random.random(count) < 0.05).astype(int), dtype="Int8"))


def tables(folder: Path, share: float) -> Iterator[Job]:
    """Preparing, splitting and adapting a cohort of a million nodules."""
    rows = int(ROWS * share)
    nodules = nodule_rows(rows)
    write_cohort(folder / "cohorts" / "big", CohortManifest(name="big", title="Big"), nodules)
    given = nodules.rename(columns={"pid": "PatientID", "malignant": "label"})
    given.assign(dataset="screening", reader="consensus of three").to_csv(folder / "given.csv", index=False)
    yield Job(
        f"`cohort prepare csv`, {rows:,} nodules, {_mega(folder / 'given.csv')}",
        "10 s",
        ["cohort", "prepare", "csv", "--from", str(folder / "given.csv"), "--out", str(folder / "made" / "big")],
    )
    yield Job(
        f"`cohort split`, {rows:,} nodules of {nodules['pid'].nunique():,} patients",
        "10 s",
        ["cohort", "split", "big", "--cohorts", str(folder / "cohorts"), "--out", str(folder / "splits")],
    )
    random = np.random.default_rng(1)
    scored = nodules[["pid", "nodule_id"]].assign(score=random.random(rows).round(6))
    constant = {
        "architecture": "resnet50-3d with attention", "weights": "checkpoint_epoch_120_best_auc.pt",
        "dataset": "screening arm, baseline round", "split": "external test", "reader": "automatic", "note": "ok",
    }  # fmt: skip
    scored = scored.assign(image=np.char.add(nodules["pid"].to_numpy(str), ".nii.gz"), **constant)
    scored.to_csv(folder / "scores.csv", index=False)
    yield Job(
        f"`adapt csv`, {rows:,} scores, {_mega(folder / 'scores.csv')}",
        "15 s, 1,500 MiB",
        [
            "adapt", "csv", str(folder / "scores.csv"), "--cohort", "big", "--cohorts", str(folder / "cohorts"),
            "--out", str(folder / "scores" / "big.csv"), "--model", "mine",
        ],
    )  # fmt: skip


def comparison(folder: Path, share: float) -> Iterator[Job]:
    """Four models on a cohort of 100,000 nodules."""
    rows = int(COMPARED * share)
    nodules = nodule_rows(rows)
    write_cohort(folder / "cohorts" / "large", CohortManifest(name="large", title="Large"), nodules)
    labels, random = nodules["malignant"].to_numpy(int), np.random.default_rng(0)
    for model, noise in MODELS.items():
        scored = score_rows(
            nodules, model, "large", list(expit(labels * 1.5 - 2 + noise * random.normal(size=rows)))
        )
        card = ScoreCard(model, "large", model, "made", (), "unseen")
        write_scores(scored, card, folder / "scores" / "large" / f"{model}.csv")
    for unit in ("patient", "nodule"):
        yield Job(
            f"`compare --unit {unit}`, {rows:,} nodules of {nodules['pid'].nunique():,} patients, 4 models",
            "20 s",
            [
                "compare", "--cohort", "large", "--results", str(folder), "--cohorts", str(folder / "cohorts"),
                "--unit", unit, "--out", str(folder / "compare"),
            ],
        )  # fmt: skip


def exams(folder: Path, share: float) -> Iterator[Job]:
    """A Grand Challenge folder with one JSON file an exam."""
    rows = int(EXAMS * share)
    nodules = nodule_rows(rows).assign(nodule_id=[f"n{k}" for k in range(rows)])
    write_cohort(folder / "cohorts" / "exams", CohortManifest(name="exams", title="Exams"), nodules)
    random = np.random.default_rng(0)
    for number, name in enumerate(nodules["nodule_id"]):
        point = {"name": name, "point": [1.0, 2.0, float(number)], "probability": round(random.random(), 6)}
        content = {"name": "Points of interest", "type": "Multiple points", "points": [point]}
        path = folder / "outputs" / f"exam-{number}" / "lung-nodule-malignancy-likelihoods.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**content, "version": {"major": 1, "minor": 0}}, indent=4), encoding="utf-8")
    yield Job(
        f"`adapt grand-challenge`, {rows:,} JSON files",
        "6 s",
        [
            "adapt", "grand-challenge", str(folder / "outputs"), "--cohort", "exams", "--model", "mine",
            "--cohorts", str(folder / "cohorts"), "--out", str(folder / "scores" / "exams.csv"),
        ],
    )  # fmt: skip
    yield Job(
        "the same files through `Path.rglob`, `read_text` and `json.loads`, and nothing more",
        "",
        [str(folder / "outputs")],
        PLAIN_LOOP,
    )


def store(folder: Path, share: float) -> Iterator[Job]:
    """A crop store in which nothing is left to do, of many nodules of few scans; one in a hundred failed."""
    cohort = prepare_phantom("ucla", folder / "phantom", n_patients=4)
    rows = int(STORED * share)
    nodules = cohort.nodules.iloc[np.arange(rows) % len(cohort.nodules)].reset_index(drop=True)
    nodules["nodule_id"] = [str(k) for k in range(rows)]
    write_cohort(folder / "cohorts" / "stored", CohortManifest(name="stored", title="Stored"), nodules)
    stored = load_cohort("stored", folder / "cohorts")
    finished_store(stored, cohort.image_root, folder / "crops")
    store_fingerprints(CropStore.open(folder / "crops"))
    yield Job(
        f"`crop` of a finished store, {rows:,} nodules",
        "5 s",
        [
            "crop", "--cohort", "stored", "--cohorts", str(folder / "cohorts"), "--image-root",
            str(cohort.image_root), "--out", str(folder / "crops"),
        ],
    )  # fmt: skip


PARTS: dict[str, Callable[[Path, float], Iterator[Job]]] = {
    "tables": tables,
    "compare": comparison,
    "exams": exams,
    "store": store,
}


def _mega(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.0f} MB"


def measured(part: str, trees: list[Path], share: float, rounds: int) -> list[str]:
    """Rows of the table."""
    lines = []
    with tempfile.TemporaryDirectory() as name:
        for job in PARTS[part](Path(name), share):
            each = [[run(tree, job) for tree in trees] for _ in range(rounds)]
            used = [min(one, key=lambda u: u.processor) for one in zip(*each, strict=True)]
            cells = [f"{u.processor:.1f} | {u.wall:.1f} | {u.mebibytes:,.0f}" for u in used]
            lines.append(f"| {job.what} | {job.goal} | {' | '.join(cells)} |")
            sys.stdout.write(lines[-1] + "\n")
            sys.stdout.flush()
    return lines


def write_section(part: str, lines: list[str]) -> None:
    """Put the section of a part into the file, and leave the other sections as they are."""
    heading = f"## {TITLES[part]}"
    text = OUT.read_text(encoding="utf-8") if OUT.exists() else "# Large cohorts and many workers\n"
    begin, *sections = text.split("\n## ")
    others = [f"## {section}".rstrip() for section in sections if f"## {section}".split("\n")[0] != heading]
    write_text(OUT, "\n\n".join([begin.rstrip(), "\n".join([heading, "", *lines]).rstrip(), *others]) + "\n")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="some of: " + ", ".join(PARTS))
    parser.add_argument("--share", type=float, default=1.0, help="of the cases")
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest counts")
    parser.add_argument("--against", type=Path, help="another checkout, measured before this one")
    arguments = parser.parse_args()
    trees = [tree for tree in (arguments.against, ROOT) if tree]
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, pandas {pd.__version__}"
    versions += f", pyarrow {pyarrow.__version__}, scikit-learn {sklearn.__version__}"
    names = (" before", "")[2 - len(trees) :]
    columns = "".join(f" processor s{name} | wall s{name} | MiB{name} |" for name in names)
    for part in reversed(arguments.only.split(",")):
        rows = measured(part, trees, arguments.share, arguments.rounds)
        load = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end"
        lines = [
            f"`python tests/speed/bench_scale.py --only {part}`, {versions}; {load}.",
            "Processor time is that of the whole command, the start of Python included; the goals are of it. "
            f"The fastest of {arguments.rounds} rounds.",
            "",
            f"| what | goal |{columns}",
            "|---" * (2 + 3 * len(trees)) + "|",
            *rows,
        ]
        if arguments.share == 1:
            write_section(part, lines)


if __name__ == "__main__":
    main()
