"""Examples in docstrings: where they are, whether they run, and who must have one."""

from __future__ import annotations

import doctest
import io
from collections.abc import Iterator
from types import ModuleType

from tests.test_architecture import FILES, ROOT

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

CALLED = [
    "adapters:adapter_names", "adapters:load_adapter", "adapters.adapt:adapt", "adapters.adapt:read_predictions",
    "adapters.check:check_contract", "adapters.template:write_template",
    "benchmark.challenges.luna25_metrics:luna25_metrics",
    "benchmark.cohorts.check_cohort:check_cohort", "benchmark.cohorts.phantom.prepare:prepare_phantom",
    "benchmark.cohorts.prepare:prepare_cohort", "benchmark.cohorts.split_cohort:split_cohort",
    "benchmark.contracts.cohort:list_cohorts", "benchmark.contracts.cohort:load_cohort",
    "benchmark.contracts.cohort:write_cohort", "benchmark.contracts.score_card:read_score_card",
    "benchmark.contracts.score_card:write_scores", "benchmark.contracts.scores:check_score_table",
    "benchmark.contracts.scores:read_score_table", "benchmark.contracts.scores:write_score_table",
    "benchmark.evaluation.evaluate_files:evaluate_files", "benchmark.imaging.cropping.cohort:crops_of",
    "benchmark.imaging.planes:nine_planes", "benchmark.imaging.volume:load_volume",
    "benchmark.ledger.cases:ledger", "benchmark.ledger.cases:ledger_cases", "benchmark.ledger.diagram:flow_svg",
    "benchmark.producers.calculators.formulas:brock", "benchmark.producers.calculators.formulas:mayo",
    "benchmark.producers.calculators.formulas:plco2012", "benchmark.producers.calculators.formulas:size",
    "benchmark.producers.calculators.formulas:va",
    "benchmark.producers.lungrads.rules:exam_category",
    "benchmark.producers.lungrads.rules:lungrads",
    "benchmark.producers.write:score_with_producer",
    "benchmark.published.audit:audit", "benchmark.published.audit:audit_cohort",
    "benchmark.published.load:load_published", "benchmark.published.load:published_keys",
    "benchmark.published.reconstruct:reconstruct", "benchmark.report.compare:compare_cohorts",
    "benchmark.report.printing.forms:to_markdown", "benchmark.report.printing.forms:write_forms",
    "clip_nodule.ablation:run_ablation", "clip_nodule.search.validation_metrics:validation_lines",
    "clip_nodule.inference.api:Run", "clip_nodule.paper.import_weights:import_weights",
    "clip_nodule.paper.legacy_crops:crops_from_pt",
    "clip_nodule.inference.api:load_run",
    "clip_nodule.inference.explain:explain_cohort", "clip_nodule.inference.explanation:write_explanation",
    "clip_nodule.inference.explanation:write_nodule_explanation", "clip_nodule.inference.predict:score_cohort",
    "clip_nodule.inference.zero_shot:class_probabilities", "clip_nodule.text.report_text:report_texts",
    "clip_nodule.text.writing:write_report_texts", "clip_nodule.train:train_run",
    "clip_nodule.tune:run_search",
]  # fmt: skip
"""What is called from Python, metrics and statistics aside: the functions behind the commands, tables in and out,
calculators, printed results."""


def modules_with_examples(*packages: str) -> list[str]:
    """Modules of some packages that hold an example."""
    names = {
        path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES
    }
    return [
        name
        for path, name in names.items()
        if name.split(".")[0] in packages and ">>> " in path.read_text(encoding="utf-8")
    ]


def failures(module: ModuleType) -> Iterator[str]:
    """What each example that failed expected and got."""
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        told = io.StringIO()
        if test.examples and runner.run(test, out=told.write, clear_globs=True).failed:
            yield told.getvalue()
