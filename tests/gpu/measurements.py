"""The parts of ``make gpu``: each puts what it measured into a mapping."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch

from clip_nodule.inference.api import Run, load_run
from clip_nodule.inference.predict import score_rows
from clip_nodule.planes.augment import augmented_planes
from clip_nodule.planes.batch import planes_batch
from clip_nodule.planes.paper_augment import paper_planes
from tests.clip_nodule.training_cohort import make_cohort
from tests.gpu.card import Card
from tests.gpu.findings import Found
from tests.gpu.steps import WAYS, Cohort, Epochs, open_cohort, train

ROOT = Path(__file__).resolve().parents[2]
STEPS: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, {"augment": "paper"}),
    (0, {"augment": "none"}),
    (0, {"augment": "full"}),
    (1, {"augment": "none"}),
    (0, {"augment": "none", "graph": False}),
    (0, {"augment": "none", "precision": "fp32"}),
)
"""Folds, 0 for all, and settings of the steps that are measured."""
TESTED = ("tests/gpu", *(f"tests/clip_nodule/{room}" for room in ("planes", "inference", "network")))
"""Where tests marked ``gpu`` are."""
FULL_EPOCHS, FULL_NODULES = 20, 3600
"""What a run of the paper's size is extrapolated to."""
TINY = {"backbone": "tiny", "folds": 2}
"""What a dry run trains."""


class Measurements:
    """What the parts share.

    Args:
        card: Where they run.
        scratch: A folder for cohorts and runs.
    """

    def __init__(self, card: Card, scratch: Path) -> None:
        self.card, self.scratch = card, scratch
        self.nodules = 12 if card.dry else 240
        self.folds = 2 if card.dry else 5
        self.peak_tflops: float | None = None
        self.run: Path | None = None
        self._cohort: Cohort | None = None

    @property
    def cohort(self) -> Cohort:
        """Balls in air, with crops; made when it is first needed."""
        if self._cohort is None:
            make_cohort(self.scratch / "cohorts" / "balls", self.nodules)
            self._cohort = open_cohort(self.scratch, "balls", **(TINY if self.card.dry else {}))
        return self._cohort

    def machine(self, found: Found) -> None:
        """The card, versions, and the two rates that bound everything else."""
        found |= self.card.describe()
        self.peak_tflops = self.card.bf16_tflops()
        found["bf16 product 8192³, TFLOP/s"] = round(self.peak_tflops, 1)
        found["copy, TB/s read and written"] = self.card.copy_tbps()

    def tests(self, found: Found) -> None:
        """The tests marked ``gpu``, and what they recorded."""
        report = self.scratch / "tests.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--continue-on-collection-errors",
            "-m",
            "gpu",
            "-W",
            "default",
            "-p",
            "no:cacheprovider",
        ]
        environment = os.environ | ({"GPU_CHECK_DRY": "1"} if self.card.dry else {})
        done = subprocess.run(
            [*command, f"--junitxml={report}", f"--basetemp={self.scratch / 'pytest'}", *TESTED],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
            timeout=1500 if self.card.dry else 150,
        )  # fmt: skip
        said = f"{done.stdout[-1500:]}{done.stderr[-1500:]}"
        if not report.is_file():
            raise RuntimeError(f"pytest did not begin: {said}")
        found["outcomes"] = outcomes = {}
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 (pytest wrote it just now)
            bad = [f"{kind}: {node.get('message', '')[:300]}" for kind in ("failure", "error", "skipped")
                   if (node := case.find(kind)) is not None]  # fmt: skip
            recorded = [f"{p.get('name')} {p.get('value')}" for p in case.iter("property")]
            outcomes[str(case.get("name"))] = "; ".join([*(bad or ["passed"]), *recorded])
        if done.returncode or not outcomes:
            raise RuntimeError(f"pytest ended with {done.returncode}: {said}")

    def steps(self, found: Found) -> None:
        """A training step of one fold and of all, by augmentation and precision."""
        nodules = 4 if self.card.dry else 48
        for folds, settings in STEPS:
            count = folds or self.folds
            words = [f"{count} folds", *(f"{name} {value}" for name, value in settings.items())]
            with self._limited(found, ", ".join(words)):
                epochs = Epochs(self.cohort, count, nodules, self.card.device, **settings)
                found[", ".join(words)] = self._step(epochs)
                del epochs

    def _step(self, epochs: Epochs) -> dict[str, Any]:
        gflop = epochs.gflop()
        self.card.peak_gib()
        step = self.card.seconds(epochs, 1 if self.card.dry else 2, warm=1) / epochs.steps * 1e3
        peak = self.card.peak_gib()
        seen, waits = self.card.profiled(epochs), self.card.waits(epochs)
        rate = gflop / step
        return {
            "step ms": round(step, 2),
            "card busy ms": round(seen.busy_ms / epochs.steps, 2),
            "host ms": round(step - seen.blocked_ms / epochs.steps, 2),
            "kernels": round(seen.kernels / epochs.steps, 1),
            "copies": round(seen.copies / epochs.steps, 1),
            "host waits": round(waits / epochs.steps, 2),
            "GFLOP": round(gflop),
            "TFLOP/s": round(rate, 1),
            "share of the bf16 rate": round(rate / self.peak_tflops, 3) if self.peak_tflops else None,
            "peak GiB": peak,
        }

    def whole_run(self, found: Found, way: str) -> None:
        """All folds of ``zhuang2025``: two epochs more, extrapolated to a run of the paper's size."""
        trained, seconds = len(self.cohort.data.table), {}
        for epochs in (1, 3):
            begin = time.perf_counter()
            name = f"{way.replace(' ', '-')}-{epochs}"
            self.run = train(self.cohort, name, self.card.device, epochs=epochs, **WAYS[way])
            seconds[epochs] = time.perf_counter() - begin
            found[f"run of {epochs} epochs, s"] = round(seconds[epochs], 1)
        epoch = (seconds[3] - seconds[1]) / 2
        start = seconds[1] - epoch
        whole = start + FULL_EPOCHS * epoch * FULL_NODULES / trained
        found["nodules"] = trained
        found["an epoch of all folds, s"] = round(epoch, 2)
        found["beginning and end, s"] = round(start, 1)
        found[f"{FULL_EPOCHS} epochs x {FULL_NODULES} nodules, min"] = round(whole / 60, 1)
        found["peak GiB"] = self.card.peak_gib()

    def scoring(self, found: Found) -> None:
        """Nodules a second from crops in memory and from the store."""
        if self.run is None:
            self.run = train(self.cohort, "to-score", self.card.device, epochs=1)
        rows = np.tile(self.cohort.data.rows, 1 if self.card.dry else 4)
        store = self.cohort.store.parts[0]
        crops = store.crops(rows[: 8 if self.card.dry else 512])
        for precision in ("fp32", "bf16"):
            whole = load_run(self.run, device=self.card.device.type, precision=precision)
            for folds in (1, len(whole.models)):
                network = Run(whole.folder, whole.info, whole.models[:folds], whole.device)
                with self._limited(found, f"{precision}, {folds} folds"):
                    of_memory = self.card.seconds(lambda n=network: n.predict(crops), 3, warm=1)
                    of_store = self.card.seconds(lambda n=network: score_rows(n, store, rows), 1, warm=0)
                    found[f"{precision}, {folds} folds"] = {
                        "nodules/s, crops in memory": round(len(crops) / of_memory),
                        "nodules/s, from the store": round(len(rows) / of_store),
                        "peak GiB": self.card.peak_gib(),
                    }

    def planes(self, found: Found) -> None:
        """Planes and augmentations a second, crops on the card."""
        size = 48 if self.card.dry else 224
        store, rows = self.cohort.store, self.cohort.data.rows
        for count in (4, 20) if self.card.dry else (4, 20, 240):
            crops = torch.from_numpy(store.crops(rows[:count])).to(self.card.device)
            ways: dict[str, Callable[[], object]] = {
                "planes": lambda c=crops: planes_batch(c, store.recipe, size),
                "augment full": lambda c=crops: augmented_planes(
                    c, store.recipe, np.random.default_rng(0), size=size
                ),
                "augment paper": lambda c=crops: paper_planes(c, store.recipe, np.random.default_rng(0), size),
            }
            for name, way in ways.items():
                with self._limited(found, f"{name}, {count} at once"):
                    seconds = self.card.seconds(way, 3 if name.endswith("paper") else 10, warm=1)
                    found[f"{name}, {count} at once"] = {
                        "nodules/s": round(len(crops) / seconds),
                        "peak GiB": self.card.peak_gib(),
                    }

    def _limited(self, found: Found, name: str) -> _Recorded:
        return _Recorded(found, name)


class _Recorded:
    """Records an error under a name and goes on; at the part's end the errors make it fail."""

    def __init__(self, found: Found, name: str) -> None:
        self.found, self.name = found, name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.found[self.name] = {"failed": f"{type(error).__name__}: {error}"[:500]}
        self.found["error"] = f"{self.name}: {type(error).__name__}"
        return True
