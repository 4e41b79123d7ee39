"""Speed of report text: `python tests/speed/bench_text.py` writes results/speed/text.md.

The named alternative is what one writes first with pandas: a loop over ``DataFrame.iterrows`` with
``random.choice`` over the same wordings, without a seed that belongs to the nodule.
"""

from __future__ import annotations

import platform
import random
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.contracts.vocabulary import ABSENT, BY_COLUMN, SEMANTIC_COLUMNS, SUSPICION  # noqa: E402
from clip_nodule.text.report_text import report_texts  # noqa: E402
from clip_nodule.text.template import ABSENT_STATEMENTS, PRESENT_STATEMENTS  # noqa: E402


def nodules(count: int) -> pd.DataFrame:
    """Random nodules with a fifth of the cells missing."""
    rng = np.random.default_rng(0)
    frame = {"pid": [f"{i:06d}" for i in range(count)], "nodule_id": ["1"] * count}
    for column in SEMANTIC_COLUMNS:
        classes = BY_COLUMN[column].classes
        cells = rng.choice(classes, count) if classes else np.round(rng.uniform(4, 30, count), 1).astype(str)
        frame[column] = [
            None if gone else str(cell) for gone, cell in zip(rng.random(count) < 0.2, cells, strict=True)
        ]
    return pd.DataFrame(frame)


def with_iterrows(table: pd.DataFrame) -> list[str]:
    """The alternative: one statement a feature in random order."""
    texts = []
    for _, row in table.iterrows():
        sentences = []
        for column in SEMANTIC_COLUMNS:
            if column != SUSPICION and not pd.isna(row[column]):
                wordings = ABSENT_STATEMENTS if row[column] == ABSENT else PRESENT_STATEMENTS
                sentences.append(random.choice(wordings).format(f"{BY_COLUMN[column].name} {row[column]}"))  # noqa: S311 (dice)
        random.shuffle(sentences)
        texts.append("\n".join(sentences))
    return texts


def seconds(run: object, repeats: int = 5) -> float:
    """Median wall-clock time of a call."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()  # type: ignore[operator]
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def main() -> None:
    """Measure both in the same run and write the figures."""
    count = 5000
    table = nodules(count)
    ours, theirs = seconds(lambda: report_texts(table, seed=0)), seconds(lambda: with_iterrows(table))
    lines = [
        "# Report text",
        "",
        f"`python tests/speed/bench_text.py`: {count} nodules, median of 5 runs, one process.",
        f"Python {platform.python_version()}, pandas {pd.__version__}, numpy {np.__version__}.",
        "",
        "| | reports a second | ratio |",
        "|---|---|---|",
        f'| `report_texts(backend="template")` | {count / ours:,.0f} | {theirs / ours:.1f} |',
        f"| loop over `DataFrame.iterrows` | {count / theirs:,.0f} | 1.0 |",
        "",
    ]
    out = ROOT / "results" / "speed" / "text.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
