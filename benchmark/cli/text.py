"""``bench text``: report text from a cohort's semantic features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def text(
    cohort: Annotated[str, typer.Option(help="Name of the cohort.")],
    backend: Annotated[str, typer.Option(help="template, or gemini (needs GEMINI_API_KEY).")] = "template",
    cohorts: Annotated[Path, typer.Option(help="Folder of the cohorts.")] = Path("cohorts"),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Table to write; results/texts/<cohort>.csv by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of order and wording.")] = 0,
    with_suspicion: Annotated[
        bool,
        typer.Option("--with-suspicion", help="Let the reader's level of suspicion in: a leak, for comparison."),
    ] = False,
    from_dir: Annotated[
        Path | None, typer.Option(help="Read <pid>_<nodule_id>.txt files instead of writing text.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="gemini: name of the model.")] = None,
    cache: Annotated[Path | None, typer.Option(help="gemini: file that keeps the answers.")] = None,
    prompt: Annotated[Path | None, typer.Option(help="gemini: file with another prompt.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="gemini: requests a minute.")] = 60.0,
    base_url: Annotated[str | None, typer.Option(help="gemini: another server that speaks its API.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="gemini: print prompts and cost, ask nothing.")
    ] = False,
) -> None:
    """Write a report of every nodule from its semantic features.

    Example: bench text --cohort nlst --backend template --out results/texts/nlst.csv
    """
    from benchmark.cli.progress import progress
    from benchmark.contracts.cohort import load_cohort
    from benchmark.contracts.text_table import write_table
    from benchmark.formats.opening import read_text
    from benchmark.written import check_own, replacing_own
    from clip_nodule.text.report import read_text_folder
    from clip_nodule.text.report_text import report_texts

    nodules = load_cohort(cohort, cohorts).nodules
    options: dict[str, object] = {}
    if backend == "gemini":
        from clip_nodule.text.gemini import CACHE, MODEL, PROMPT, Asking, estimate, make_prompts

        template = PROMPT if prompt is None else read_text(prompt)
        if dry_run:
            prompts = make_prompts(nodules, seed, with_suspicion, template)
            for line in prompts:
                typer.echo(line + "\n")
            typer.echo(estimate(prompts, model or MODEL))
            return
        options = {
            "asking": Asking(model or MODEL, cache or CACHE, template, rate, base_url=base_url),
        }
    out = out or Path("results/texts") / f"{cohort}.csv"
    check_own(out.parent, [out.name])
    with progress(f"text of {cohort}") as step:
        if from_dir is not None:
            table = read_text_folder(from_dir, nodules)
        else:
            if backend == "gemini":
                options["progress"] = step
            table = report_texts(nodules, seed, backend, with_suspicion, **options)  # type: ignore[arg-type]
    with replacing_own(out) as temporary:
        write_table(table[["pid", "nodule_id", "text", "findings", "impression"]], temporary)
    empty = int((table["text"] == "").sum())
    note = f" ({empty} of them empty: no semantic feature is known)" if empty else ""
    typer.echo(f"{len(table)} reports in {out}{note}")
