"""The package that ``bench adapt new`` writes is an adapter that works."""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from adapters.card import AdapterOptions
from adapters.check import check_contract
from adapters.template import write_template
from benchmark.cli.main import app
from benchmark.errors import InputError


def test_it_passes_the_contract_and_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_template("acme-lab", tmp_path / "theirs")
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["nodule_bench.adapters"] == {"acme-lab": "acme_lab_adapter"}
    monkeypatch.syspath_prepend(folder)
    adapter = import_module("acme_lab_adapter")
    monkeypatch.delitem(sys.modules, "acme_lab_adapter")
    lines = check_contract("acme-lab", adapter, [folder / "example.csv"], AdapterOptions())
    assert "acme-lab: 2 rows, ids are text, reads the same twice, passes the contract" in lines
    (folder / "bad.csv").write_text("subject,risk\np1,high\n,0.2\n")
    with pytest.raises(InputError) as caught:
        check_contract("acme-lab", adapter, [folder / "bad.csv"], AdapterOptions())
    assert {problem.row for problem in caught.value.problems} == {2, 3}


def test_the_page_that_explains_it_reads_its_own_example(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "write-an-adapter.md").read_text(encoding="utf-8")
    table, code = page.split("```text\n")[1].split("```")[0], page.split("```python\n")[1].split("```")[0]
    (tmp_path / "theirs.csv").write_text(table, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - what a reader would type
    (found,) = names["read"]([tmp_path / "theirs.csv"], AdapterOptions())
    assert (found.unit, found.score_type) == ("nodule", "percent")
    assert found.frame["nodule_id"].tolist() == ["1", "2", "1"]
    assert found.frame["score"].tolist()[:2] == [17.7, 23.8]
    assert np.isnan(found.frame["score"][2])
    assert found.frame["reason"].tolist() == ["", "", "the file says 'ERR'"]


@pytest.mark.parametrize("name", ["sybil", "new", "list", "My lab", "../x", "a_b", "-a", "", "9a"])
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_template(name, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_to_do_next_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["adapt", "new", "acme"])
    assert done.exit_code == 0, done.output
    assert "bench adapt acme acme-adapter/example.csv --check" in done.output
    (tmp_path / "acme-adapter" / "acme_adapter.py").write_text("mine")
    again = CliRunner().invoke(app, ["adapt", "new", "acme"])
    assert again.exit_code == 2
    assert (tmp_path / "acme-adapter" / "acme_adapter.py").read_text() == "mine"
    assert CliRunner().invoke(app, ["adapt", "new"]).exit_code == 2
