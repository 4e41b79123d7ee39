"""What a search writes: the table of its trials, their folds' metrics, a page, and the configuration chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from benchmark.contracts.metrics import write_metric_table
from benchmark.contracts.table_writing import write_table
from benchmark.outputs.written import replacing_own, write_own
from benchmark.report.trials_page import write_trials_page
from benchmark.wording import in_words
from clip_nodule.runs.settings import Settings
from clip_nodule.search.space import Sweep, SweptRange, combinations, described
from clip_nodule.search.trials import CHOSEN_BY, DONE, Trial, largest_is_best, trials_frame

TABLE, METRICS, PAGE, CONFIG = "trials.csv", "metrics.csv", "trials.html", "chosen.yaml"


def write_trials(
    folder: Path,
    trials: Sequence[Trial],
    sweeps: Sequence[Sweep],
    by: str,
    best: Sequence[Trial] = (),
    *,
    lead: str,
) -> pd.DataFrame:
    """Write the table of trials, the metrics of their folds, and the page.

    Args:
        folder: Where to.
        trials: All so far.
        sweeps: What they vary.
        by: What chooses.
        best: See ``best_trials``; none while some are to come.
        lead: What stands first on the page.

    Returns:
        See ``trials_frame``.
    """
    frame = trials_frame(trials, sweeps, best)
    with replacing_own(folder / TABLE) as temporary:
        write_table(frame, temporary)
    done = [trial.metrics for trial in trials if trial.metrics is not None]
    if done:
        with replacing_own(folder / METRICS) as temporary:
            write_metric_table(pd.concat(done, ignore_index=True), temporary)
    log = [sweep.name for sweep in sweeps if isinstance(sweep, SweptRange) and sweep.log]
    varied = [sweep.name for sweep in sweeps]
    with replacing_own(folder / PAGE) as temporary:
        write_trials_page(temporary, frame, varied, CHOSEN_BY[by], log=log, lead=lead)
    return frame


def write_chosen(folder: Path, settings: Settings, notes: Sequence[str]) -> None:
    """Write the configuration that was chosen, as ``bench train --config`` reads it, with notes as comments."""
    said = "".join(f"# {line}\n" for note in notes for line in note.splitlines())
    content = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_own(folder / CONFIG, said + content)


def choice_notes(trials: Sequence[Trial], best: Sequence[Trial], by: str, devices: Sequence[str]) -> list[str]:
    """The choice, its ties, and trials that have no value or were computed elsewhere, in sentences.

    Args:
        trials: All.
        best: See ``best_trials``.
        by: What chooses.
        devices: Each device that trials were computed on.
    """
    chosen, which = best[0], "largest" if largest_is_best(by) else "smallest"
    notes = [
        f"Chosen of {len(trials)} trials by the {which} mean {CHOSEN_BY[by]} over validation folds, "
        f"{chosen.mean(by):.4f}: {described(chosen.values)} (run {chosen.run})."
    ]
    if best[1:]:
        notes.append(f"It ties with {in_words(trial.run for trial in best[1:])}: the first is chosen.")
    if lost := [f"{trial.run} {trial.state}" for trial in trials if trial.state != DONE]:
        notes.append(f"Without a value: {in_words(lost)}.")
    if undefined := [trial.run for trial in trials if trial.state == DONE and trial.mean(by) is None]:
        notes.append(f"No fold has both classes in {in_words(undefined)}.")
    if devices[1:]:
        notes.append(f"Trials were computed on {in_words(devices)}: small differences may be theirs.")
    return notes


def number_notes(sweeps: Sequence[Sweep], total: int, asked: int | None) -> list[str]:
    """How many of all combinations were tried, where that is not all or not what was asked for."""
    countable = combinations(sweeps)
    if countable is None:
        return []
    if total < countable:
        return [f"{total} of {countable:,} combinations were tried."]
    if (asked or 0) > countable:
        return [f"There are no more than {countable} combinations, of {asked} trials asked for."]
    return []
