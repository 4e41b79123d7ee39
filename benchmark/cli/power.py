"""``bench power``: how many patients a study needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.commands import Commands

if TYPE_CHECKING:
    from benchmark.statistics import PatientsNeeded, PlannedWidth

app = Commands(help="Patients that a study needs, before there are scores.", no_args_is_help=True)

Prevalence = Annotated[
    list[float], typer.Option("--prevalence", help="Share of positive patients; once for each row of the table.")
]
WantedWidth = Annotated[float, typer.Option(help="Wanted width of the interval, from limit to limit.")]
Level = Annotated[float, typer.Option(help="Confidence level of the interval.")]
Chance = Annotated[float, typer.Option("--power", help="Wanted chance of showing it.")]
Correlation = Annotated[
    float, typer.Option(help="Correlation of the two estimated AUROCs; two good models on the same patients: 0.5.")
]
Out = Annotated[Path | None, typer.Option(help="Folder to write the table to: csv, md, tex, html.")]
CLUSTERS = "Each patient counts once; several nodules of a patient need more."
NORMAL = "Standard errors by Hanley and McNeil, which are on the safe side with few positives."


@app.command(
    "auroc", epilog="Example: bench power auroc --auroc 0.85 --width 0.1 --prevalence 0.05 --prevalence 0.2"
)
def plan_auroc(
    auroc: Annotated[float, typer.Option(help="AUROC that is expected.")],
    width: WantedWidth,
    prevalence: Prevalence,
    level: Level = 0.95,
    out: Out = None,
) -> None:
    """Patients for the interval of an AUROC."""
    from benchmark.statistics import patients_for_auroc

    title = f"Patients for an AUROC of {auroc:g} with an interval no wider than {width:g}"
    how = f"Width of the logit interval at level {level:g}. {NORMAL} {CLUSTERS}"
    show_planned(title, prevalence, lambda share: patients_for_auroc(auroc, width, share, level), how, out)


@app.command("difference", epilog="Example: bench power difference --auroc 0.80 --new 0.85 --prevalence 0.05")
def plan_difference(
    auroc: Annotated[float, typer.Option(help="True AUROC of the reference.")],
    new: Annotated[float, typer.Option(help="True AUROC of the new model.")],
    prevalence: Prevalence,
    margin: Annotated[
        float | None, typer.Option(help="Show that the new model is not worse by this, instead of a difference.")
    ] = None,
    correlation: Correlation = 0.5,
    power: Chance = 0.8,
    alpha: Annotated[
        float, typer.Option(help="Two-sided level of the test; a margin is tested at half of it.")
    ] = 0.05,
    out: Out = None,
) -> None:
    """Patients to find two AUROCs to differ on the same patients, or one not to be worse by a margin."""
    from benchmark.statistics import patients_for_noninferiority, patients_needed

    how = f"Correlation of the two estimates {correlation:g}. {NORMAL} {CLUSTERS}"
    if margin is None:
        title = f"Patients to tell an AUROC of {new:g} from {auroc:g}"
        how = f"Paired two-sided test at {alpha:g}. {how}"

        def needed(share: float) -> PatientsNeeded:
            return patients_needed(auroc, new, share, correlation, power, alpha)
    else:
        title = f"Patients to show that an AUROC of {new:g} is not worse than {auroc:g} by {margin:g}"
        how = f"Paired one-sided test at {alpha / 2:g}. {how}"

        def needed(share: float) -> PatientsNeeded:
            return patients_for_noninferiority(new, auroc, margin, share, correlation, power, alpha / 2)

    show_planned(title, prevalence, needed, how, out)


@app.command("recall", epilog="Example: bench power recall --recall 0.9 --width 0.1 --prevalence 0.05")
def plan_recall(
    recall: Annotated[float, typer.Option(help="Recall that is expected at a threshold fixed beforehand.")],
    width: WantedWidth,
    prevalence: Prevalence,
    level: Level = 0.95,
    out: Out = None,
) -> None:
    """Patients for the interval of a recall."""
    from benchmark.statistics import patients_for_recall

    title = f"Patients for a recall of {recall:g} with an interval no wider than {width:g}"
    how = f"Mean width of Wilson's interval at level {level:g}, at a threshold fixed beforehand. {CLUSTERS}"
    show_planned(title, prevalence, lambda share: patients_for_recall(recall, width, share, level), how, out)


@app.command("auprc", epilog="Example: bench power auprc --auroc 0.9 --width 0.2 --prevalence 0.05")
def plan_auprc(
    auroc: Annotated[float, typer.Option(help="AUROC of the simulated scores, normal in both classes.")],
    width: WantedWidth,
    prevalence: Prevalence,
    level: Level = 0.95,
    replicates: Annotated[int, typer.Option(min=100, help="Simulated cohorts of each size tried.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    out: Out = None,
) -> None:
    """Patients for the interval of an average precision, by simulation."""
    from benchmark.statistics import patients_for_auprc

    title = f"Patients for the average precision at an AUROC of {auroc:g} with an interval no wider than {width:g}"
    how = (
        f"Width of the middle {level:g} of the average precisions of {replicates:,} simulated cohorts, binormal "
        f"with equal variances; patients to within 1 %. Scores of another shape need other numbers. {CLUSTERS}"
    )

    def needed(share: float) -> PlannedWidth:
        return patients_for_auprc(auroc, width, share, level, replicates=replicates, seed=seed)

    show_planned(title, prevalence, needed, how, out)


def show_planned(
    title: str,
    prevalences: Sequence[float],
    needed: Callable[[float], PatientsNeeded | PlannedWidth],
    how: str,
    out: Path | None,
) -> None:
    """Print the table, and write it where a folder is given."""
    from benchmark.cli.console import show
    from benchmark.outputs.locks import holding
    from benchmark.outputs.written import aside, move_in
    from benchmark.report.printing.forms import to_rich, write_forms
    from benchmark.report.tables.planned import planned_table

    table = planned_table(title, [(share, needed(share)) for share in prevalences], [how])
    show(to_rich(table))
    if out is not None:
        with holding(out), aside(out) as made:
            write_forms(table, made / "patients_needed")
            move_in(made, out)
        typer.echo(f"tables   {out}  (csv, md, tex, html)")
