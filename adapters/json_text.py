"""Scores in JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from benchmark.errors import InputError, Problem


def number(value: Any, path: Path | str, line: int | None, column: str) -> float:  # noqa: ANN401
    """A JSON value as a score.

    Raises:
        InputError: It is null, text, or no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        what = "is missing" if value is None else "is not a number"
        fix = "write it without quotes" if _is_number(value) else "every case needs a score"
        raise InputError(Problem(what, fix, path, line, column, json.dumps(value)[:80]))
    result = float(value)
    if not math.isfinite(result):
        raise InputError(Problem("is not a finite number", "correct it", path, line, column, str(value)[:80]))
    return result


def _is_number(value: Any) -> bool:  # noqa: ANN401
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False
