"""Two hosts that share a disk: who writes is told by a file, and a host that died is not waited for."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from benchmark.outputs import leases
from benchmark.outputs.leases import BEAT, STALE, Holder, Lease, read_holder
from benchmark.outputs.locks import InUseError, holding

ELSEWHERE = Holder("node7", 4711, "another start of another machine", "t1")


def leave(path: Path, holder: Holder = ELSEWHERE, age: float = 0.0) -> Path:
    """A lease as a process of another host makes it, not renewed for some seconds."""
    path.write_text(json.dumps(vars(holder)))
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def test_what_another_host_writes_is_refused_and_named(tmp_path: Path) -> None:
    lease = leave(tmp_path / ".x.lease")
    with pytest.raises(InUseError, match="is being written by process 4711 on node7"), holding(tmp_path / "x"):
        pass
    assert read_holder(lease) == ELSEWHERE
    assert [path.name for path in tmp_path.iterdir()] == [".x.lease"]


def test_a_host_that_died_is_not_waited_for_and_its_lease_goes(tmp_path: Path) -> None:
    lease = leave(tmp_path / ".x.lease", age=STALE + 5)
    with holding(tmp_path / "x"):
        mine = read_holder(lease)
        assert mine is not None
        assert mine.process == os.getpid()
    assert not list(tmp_path.iterdir())
    leave(tmp_path / ".x.lease", age=STALE - 20)  # a network disk shows times late: not yet
    with pytest.raises(InUseError), holding(tmp_path / "x"):
        pass


def test_a_lease_that_a_killed_process_of_this_machine_left_is_nobodys(tmp_path: Path) -> None:
    leave(tmp_path / ".x.lease", Holder("renamed", 1, leases.machine(), "t2"))
    with holding(tmp_path / "x"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lease_that_cannot_be_read_counts_until_it_is_stale(tmp_path: Path) -> None:
    for content in ("", "{", '{"host": 1}', "[]"):
        (tmp_path / ".x.lease").write_text(content)
        with pytest.raises(InUseError, match="by another process"), holding(tmp_path / "x"):
            pass
    os.utime(tmp_path / ".x.lease", (0, 0))
    with holding(tmp_path / "x"):
        pass
    assert not list(tmp_path.iterdir())


def test_who_waits_begins_when_the_other_host_is_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lease = leave(tmp_path / ".x.lease")
    threading.Timer(0.3, lease.unlink).start()
    begin = time.monotonic()
    with caplog.at_level("WARNING"), holding(tmp_path / "x", wait=True):
        assert time.monotonic() - begin > 0.25
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "waiting for process 4711 on node7"
    ]


def test_a_lease_is_renewed_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT", 0.02)
    with holding(tmp_path / "x"):
        lease = tmp_path / ".x.lease"
        os.utime(lease, (0, 0))
        wait_until(lambda: lease.stat().st_mtime > 1)
        lease.unlink()  # as a file server that lost it
        wait_until(lease.exists)
    assert not list(tmp_path.iterdir())
    assert STALE > 4 * BEAT


def test_who_slept_too_long_is_told_that_another_took_over_and_leaves_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "BEAT", 0.02)
    with caplog.at_level("WARNING"), holding(tmp_path / "x"):
        leave(tmp_path / ".x.lease")
        wait_until(lambda: len(caplog.records) > 0)
    assert "was taken over by process 4711 on node7" in caplog.text
    assert read_holder(tmp_path / ".x.lease") == ELSEWHERE


def test_of_many_that_take_over_one_stale_lease_one_has_it(tmp_path: Path) -> None:
    """Hosts that see a stale lease at the same moment, without a common lock: a race repeated."""
    for number in range(6):
        leave(tmp_path / "lease", age=STALE + 5)
        mine = [Lease(tmp_path / "lease") for _ in range(4)]
        for place, lease in enumerate(mine):
            lease.holder = Holder(f"node{place}", place, f"machine {place}", f"{number} {place}")
        start = threading.Barrier(4)
        got: list[int] = []

        def take(place: int) -> None:
            start.wait()  # noqa: B023
            if mine[place].take() is None:  # noqa: B023
                got.append(place)  # noqa: B023

        crowd = [threading.Thread(target=take, args=(place,)) for place in range(4)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        assert len(got) == 1, number
        assert read_holder(tmp_path / "lease") == mine[got[0]].holder
        mine[got[0]].give_up()
        assert not list(tmp_path.iterdir())


def wait_until(true: object) -> None:
    end = time.monotonic() + 10
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)
