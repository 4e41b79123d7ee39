"""Zero-shot semantic features of a cohort or of one nodule, as files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from benchmark.comparison.semantic import semantic_tables
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.outputs.locks import holding
from benchmark.outputs.written import aside, check_own, move_in
from benchmark.progress import Progress
from benchmark.report.figure_files import check_formats, save_at_widths
from benchmark.report.manuscript.style import FORMATS, WIDTHS_MM
from benchmark.report.printing.forms import write_forms
from benchmark.report.printing.names import Names
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.semantic import semantic_table
from clip_nodule.inference.explain import ExplainOptions, NoduleExplanation, explain_cohort, explain_nodule

PREDICTIONS, FEATURES, CLASSES = "predictions.csv", "semantic.csv", "semantic_classes.csv"


def write_explanation(
    cohort: str,
    workspace: Workspace,
    options: ExplainOptions | None = None,
    *,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Table:
    """Explain a cohort, and write predictions and their AUROCs.

    Example::

        >>> from benchmark.contracts.workspace import Workspace
        >>> from clip_nodule.inference.explain import ExplainOptions
        >>> from clip_nodule.inference.explanation import write_explanation
        >>> table = write_explanation("nlst", Workspace(), ExplainOptions("first"))
        >>> table.title
        'nlst: semantic features, zero-shot'

    Args:
        cohort: Name of the cohort.
        workspace: Where cohorts, runs and crops are.
        options: What explains, and whom.
        out: Folder to write to; ``explain/<cohort>`` of the results by default.
        progress: Called with nodules done and their number.

    Returns:
        The table of AUROCs.

    Raises:
        InputError: As `explain_cohort`, or somebody else's file stands where the tables go.
    """
    options, folder = options or ExplainOptions(), out or workspace.explanation(cohort)
    with holding(folder):
        check_own(folder, [PREDICTIONS, FEATURES, CLASSES])
        found = explain_cohort(cohort, workspace, options, progress)
        features, classes = semantic_tables(
            found.nodules, found.predictions, minimum=options.minimum, seed=options.seed
        )
        table = semantic_table(features, cohort, Names())
        with aside(folder) as made:
            write_table(found.predictions, made / PREDICTIONS)
            write_table(features, made / FEATURES)
            write_table(classes, made / CLASSES)
            write_forms(table, made / "semantic")
            move_in(made, folder)
    return table


def write_nodule_explanation(
    cohort: str,
    nodule: str,
    workspace: Workspace,
    options: ExplainOptions | None = None,
    *,
    out: Path | None = None,
    figures: Sequence[str] = (),
) -> tuple[Table, Path]:
    """Explain one nodule, and write the sheet of its planes.

    Example::

        >>> from benchmark.contracts.workspace import Workspace
        >>> from clip_nodule.inference.explain import ExplainOptions
        >>> from clip_nodule.inference.explanation import write_nodule_explanation
        >>> table, sheet = write_nodule_explanation("nlst", "000:1", Workspace(), ExplainOptions("first"))
        >>> table.columns, sheet.suffix
        (('Feature', 'Most likely', 'Probability'), '.png')

    Args:
        cohort: Name of the cohort.
        nodule: The nodule as ``PID:NODULE_ID``.
        workspace: Where cohorts, runs and crops are.
        options: What explains.
        out: Folder to write to; ``explain/<cohort>`` of the results by default.
        figures: Formats of figures for a manuscript, which stand beside the sheet: ``png``, ``svg``, ``pdf``.

    Returns:
        The table of its most likely features, and the sheet.

    Raises:
        InputError: The text names no nodule; or as `explain_nodule`.
    """
    check_formats(figures)
    options, folder = options or ExplainOptions(), out or workspace.explanation(cohort)
    pid, colon, nodule_id = nodule.rpartition(":")
    if not colon:
        raise InputError(f"--nodule {nodule!r} — is no PID:NODULE_ID — e.g. --nodule 000012:1")
    path = folder / f"nodule-{hashlib.sha256(nodule.encode()).hexdigest()[:12]}.png"
    drawn = [f"{path.stem}-{width}mm.{form}" for width in WIDTHS_MM for form in FORMATS]
    with holding(path):
        check_own(folder, [path.name, *drawn])
        with aside(folder) as made:
            found = explain_nodule(cohort, (pid, nodule_id), made / path.name, workspace, options)
            _write_figures(found, made / path.stem, figures)
            move_in(made, folder, drop=drawn)
    folds = ", ".join(f"{score:.3f}" for score in found.score)
    rows = tuple((Cell(f), Cell(name), Cell(f"{p:.3f}")) for f, name, p in found.profile)
    title = f"{nodule}: probability of malignancy {found.score.mean():.3f} (folds {folds})"
    return Table(title, ("Feature", "Most likely", "Probability"), rows), path


def _write_figures(found: NoduleExplanation, stem: Path, formats: Sequence[str]) -> None:
    """Write the nodule's planes, their attention and its features at a journal's widths."""
    if not formats:
        return
    from benchmark.report.manuscript.montage import Nodule, nodule_figure

    marks = {plane: f"attention {weight:.2f}" for plane, weight in enumerate(found.attention)}
    strongest = int(found.attention.argmax())
    nodule = Nodule(found.title, found.crop, found.recipe, marks=marks, framed=strongest)
    texts = [found.title, *(text for feature, name, _ in found.profile for text in (feature, name))]
    save_at_widths(lambda width: nodule_figure(nodule, found.profile, width), stem, formats, texts)
