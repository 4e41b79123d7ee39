"""Scores in JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from benchmark.errors import InputError, Problem


def number(value: Any, path: Path, line: int | None, column: str) -> float:  # noqa: ANN401
    """A JSON value as a score.

    Raises:
        InputError: It is null, text, or no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        what = "is missing" if value is None else "is not a number"
        raise InputError(Problem(what, "every case needs a score", path, line, column, json.dumps(value)[:80]))
    result = float(value)
    if not math.isfinite(result):
        raise InputError(Problem("is not a finite number", "correct it", path, line, column, str(value)[:80]))
    return result
