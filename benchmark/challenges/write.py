"""The files of an evaluation: the challenge's own, and ours beside it."""

from __future__ import annotations

import json
from pathlib import Path

from benchmark.challenges.luna25 import Luna25Evaluation
from benchmark.outputs.written import check_own, write_own


def write_evaluation(evaluation: Luna25Evaluation, out: Path) -> list[Path]:
    """Write ``metrics.json``, or what ``out`` is called, and ``metrics_by_patient.json`` beside it.

    Returns:
        Both paths. The challenge's own comes last: where it is, the other is of the same run.

    Raises:
        InputError: A file is in the way that no command wrote. Nothing was written.
    """
    beside = out.with_name(f"{out.stem}_by_patient{out.suffix or '.json'}")
    out.parent.mkdir(parents=True, exist_ok=True)
    check_own(out.parent, [out.name, beside.name])
    for path, content in (
        (beside, evaluation.by_patient | {"warnings": evaluation.warnings}),
        (out, evaluation.metrics),
    ):
        write_own(path, json.dumps(content, indent=4, ensure_ascii=False) + "\n")
    return [out, beside]
