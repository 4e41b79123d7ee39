"""The command that starts a worker process: no file in the working folder runs in it.

``-P`` keeps Python from searching that folder. What this program can import besides is searched after the standard
library and the installed packages, so that a ``random.py`` beside the data shadows nothing; the working folder is
left out, unless it is the source tree that this program runs from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_BOOT = """\
import sys
from importlib.util import module_from_spec, spec_from_file_location
home, *sys.path[len(sys.path):] = sys.argv[1:]
spec = spec_from_file_location("benchmark", home + "/__init__.py", submodule_search_locations=[home])
sys.modules["benchmark"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["benchmark"])
from benchmark.work.worker import main
main()
"""
"""The same ``benchmark`` as this program's, wherever another one is installed."""


def worker_command() -> list[str]:
    """What to execute."""
    return [sys.executable, "-P", "-c", _BOOT, str(_PACKAGE), *_places()]


def worker_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The variables of a worker process.

    Args:
        more: What is set beside those of this process.
    """
    variables = {**os.environ, **more, "PYTHONSAFEPATH": "1"}
    if "PYTHONPATH" in variables:  # an empty entry of it means the working folder
        places = variables["PYTHONPATH"].split(os.pathsep)
        variables["PYTHONPATH"] = os.pathsep.join(place for place in places if Path(place).is_absolute())
    return variables


@contextmanager
def safe_children() -> Iterator[None]:
    """While this context is open, processes that ``multiprocessing`` starts search no working folder either."""
    name = "PYTHONSAFEPATH"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def working_folder() -> Path | None:
    """The working folder; None where it was removed meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _places() -> list[str]:
    folder = working_folder()
    here = os.path.realpath(folder) if folder else ""
    source = os.path.realpath(_PACKAGE.parent)
    absolute = [place for place in sys.path if Path(place).is_absolute()]
    return [place for place in absolute if os.path.realpath(place) != here or here == source]
