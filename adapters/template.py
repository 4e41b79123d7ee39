"""A package with an adapter that works as it stands, for others to change."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import Final

from adapters import ADAPTERS
from benchmark.errors import InputError, Problem
from benchmark.files import write_text

NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
"""What an adapter may be called: a part of names of packages, modules and files on every system."""
FILES: Final = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "$name-adapter"
version = "0.1"
dependencies = ["nodule-bench"]

[project.entry-points."nodule_bench.adapters"]
$name = "$module"

[tool.setuptools]
py-modules = ["$module"]
""",
    "$module.py": '''\
"""$name: one row a patient in a CSV file with the columns subject and risk. Change this to what your files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.card import AdapterOptions, ModelCard, Predictions
from adapters.tables import read_tables, score_frame

CARD = ModelCard(
    name="$name",
    title="$name",  # as tables print it
    reference="",  # paper or repository
    inputs="whole CT",
    unit="patient",  # what one score is about: nodule, scan or patient; nodules need the role nodule_id below
    endpoint="lung cancer within one year",
    horizon_years=1,
    trained_on=None,  # public cohorts that it saw, e.g. ("nlst",); () for none of them; None: nobody knows
    licence="not stated",
)


def read(files: Sequence[Path], options: AdapterOptions) -> list[Predictions]:
    """Read the files of one run; everything that is wrong with them is raised at once, with file and line."""
    tables = read_tables(files, ("subject", "risk"), options)
    roles = {"pid": "subject"}  # role -> column; further roles: nodule_id, scan_id, fold, date, label, reason
    failed = ()  # what stands in place of a score where a case failed, e.g. ("ERR",)
    frame = score_frame(tables, roles, "risk", drop_missing=options.drop_missing, failed=failed)
    # What the numbers are: "probability", "percent", "logit", or "rank", where only the order counts.
    return [Predictions(CARD.name, frame, CARD.unit, options.score_type or "probability", tables.locate)]
''',
    "example.csv": "subject,risk\np001,0.81\np002,0.07\n",
}


def write_template(name: str, folder: Path | None = None) -> Path:
    """Write the package of a new adapter.

    Example::

        >>> from adapters.template import write_template
        >>> sorted(path.name for path in write_template("acme").iterdir())
        ['acme_adapter.py', 'example.csv', 'pyproject.toml']

    Args:
        name: The adapter's name, as ``bench adapt`` will know it.
        folder: Where to; ``<name>-adapter`` by default.

    Returns:
        The folder.

    Raises:
        InputError: The name cannot be one, or is taken, or there is such a folder.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            Problem(
                "is no name of an adapter", "small letters, digits and single hyphens", column="NAME", value=name
            )
        )
    if name in ADAPTERS or name in ("list", "new"):
        raise InputError(
            Problem("is taken", "choose another; `bench adapt list` names all", column="NAME", value=name)
        )
    folder = Path(f"{name}-adapter") if folder is None else folder
    if folder.exists():
        raise InputError(Problem("is there already", "choose another --out", folder))
    words = {"name": name, "module": f"{name.replace('-', '_')}_adapter"}
    for file, text in FILES.items():
        write_text(folder / Template(file).substitute(words), Template(text).substitute(words))
    return folder
