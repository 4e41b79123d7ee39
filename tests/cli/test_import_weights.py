from __future__ import annotations

import pickle
from pathlib import Path

from typer.testing import CliRunner

from benchmark.cli.main import app
from tests.clip_nodule.paper.test_import_weights import Hostile, paper_tensors, write_checkpoint


def test_import_then_the_run_is_the_newest(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "ckpt", paper_tensors())
    (source / "cal_0.pkl").write_bytes(pickle.dumps(Hostile(tmp_path / "canary")))
    out = tmp_path / "results" / "runs" / "paper"
    done = CliRunner().invoke(app, ["import-weights", str(source), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "cal_0.pkl is a pickle" in done.output
    assert (out / "fold_0" / "backbone.safetensors").is_file()
    assert not (tmp_path / "canary").exists()


def test_a_hostile_file_ends_with_status_2(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "ckpt", {})
    (source / "fold_0" / "best_both.pt").write_bytes(pickle.dumps(Hostile(tmp_path / "canary")))
    done = CliRunner().invoke(app, ["import-weights", str(source), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert "is refused" in done.output
    assert not (tmp_path / "canary").exists()
    assert not (tmp_path / "run").exists()


def test_no_checkpoint_ends_with_status_2(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["import-weights", str(tmp_path / "none"), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert "is no folder" in done.output
