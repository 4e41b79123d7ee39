"""Readers and models on the same cases, and modalities against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.comparison.reader_numbers import ModalitiesCompared
from benchmark.report.printing.numbers import count, decimals, estimate_text, p_value, percent, threshold_text
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.holm_family import family_size

RANKS = "Ratings are ranks: nothing here takes them for probabilities."


def reader_table(
    rows: pd.DataFrame, points: pd.DataFrame, unit: str, level: float = 0.95, notes: Sequence[str] = ()
) -> Table:
    """A row a reader, a block a modality: AUROC, and the point of the calls where it was said what a call is.

    Args:
        rows: Of `benchmark.comparison.reader_numbers.reader_rows`.
        points: Of `reader_points`.
        unit: What a case is.
        level: Confidence level.
        notes: Sentences on what was read.
    """
    chosen = points[points["chosen"].astype(bool)].set_index(["modality", "reader"])
    cells: list[tuple[Cell, ...]] = []
    blocks: list[tuple[int, str]] = []
    for modality in dict.fromkeys(rows["modality"]):
        blocks.append((len(cells), str(modality)))
        for row in rows[rows["modality"] == modality].to_dict("records"):
            key = (row["modality"], row["reader"])
            point = chosen.loc[key] if key in chosen.index else None
            texts = [str(row["reader"]), f"{count(row['n'])} ({count(row['n_positive'])})"]
            texts.append(estimate_text(row["auroc"], row["auroc_low"], row["auroc_high"]))
            texts += ["–"] * 3 if point is None else _point_cells(point)
            cells.append(tuple(map(Cell, texts)))
    few = [f"{r['reader']} ({r['modality']}): {r['note']}." for r in rows.to_dict("records") if r["note"]]
    missing = rows[rows["missing"] > 0]
    several = rows["modality"].nunique() > 1
    lost = [
        f"{r['reader']} did not rate {count(r['missing'])} of the {count(r['n'] + r['missing'])} {unit}s"
        f"{' of ' + str(r['modality']) if several else ''}."
        for r in missing.to_dict("records")
    ]
    how = (
        f"{percent(level, 0)} intervals: AUROC DeLong on the logit scale, Newcombe's with under ten {unit}s of a "
    )
    how += f"class; rates Wilson's. Each reader on the {unit}s that the reader rated. {RANKS}"
    called = "" if len(chosen) else " What rating is a call was not said (--call-from), so there are no rates."
    return Table(
        "Readers", ("Reader", "n (positive)", "AUROC", "Call from", "Recall", "Specificity"), tuple(cells), (),
        (how + called, *lost, *few, *notes), "tab:readers", tuple(blocks),
    )  # fmt: skip


def reader_points_table(points: pd.DataFrame, level: float = 0.95) -> Table:
    """Every rating as a threshold: a row a reader and rating."""
    cells: list[tuple[Cell, ...]] = []
    blocks: list[tuple[int, str]] = []
    for modality in dict.fromkeys(points["modality"]):
        blocks.append((len(cells), str(modality)))
        for row in points[points["modality"] == modality].to_dict("records"):
            texts = [str(row["reader"]), *_point_cells(row)]
            cells.append(tuple(Cell(text, bool(row["chosen"])) for text in texts))
    notes = (f"A case is called from the rating on. {percent(level, 0)} Wilson intervals. Bold: the calls.",)
    columns = ("Reader", "Call from", "Recall", "Specificity")
    return Table("Readers at every rating", columns, tuple(cells), (), notes, "tab:reader-points", tuple(blocks))


def matched_table(rows: pd.DataFrame, titles: Mapping[str, str], matched: str, notes: Sequence[str] = ()) -> Table:
    """Models at each reader's recall (or specificity): a row a reader, a block a model and modality.

    Args:
        rows: Of `benchmark.comparison.reader_numbers.matched_rows`.
        titles: What is printed for a model.
        matched: ``recall`` or ``specificity``.
        notes: Sentences on who is left out.
    """
    other = "specificity" if matched == "recall" else "recall"
    own = rows[rows["matched"] == matched]
    cells: list[tuple[Cell, ...]] = []
    blocks: list[tuple[int, str]] = []
    for (modality, model), part in own.groupby(["modality", "model"], sort=False):
        n = f"{count(part['n'].iloc[0])} cases, {count(part['n_positive'].iloc[0])} positive"
        blocks.append((len(cells), f"{titles.get(str(model), model)} against {modality}, {n}"))
        for row in part.to_dict("records"):
            texts = [str(row["reader"]) or "Mean of the readers", decimals(row["recall"])]
            texts += [
                decimals(row["specificity"]),
                decimals(row["model_recall"]),
                decimals(row["model_specificity"]),
            ]
            texts += [estimate_text(row["difference"], row["low"], row["high"]), p_value(row["p_value"])]
            texts.append(p_value(row["p_holm"]))
            cells.append(tuple(map(Cell, texts)))
    end = "highest" if matched == "recall" else "lowest"
    how = (
        f"The model's threshold is the {end} at which its {matched} is at "
        f"least the reader's; difference: the model's {other} minus the reader's. Paired bootstrap of patients: "
        "the reader's rates and the threshold are taken again in each resample; Holm over the readers"
        f"{family_size(own, ['modality', 'model'])}. On the "
        "cases that all readers rated and the model scored. The mean is of these readers: nothing is said of "
        "others."
    )
    empty = [
        f"{titles.get(str(row['model']), row['model'])}, {row['reader'] or 'mean'}: {row['note']}."
        for row in own[own["note"] != ""].to_dict("records")
    ]
    return Table(
        f"Models at the readers' {matched}",
        ("Reader", "Recall", "Specificity", "Model's recall", "Model's specificity", f"Difference in {other}", "p",
         "p (Holm)"),
        tuple(cells), (), (how, *empty, *notes), f"tab:matched-{matched}", tuple(blocks),
    )  # fmt: skip


def against_readers_table(
    rows: pd.DataFrame, titles: Mapping[str, str], level: float = 0.95, notes: Sequence[str] = ()
) -> Table:
    """AUROC of models against the mean of the readers: a row a model, a block a modality."""
    cells: list[tuple[Cell, ...]] = []
    blocks: list[tuple[int, str]] = []
    for modality, part in rows.groupby("modality", sort=False):
        blocks.append((len(cells), str(modality)))
        for row in part.to_dict("records"):
            texts = [
                titles.get(str(row["model"]), str(row["model"])),
                f"{count(row['n'])} ({count(row['n_positive'])})",
            ]
            texts += [decimals(row["auroc"]), f"{decimals(row['readers'])} ({count(row['n_readers'])})"]
            texts += [estimate_text(row["difference"], row["low"], row["high"]), _df(row["df"])]
            texts.append(p_value(row["p_value"]))
            cells.append(tuple(map(Cell, texts)))
    how = (
        f"Difference: the model's AUROC minus the mean of the readers', {percent(level, 0)} t interval of "
        "Obuchowski and Rockette's model with Hillis's degrees of freedom: readers and cases random. On the cases "
        "that all readers rated and the model scored; p is not adjusted for the number of models."
    )
    own = [f"{row['modality']}: {row['note']}." for row in rows[rows["note"] != ""].to_dict("records")]
    columns = ("Model", "n (positive)", "AUROC", "Mean of readers (readers)", "Difference", "df", "p")
    return Table(
        "Models against the mean of the readers, AUROC", columns, tuple(cells), (),
        (how, *dict.fromkeys(own), *notes), "tab:against-readers", tuple(blocks),
    )  # fmt: skip


def modality_table(compared: ModalitiesCompared, unit: str) -> Table:
    """Mean AUROC of each modality over readers, then every pair: Obuchowski and Rockette's analysis."""
    found = compared.found
    cells = [
        tuple(map(Cell, (str(row["modality"]), estimate_text(row["auroc"], row["low"], row["high"]),
                         _df(row["df"]), "–", "–")))
        for row in found.means.to_dict("records")
    ]  # fmt: skip
    blocks = [(0, "Mean AUROC over the readers"), (len(cells), "Differences")]
    for row in found.differences.to_dict("records"):
        named = f"{row['modality_a']} − {row['modality_b']}"
        difference = estimate_text(row["difference"], row["low"], row["high"])
        texts = (named, difference, _df(row["df"]), decimals(row["statistic"], 2), p_value(row["p_value"]))
        cells.append(tuple(map(Cell, texts)))
    test = (
        f"All modalities equal: F = {decimals(found.statistic, 2)}, df {found.df1} and {_df(found.df2)}, "
        f"p = {p_value(found.p_value)}."
    )
    how = (
        f"{found.n_readers} readers, {count(found.n_positive)} positive and {count(found.n_negative)} negative "
        f"{unit}s, random: {found.random}. Obuchowski and Rockette with jackknife covariances, Hillis's degrees "
        f"of freedom; {percent(found.level, 0)} intervals; p of a pair is not adjusted."
    )
    parts = (
        f"Variance components: readers {decimals(found.var_reader, 6)}, modality by reader "
        f"{decimals(found.var_interaction, 6)}, error {decimals(found.error, 6)}; covariances "
        f"{decimals(found.cov1, 6)} (reader), {decimals(found.cov2, 6)} (modality), {decimals(found.cov3, 6)}."
    )
    notes = [test, how, parts]
    if compared.left_out:
        notes.append(
            f"{count(compared.left_out)} {unit}s that not every reader rated in every modality are left out."
        )
    if compared.repeated:
        notes.append(
            "Some patients have several nodules, which are taken as independent: intervals are too narrow."
        )
    columns = ("Modality", "AUROC", "df", "t", "p")
    return Table(
        "Modalities compared over readers (MRMC)",
        columns,
        tuple(cells),
        (),
        tuple(notes),
        "tab:mrmc",
        tuple(blocks),
    )


def _point_cells(point: Mapping[Any, Any] | pd.Series) -> list[str]:
    texts = [threshold_text(float(point["call_from"]))]
    for rate, hit, miss in (("recall", "tp", "fn"), ("specificity", "tn", "fp")):
        value, low, high = (float(point[f"{rate}{end}"]) for end in ("", "_low", "_high"))
        share = estimate_text(value, low, high)
        texts.append(f"{share}, {point[hit]}/{int(point[hit]) + int(point[miss])}")
    return texts


def _df(value: float) -> str:
    return "∞" if math.isinf(value) else decimals(value, 1)
