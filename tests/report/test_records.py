import json

import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report.records import run_records, without_folders


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/jane/project/results/runs/clip", "clip"),
        ("bench train --cohorts /data/mri/cohorts --config tiny", "bench train --cohorts cohorts --config tiny"),
        ("~/secret/run", "run"),
        ("C:\\Users\\jane\\run", "run"),
        ("CPU, 2 threads", "CPU, 2 threads"),
        ("ViT-B/32", "ViT-B/32"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("results/runs/clip", "results/runs/clip"),
    ],
)
def test_folders_of_the_machine_are_cut(text, shown):
    assert without_folders({"x": [text], "n": 3}) == {"x": [shown], "n": 3}


def test_records_are_found_by_model_and_cohort(tmp_path):
    for path in ("runs/m/record.json", "scores/a/m.json"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(json.dumps({"seed": 1}))
    found = run_records(Workspace(results=tmp_path), ["m", "../m"], ["a", "b"])
    assert list(found) == [
        "training of m",
        "scoring of a by m",
    ]
    (tmp_path / "scores" / "a" / "m.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        run_records(Workspace(results=tmp_path), ["m"], ["a"])
