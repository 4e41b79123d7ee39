"""``gpu.md`` from what was found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.gpu.findings import Found

WORDS = {
    "step": [
        "A step of `zhuang2025` (ViT-B/32, four nodules a fold): an epoch's time by its 12 steps, median of two.",
        "Kernels, copies and the card's busy time are the profiler's; host ms is the step less the time that the",
        "host stood still; host waits are those that PyTorch's debug mode warns of. GFLOP are products and",
        "convolutions; their rate is given as a share of the product's above, too.",
    ],
    "whole runs": [
        "`bench train --config zhuang2025`, all folds, crops made before: a run of one epoch and one of three.",
        "Their difference is two epochs; the rest of the first is its beginning and end.",
    ],
    "scoring": ["ViT-B/32, nine planes of 224 pixels: crops that lie in memory, and read from the crop store."],
    "planes": ["Nine planes of 224 pixels from crops that lie on the card."],
}


def write_report(parts: Mapping[str, Found], path: Path) -> None:
    """Write the parts found so far as Markdown."""
    lines = ["# Speed on a GPU", "", "`make gpu`, random weights: speed does not depend on them.", ""]
    for name, found in parts.items():
        words = WORDS.get(name.partition(",")[0], [])
        lines += [f"## {name.capitalize()}", "", *words, *([""] if words else [])]
        if "error" in found:
            lines += [f"**Not whole: {_cell(found['error'])}**", ""]
        lines += [*_section(found), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _section(found: Found) -> list[str]:
    """A table of what is measured row by row, after a list of single values."""
    plain = {key: value for key, value in found.items() if key not in ("error", "traceback")}
    if "outcomes" in plain:
        plain |= plain.pop("outcomes")
    rows = {key: value for key, value in plain.items() if isinstance(value, Mapping)}
    lines = [f"- {key}: {_cell(value)}" for key, value in plain.items() if key not in rows]
    columns: dict[str, None] = dict.fromkeys(column for row in rows.values() for column in row)
    if rows:
        lines += ["", f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
        lines += [
            f"| {key} | {' | '.join(_cell(row.get(column, '')) for column in columns)} |"
            for key, row in rows.items()
        ]
    return lines


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
