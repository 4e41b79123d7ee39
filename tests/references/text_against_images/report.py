"""The page and the figure of the study, from what its trainings left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.references.text_against_images.cohorts import HELD_OUT, LABELLED, PHANTOMS, SECOND, START, TRAINING
from tests.references.text_against_images.drawing import COLOURS, Curve
from tests.references.text_against_images.summary import (
    METRICS,
    Difference,
    HeldOut,
    from_readers_features,
    paired_difference,
)
from tests.references.text_against_images.trials import (
    IMAGES,
    RANDOM,
    SETTINGS,
    Finished,
    Trial,
    held_out_scores,
)

STARTS = {RANDOM: "random start", IMAGES: "image-only start"}


@dataclass(frozen=True, order=True)
class Cell:
    """What a pair of models has in common over its seeds."""

    start: str
    second: bool
    tuning: str
    patients: int


@dataclass(frozen=True)
class Pair:
    """CLIP and images alone over the seeds that both finished; ``areas`` and ``difference`` by metric."""

    seeds: int
    areas: Mapping[str, Mapping[str, np.ndarray]]
    difference: Mapping[str, Difference]


def pairs_of(work: Path, done: Mapping[Trial, Finished], held: HeldOut) -> dict[Cell, Pair]:
    """Every cell of which at least two seeds have both models."""
    labels, found = held.labels.to_numpy(), {}
    for cell in sorted({Cell(t.start, t.second, t.tuning, t.patients) for t in done}):
        own = [t for t in done if Cell(t.start, t.second, t.tuning, t.patients) == cell]
        seeds = sorted(
            {t.seed for t in own if t.modality == "clip"} & {t.seed for t in own if t.modality == "vision"}
        )
        if len(seeds) < 2:
            continue
        scores = {
            modality: np.stack(
                [
                    held.aligned(held_out_scores(work, t))
                    for t in sorted(own)
                    if t.modality == modality and t.seed in seeds
                ]
            )
            for modality in ("clip", "vision")
        }
        found[cell] = Pair(
            len(seeds),
            {
                name: {
                    modality: np.array([metric(labels, one) for one in each]) for modality, each in scores.items()
                }
                for name, metric in METRICS.items()
            },
            {
                name: paired_difference(labels, scores["clip"], scores["vision"], metric)
                for name, metric in METRICS.items()
            },
        )
    return found


def curves(pairs: Mapping[Cell, Pair], metric: str) -> dict[str, list[Curve]]:
    """Learning curves of both modalities, with and without the second cohort, by start."""
    panels = {}
    for start, title in STARTS.items():
        panels[title] = [
            Curve(
                f"{'CLIP' if modality == 'clip' else 'images alone'}{', and LIDC-like cohort' if second else ''}",
                COLOURS[modality],
                second,
                {
                    cell.patients: (
                        float(pair.areas[metric][modality].mean()),
                        float(pair.areas[metric][modality].std(ddof=1)),
                    )
                    for cell, pair in pairs.items()
                    if (cell.start, cell.second, cell.tuning) == (start, second, "full")
                },
            )
            for modality in ("clip", "vision")
            for second in (False, True)
        ]
    return panels


def page(
    work: Path, done: Mapping[Trial, Finished], pairs: Mapping[Cell, Pair], held: HeldOut, command: str
) -> str:
    """The page as Markdown."""
    sizes = sorted({cell.patients for cell in pairs if cell.tuning == "full"})
    full = {cell: pair for cell, pair in pairs.items() if cell.tuning == "full"}
    table_4 = sorted({cell.patients for cell in pairs if cell.tuning == "probe"})
    lines = ["# Does semantic text help? Phantoms, encoders that never read a text", "", f"`{command}`", ""]
    lines += [*_what_was_done(work, done, held), "", "## By how much", "", *_verdict(full), ""]
    lines += ["![learning curves](text_against_images.svg)", "", *_curve_tables(full), ""]
    lines += [
        "## What could be reached",
        "",
        *_ceilings(work, held, sizes, max(p.seeds for p in pairs.values())),
        "",
    ]
    for patients in table_4:
        lines += ["## Table 4: what learns", "", *_table_4(pairs, patients), ""]
    lines += ["## Work", "", *_work(done)]
    return "\n".join(lines) + "\n"


def _what_was_done(work: Path, done: Mapping[Trial, Finished], held: HeldOut) -> list[str]:
    second, start, training = PHANTOMS[SECOND], PHANTOMS[START], PHANTOMS[TRAINING]
    return [
        f"CLIP and the same network on images alone train on the same `{training.preset}` phantom patients (seed",
        f"{training.seed}), a fifth of whom chooses the epoch (least prediction loss), and score {len(held.labels)} others",
        f"(seed {PHANTOMS[HELD_OUT].seed}, {int(held.labels.sum())} with cancer) that no model trained on and by which",
        "nothing was chosen. A patient's score is the largest of its nodules'. A seed draws the patients, the weights,",
        f"the order and the augmentation. Network: `{SETTINGS['backbone']}`, all of it learns, the same number of steps",
        "with text and without.",
        "",
        "- *Random start*: no weight has seen anything.",
        f"- *Image-only start*: the image encoder has learned the diagnosis of {start.patients} other patients",
        f"  (`{start.preset}`, seed {start.seed}) from images; the text encoder is random. One encoder for all seeds.",
        f"- *LIDC-like cohort*: {second.patients} patients more (`{second.preset}`, seed {second.seed}) train too;",
        f"  {LABELLED:.0%} of them have a diagnosis, all have the features that LIDC's ratings give. Images alone learn",
        "  from those with a diagnosis only, CLIP from all.",
        "",
        "± is the standard deviation over seeds. Intervals of differences (95 %) are for other seeds *and* other",
        "held-out patients: the variance between seeds over their number, and that of the mean over seeds under a",
        "bootstrap of patients, added up; Student's t with Satterthwaite's degrees of freedom. They are not corrected",
        "for their number.",
    ]


def _verdict(pairs: Mapping[Cell, Pair]) -> list[str]:
    """Sentences that the numbers decide."""
    lines = []
    for metric in METRICS:
        found = {cell: pair.difference[metric] for cell, pair in pairs.items()}
        mean = np.mean([d.mean for d in found.values()])
        better = [cell for cell, d in found.items() if d.low > 0]
        worse = [cell for cell, d in found.items() if d.high < 0]
        most = max(found, key=lambda cell: found[cell].mean)
        least = min(found, key=lambda cell: found[cell].mean)
        lines += [
            f"**{metric}**: text changes it by {mean:+.3f} on the mean of {len(found)} pairs: from",
            f"{found[least].mean:+.3f} ({_words(least)}) to {found[most].mean:+.3f} ({_words(most)}).",
            f"The interval lies above 0 in {len(better)} of {len(found)}{_listed(better)}, below in {len(worse)}{_listed(worse)}.",
            "",
        ]
        groups = {
            "random start": [d.mean for c, d in found.items() if c.start == RANDOM],
            "image-only start": [d.mean for c, d in found.items() if c.start == IMAGES],
            "one cohort": [d.mean for c, d in found.items() if not c.second],
            "with the LIDC-like cohort": [d.mean for c, d in found.items() if c.second],
        }
        lines += ["Means: " + ", ".join(f"{n} {np.mean(v):+.3f}" for n, v in groups.items() if v) + ".", ""]
    return lines[:-1]


def _words(cell: Cell) -> str:
    return f"{STARTS[cell.start]}, {cell.patients} patients{', LIDC-like cohort' if cell.second else ''}"


def _listed(cells: Sequence[Cell]) -> str:
    return f" ({'; '.join(map(_words, cells))})" if cells else ""


def _curve_tables(pairs: Mapping[Cell, Pair]) -> list[str]:
    lines = []
    for start, title in STARTS.items():
        for second in (False, True):
            rows = {c: p for c, p in pairs.items() if (c.start, c.second) == (start, second)}
            if rows:
                lines += ["", f"**{title}{', LIDC-like cohort' if second else ''}**", ""]
                lines += _rows_of({str(cell.patients): pair for cell, pair in sorted(rows.items())}, "patients")
    return lines[1:]


def _rows_of(pairs: Mapping[str, Pair], what: str) -> list[str]:
    lines = [
        f"| {what} | seeds | AUROC, CLIP | images alone | difference | AUPRC, CLIP | images alone | difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, pair in pairs.items():
        cells = [name, str(pair.seeds)]
        for metric in METRICS:
            areas, difference = pair.areas[metric], pair.difference[metric]
            cells += [mean_and_deviation(areas[modality]) for modality in ("clip", "vision")]
            shown = f"{difference.mean:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"
            cells.append(f"**{shown}**" if difference.is_clear else shown)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def mean_and_deviation(values: np.ndarray) -> str:
    """Over seeds."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def _ceilings(work: Path, held: HeldOut, sizes: Sequence[int], seeds: int) -> list[str]:
    """The true risk, and what is had from readers' features and from the diameter, with as many labels."""
    best = {name: held.areas([held.risk], metric)[0] for name, metric in METRICS.items()}
    lines = [
        "A phantom's label is drawn from a logistic model of its semantic features. The chances that labels were drawn",
        f"with reach AUROC {best['AUROC']:.3f} and AUPRC {best['AUPRC']:.3f} on these patients: no model can be expected",
        "to do better. Logistic regressions fitted on the same patients, on what readers wrote (all that a text can say)",
        "and on the diameter alone:",
        "",
        "| patients | AUROC, readers' features | diameter | AUPRC, readers' features | diameter |",
        "|---|---|---|---|---|",
    ]
    for patients in sizes:
        scores = from_readers_features(work, patients, seeds)
        cells = [mean_and_deviation(held.areas(scores[n], m)) for m in METRICS.values() for n in scores]
        lines.append(f"| {patients} | {' | '.join(cells)} |")
    return lines


def _table_4(pairs: Mapping[Cell, Pair], patients: int) -> list[str]:
    rows = {
        title: pair
        for tuning, title in (("full", "full fine-tuning"), ("probe", "probing"), ("lora", "LoRA"))
        if (pair := pairs.get(Cell(IMAGES, False, tuning, patients))) is not None
    }
    return [
        f"Image-only start, {patients} patients, one cohort; LoRA as in `tiny-cpu`.",
        "",
        *_rows_of(rows, "tuning"),
    ]


def _work(done: Mapping[Trial, Finished]) -> list[str]:
    seconds = np.array([one.seconds for one in done.values()])
    epochs = np.array([one.epochs for one in done.values()])
    return [
        f"{len(done)} trainings, {seconds.sum() / 60:.0f} minutes of one core with their scoring (median "
        f"{np.median(seconds):.0f} s each), {epochs.min()} to {epochs.max()} epochs. Drawing the phantoms, their crops and",
        "the image-only start come on top.",
    ]
