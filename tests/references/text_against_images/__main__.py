"""``python -m tests.references.text_against_images --work DIR``: train, score, write the page and the figure.

DIR gets phantoms, crops, splits, scores and a record of each training; the same command goes on where it was
stopped, and several processes may share the trainings. ``--report`` writes from what is there. ``--quick`` is a
trial of minutes, which writes its page into DIR.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd
import torch

from benchmark.files import write_text
from benchmark.outputs.locks import InUseError, holding
from tests.references.text_against_images.cells import curves, pairs_of
from tests.references.text_against_images.cohorts import make_cohorts
from tests.references.text_against_images.drawing import drawing
from tests.references.text_against_images.knowledge import DIAMETER
from tests.references.text_against_images.report import page
from tests.references.text_against_images.scoring import held_out_nodules
from tests.references.text_against_images.summary import METRICS, HeldOut
from tests.references.text_against_images.trials import (
    SEEDS,
    SHOWN,
    SIZES,
    TABLE_4,
    every_trial,
    finished,
    record_of,
    run_trial,
)

RESULTS = Path(__file__).resolve().parents[3] / "results"
QUICK_SIZES, QUICK_SEEDS, QUICK_SHARE, QUICK_SHOWN = (16,), 2, 0.03, 40


def main(arguments: list[str] | None = None) -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=None, help="folder of the page and the figure; results/")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(SIZES), help="labelled patients, in this order"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--shown", type=int, default=SHOWN, help="nodules that a training sees")
    parser.add_argument("--report", action="store_true", help="train nothing more")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(arguments)
    command = f"python -m tests.references.text_against_images --work DIR --shown {given.shown}"
    command += f" --sizes {' '.join(map(str, given.sizes))} --seeds {given.seeds}"
    share, table_4, out = 1.0, TABLE_4, given.out or RESULTS
    if given.quick:
        given.sizes, given.seeds, given.shown = list(QUICK_SIZES), QUICK_SEEDS, QUICK_SHOWN
        share, table_4, out = QUICK_SHARE, QUICK_SIZES[-1], given.out or given.work
        command = "python -m tests.references.text_against_images --work DIR --quick"
    torch.set_num_threads(1)
    trials = every_trial(tuple(given.sizes), given.seeds, table_4)
    if not given.report:
        make_cohorts(given.work, share)
        # Twice, for those that waited for what another process was making.
        for number, trial in [*enumerate(trials, 1)] * 2:
            record = record_of(given.work, trial)
            with suppress(InUseError), holding(record):
                if not record.is_file():
                    took = run_trial(given.work, trial, given.shown).seconds
                    sys.stdout.write(f"{number} of {len(trials)}: {trial.name}, {took:.0f} s\n")
                    sys.stdout.flush()
    done, held = finished(given.work, trials), HeldOut.of(given.work)
    pairs = pairs_of(given.work, done, held)
    nodules = held_out_nodules(given.work)
    diameter = pd.to_numeric(nodules[DIAMETER]).groupby(nodules["pid"]).max()
    lines = {"best possible": held.risk, "diameter alone": diameter}
    heights = {name: float(held.areas([scores], METRICS["AUROC"])[0]) for name, scores in lines.items()}
    sizes = sorted({cell.patients for cell in pairs if cell.tuning == "full"})
    write_text(out / "text_against_images.md", page(given.work, done, pairs, held, command))
    write_text(out / "text_against_images.svg", drawing(curves(pairs, "AUROC"), heights, sizes))


if __name__ == "__main__":
    main()
