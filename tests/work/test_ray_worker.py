"""What a Ray worker does with a task, without a cluster."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from benchmark import __version__
from benchmark.errors import InputError
from benchmark.work.ray_cluster import run_in_worker
from benchmark.work.tasks import Raised


def test_a_node_with_another_version_of_the_program_refuses_its_task() -> None:
    work = pickle.dumps((abs, None)), pickle.dumps(-3)
    assert pickle.loads(run_in_worker(__version__, *work)) == 3  # noqa: S301 (our own)
    # It does not even load what the other version sent: that may name what is not here.
    for sent in (work, (b"no pickle", b"none")):
        refused = pickle.loads(run_in_worker("0.0.1", *sent))  # noqa: S301 (our own)
        assert isinstance(refused, Raised)
        with pytest.raises(InputError, match=rf"has nodule-bench {__version__}, and this program is 0\.0\.1"):
            raise refused.error


def test_a_worker_whose_folder_is_gone_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing torch there ends the process without a word."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    work = pickle.dumps((abs, None)), pickle.dumps(-3)
    assert pickle.loads(run_in_worker(__version__, *work)) == 3  # noqa: S301 (our own)
    assert Path.cwd().is_dir()
