"""What was measured, kept beside the report, so that single measurements can be made again and recorded."""

import json
import math
import platform
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import scipy

from benchmark.files import write_text
from tests.coverage.gates import Measured


def name_of(function, arguments):
    """One measurement, without its number of repeats: ``call_coverage (10, 100, 1)``."""
    return " ".join([function.__name__, *map(str, arguments[:-1])])


def entry(rows, seconds, seed):
    """One measurement as it is kept."""
    kept = [{k: None if v != v else v for k, v in asdict(row).items()} for row in rows]
    made_with = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    day = time.strftime("%Y-%m-%d")
    return {"day": day, "seconds": round(seconds, 1), "seed": seed, "made_with": made_with, "rows": kept}


def rows_of(entry):
    """The rows of one measurement that was kept."""
    return [Measured(**{k: math.nan if v is None else v for k, v in row.items()}) for row in entry["rows"]]


def read(path: Path):
    """All that was kept, by name."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def keep(path: Path, name, made):
    """Put one measurement among those kept; a run that is ended loses none that it made."""
    write_text(path, json.dumps({**read(path), name: made}, indent=1, sort_keys=True) + "\n")
