"""Records of training and scoring runs as the page shows them: whole, but for the folders of the machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmark.contracts.names import name_fault
from benchmark.contracts.workspace import Workspace
from benchmark.files import own_file
from benchmark.formats.json import read_json

_PATH = re.compile(r"(?<![\w.:/…])(?:~|[A-Za-z]:)?(?:[/\\][^/\\\s'\",]+)*[/\\]([^/\\\s'\",]+)[/\\]?(?![\w/\\])")
"""An absolute path of two parts or more, or one part below the root; the group is its last part."""


def run_records(workspace: Workspace, models: Iterable[str], cohorts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Records of the models that were trained or scored here, by what they are of.

    Args:
        workspace: Where runs and score tables are.
        models: Names of models.
        cohorts: Names of cohorts.

    Raises:
        InputError: A record cannot be read.
    """
    if workspace.scores_alone:
        return {}
    found = {}
    names = [name for name in dict.fromkeys(models) if not name_fault(name)]
    for model in names:
        wanted = {f"training of {model}": workspace.run(model) / "record.json"}
        wanted |= {
            f"scoring of {cohort} by {model}": workspace.scoring_record(cohort, model) for cohort in cohorts
        }
        for title, path in wanted.items():
            if path.is_file():
                found[title] = _read_record(own_file(path.parent, path.name))
    return found


def without_folders(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """A record with every absolute path cut down to its last part."""
    if isinstance(value, dict):
        return {str(key): without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    return _PATH.sub(r"\1", value) if isinstance(value, str) else value


def _read_record(path: Path) -> dict[str, Any]:
    content = read_json(path, nan="kept")
    return dict(without_folders(content)) if isinstance(content, dict) else {}
