"""The page of the study, from what its trainings left."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from benchmark.contracts.cohort import load_cohort
from tests.references.text_against_images.cells import STARTS, Cell, Pair
from tests.references.text_against_images.cohorts import HELD_OUT, LABELLED, PHANTOMS, SECOND, START, TRAINING
from tests.references.text_against_images.knowledge import NAMES, knowledge
from tests.references.text_against_images.summary import METRICS, HeldOut, from_readers_features
from tests.references.text_against_images.trials import IMAGES, RANDOM, SETTINGS, Finished, Trial

EARLIER = (
    "From the encoder of `clip_nodule/weights`, which was pretrained on texts, CLIP and images alone "
    "reach the same: AUROC on held-out patients 0.896, 0.878, 0.924, 0.922, 0.873 and 0.896, 0.877, "
    "0.923, 0.924, 0.871 for five seeds, a difference of +0.000 (SD 0.002; 400 `nlst` patients of seed "
    "77, half of them held out, mean of five folds; commit 354d85d, whose script this study replaced). "
    "There the text's part was over before the training began."
)
"""Measured before, by other code: it is quoted, not computed."""


def page(
    work: Path, done: Mapping[Trial, Finished], pairs: Mapping[Cell, Pair], held: HeldOut, command: str
) -> str:
    """The page as Markdown."""
    full = {cell: pair for cell, pair in pairs.items() if cell.tuning == "full" and cell.longer == 1}
    lines = ["# Does semantic text help? Phantoms, encoders that never read a text", "", f"`{command}`", ""]
    lines += [*_what_was_done(work, held), "", "## By how much", "", *_verdict(full), ""]
    lines += ["![learning curves](text_against_images.svg)", *_curve_tables(full), ""]
    lines += ["## What could be reached", "", *_ceilings(work, held, full)]
    lines += ["", "## What the image encoders know", "", *_knowledge(knowledge(work, done), pairs)]
    lines += _longer(pairs)
    for patients in sorted({cell.patients for cell in pairs if cell.tuning == "probe"}):
        lines += ["", "## Table 4: what learns", "", *_table_4(pairs, patients)]
    lines += ["", "## With an encoder that has read the text", "", *paragraph(EARLIER)]
    lines += ["", "## Work", "", *_work(done)]
    return "\n".join(lines) + "\n"


def paragraph(*sentences: str, item: bool = False) -> list[str]:
    """Lines of a paragraph, or of an item of a list."""
    return textwrap.wrap(
        " ".join(sentences),
        115,
        initial_indent="- " if item else "",
        subsequent_indent="  " if item else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _what_was_done(work: Path, held: HeldOut) -> list[str]:
    second, start, training = PHANTOMS[SECOND], PHANTOMS[START], PHANTOMS[TRAINING]
    drawn = {name: load_cohort(name, work / "cohorts").nodules["pid"].nunique() for name in (SECOND, START)}
    return [
        *paragraph(
            "CLIP and the same network on images alone train on the same patients",
            f"(preset `{training.preset}`, phantoms of seed {training.seed}); a",
            "fifth of them chooses the epoch, by",
            f"the least prediction loss. Both score {len(held.labels)} patients (seed {PHANTOMS[HELD_OUT].seed},",
            f"{int(held.labels.sum())} with cancer) that no model trained on and by which nothing was chosen; a",
            "patient's score is the largest of its nodules'. A seed draws the",
            "patients, the weights, the order and",
            f"the augmentation. Of the network (`{SETTINGS['backbone']}`)",
            "everything learns, in as many steps with",
            f"text as without. With all {PHANTOMS[TRAINING].patients} the patients are the same in every seed.",
        ),
        "",
        *paragraph("*Random start*: no weight has seen anything.", item=True),
        *paragraph(
            f"*Image-only start*: the image encoder has learned the diagnoses of {drawn[START]} other patients",
            f"(`{start.preset}`, seed {start.seed}) from images; the text encoder is random. One encoder for all",
            "seeds.",
            item=True,
        ),
        *paragraph(
            f"*LIDC-like cohort*: {drawn[SECOND]} patients more",
            f"(`{second.preset}`, seed {second.seed}) train too.",
            f"{LABELLED:.0%} of them have a diagnosis, all have the features that",
            "LIDC's ratings and outlines give:",
            "CLIP learns from all, images alone from those with a diagnosis.",
            item=True,
        ),
        "",
        *paragraph(
            "± is the standard deviation over seeds. A difference is the mean over",
            "seeds; its 95 % interval is for",
            "other seeds *and* other held-out patients: the variance between seeds",
            "over their number, plus that of",
            "the mean over seeds under a bootstrap of patients, and Student's t with Satterthwaite's degrees of",
            "freedom. Intervals are not corrected for their number; one that leaves 0 out is bold.",
        ),
    ]


def _verdict(pairs: Mapping[Cell, Pair]) -> list[str]:
    """Sentences that the numbers decide."""
    lines: list[str] = []
    for metric in METRICS:
        found = {cell: pair.difference[metric] for cell, pair in pairs.items()}
        better = [cell for cell, d in found.items() if d.low > 0]
        worse = [cell for cell, d in found.items() if d.high < 0]
        most = max(found, key=lambda cell: found[cell].mean)
        least = min(found, key=lambda cell: found[cell].mean)
        groups = {
            "random start": [d.mean for c, d in found.items() if c.start == RANDOM],
            "image-only start": [d.mean for c, d in found.items() if c.start == IMAGES],
            "one cohort": [d.mean for c, d in found.items() if not c.second],
            "with the LIDC-like cohort": [d.mean for c, d in found.items() if c.second],
        }
        lines += paragraph(
            f"**{metric}**: text changes it by {np.mean([d.mean for d in found.values()]):+.3f} on the mean of",
            f"{len(found)} comparisons, from {found[least].mean:+.3f} ({_words(least)}) to",
            f"{found[most].mean:+.3f} ({_words(most)}).",
            f"The interval lies above 0 in {len(better)} of {len(found)}{_listed(better)}, and below it in",
            f"{len(worse)}{_listed(worse)}.",
            f"Means: {', '.join(f'{name} {np.mean(each):+.3f}' for name, each in groups.items() if each)}.",
        )
        lines.append("")
    return lines[:-1]


def _words(cell: Cell) -> str:
    return f"{STARTS[cell.start]}, {cell.patients} patients{', LIDC-like cohort' if cell.second else ''}"


def _listed(cells: Sequence[Cell]) -> str:
    return f" ({'; '.join(map(_words, cells))})" if cells else ""


def _curve_tables(pairs: Mapping[Cell, Pair]) -> list[str]:
    lines: list[str] = []
    for start, title in STARTS.items():
        for second in (False, True):
            rows = {c: p for c, p in pairs.items() if (c.start, c.second) == (start, second)}
            if rows:
                lines += ["", f"**{title[0].upper()}{title[1:]}{', LIDC-like cohort' if second else ''}**", ""]
                lines += _rows_of({str(cell.patients): pair for cell, pair in sorted(rows.items())}, "patients")
    return lines


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


def mean_and_deviation(values: npt.NDArray[np.float64]) -> str:
    """Over seeds."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def _ceilings(work: Path, held: HeldOut, pairs: Mapping[Cell, Pair]) -> list[str]:
    """The true risk, and what is had from readers' features and from the diameter, with as many labels."""
    best = {name: held.areas([held.risk], metric)[0] for name, metric in METRICS.items()}
    lines = [
        *paragraph(
            "A phantom's label is drawn from a logistic model of its semantic features. The chances that labels",
            f"were drawn with reach AUROC {best['AUROC']:.3f} and AUPRC {best['AUPRC']:.3f} on these patients: no",
            "model can be expected to do better. Logistic regressions, fitted on the same patients, on what",
            "readers wrote (all that a text can say) and on the diameter alone, beside the best network above:",
        ),
        "",
        "| patients | AUROC, readers' features | diameter | best network | AUPRC, readers' features | diameter "
        "| best network |",
        "|---|---|---|---|---|---|---|",
    ]
    seeds = max(pair.seeds for pair in pairs.values())
    for patients in sorted({cell.patients for cell in pairs}):
        scores = from_readers_features(work, patients, seeds)
        cells = []
        for name, metric in METRICS.items():
            cells += [mean_and_deviation(held.areas(each, metric)) for each in scores.values()]
            own = [a for c, p in pairs.items() if c.patients == patients for a in p.areas[name].values()]
            cells.append(mean_and_deviation(max(own, key=np.mean)))
        lines.append(f"| {patients} | {' | '.join(cells)} |")
    return lines


def _knowledge(found: Mapping[Cell, Mapping[str, Mapping[str, float]]], pairs: Mapping[Cell, Pair]) -> list[str]:
    lines = [
        *paragraph(
            "How well a linear model reads, from the image embeddings of held-out nodules, the features on which",
            "malignancy depends most: Spearman's correlation with the diameter, AUROC of the others (five folds",
            "of patients, mean over seeds). CLIP / images alone.",
        ),
        "",
        f"| start | patients | {' | '.join(NAMES)} |",
        f"|---|---{'|---' * len(NAMES)}|",
    ]
    for cell, by_modality in sorted(found.items()):
        if cell in pairs:
            each = [f"{by_modality['clip'][name]:.2f} / {by_modality['vision'][name]:.2f}" for name in NAMES]
            start = f"{STARTS[cell.start]}{', LIDC-like cohort' if cell.second else ''}"
            start += "" if cell.longer == 1 else f", {cell.longer} times as long"
            lines.append(f"| {start} | {cell.patients} | {' | '.join(each)} |")
    added = {
        cell: float(np.mean([found[cell]["clip"][name] - found[cell]["vision"][name] for name in NAMES]))
        for cell in pairs.keys() & found.keys()
    }
    both = sorted(cell for cell, value in added.items() if np.isfinite(value))
    if len(both) > 3:
        more, better = [added[cell] for cell in both], [pairs[cell].difference["AUROC"].mean for cell in both]
        lines += [
            "",
            *paragraph(
                f"Over these {len(both)} comparisons, what text adds to the AUROC of malignancy goes with what",
                f"it adds to this knowledge (mean of the {len(NAMES)} columns): Spearman's correlation",
                f"{spearmanr(more, better)[0]:.2f}.",
            ),
        ]
    return lines


def _longer(pairs: Mapping[Cell, Pair]) -> list[str]:
    """The random start as long as the others, and longer."""
    lines: list[str] = []
    for cell, pair in pairs.items():
        if cell.longer > 1:
            usual = pairs[replace(cell, longer=1)]
            lines += ["", "## Longer training", "", f"Random start, {cell.patients} patients, one cohort.", ""]
            lines += _rows_of({"as above": usual, f"{cell.longer} times as long": pair}, "training")
    return lines


def _table_4(pairs: Mapping[Cell, Pair], patients: int) -> list[str]:
    titles = {"full": "full fine-tuning", "probe": "probing", "lora": "LoRA"}
    cells = {title: Cell(IMAGES, False, tuning, patients) for tuning, title in titles.items()}
    return [
        f"Image-only start, {patients} patients, one cohort; LoRA of the rank of `tiny-cpu`.",
        "",
        *_rows_of({title: pairs[cell] for title, cell in cells.items() if cell in pairs}, "tuning"),
    ]


def _work(done: Mapping[Trial, Finished]) -> list[str]:
    seconds = np.array([one.seconds for one in done.values()])
    epochs = np.array([one.epochs for one in done.values()])
    last: dict[tuple[str, str], list[bool]] = {}
    for trial, one in done.items():
        if trial.tuning == "full" and trial.longer == 1:
            last.setdefault((trial.start, trial.modality), []).append(one.best_epoch == one.epochs)
    shares = [
        f"{sum(each)} of {len(each)} ({STARTS[start]}, {'CLIP' if modality == 'clip' else 'images alone'})"
        for (start, modality), each in sorted(last.items())
    ]
    return paragraph(
        f"{len(done)} trainings, {seconds.sum() / 60:.0f} minutes of one core with scoring and the image-only",
        f"start (median {np.median(seconds):.0f} s each); drawing the phantoms and their crops come on top.",
        f"They made {epochs.min()} to {epochs.max()} epochs, as many as show about the number of nodules that",
        "`--shown` says (at least 4 and at most 40, but for those that train longer). The last epoch was the best",
        f"by validation, so that longer training might give more, in {', '.join(shares)}. Learning rate and batch",
        "size are the same everywhere and were not searched.",
    )
