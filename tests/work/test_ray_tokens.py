"""A Ray cluster on another machine is joined with a token, or when it is said that it needs none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.errors import InputError
from benchmark.work.ray_tokens import require_token

ELSEWHERE = "192.0.2.1"
"""An address that RFC 5737 keeps for documentation: no machine has it."""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("address", [f"ray://{ELSEWHERE}:10001", f"{ELSEWHERE}:6379", "[2001:db8::1]:6379"])
def test_one_elsewhere_is_refused_with_what_to_do(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for refused in (False, True):
        with pytest.raises(InputError, match=r"RAY_AUTH_MODE=token .* --insecure-ray"):
            require_token("auto" if refused else address, insecure=False)
        monkeypatch.setenv("RAY_ADDRESS", address)  # which auto stands for
    require_token(address, insecure=True)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(InputError):
        require_token(address, insecure=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    require_token(address, insecure=False)


@pytest.mark.parametrize(
    "address",
    [
        "auto",
        "local",
        "127.0.0.1:6379",
        "ray://localhost:10001",
        f"ray://{socket.gethostname()}:10001",
        "somewhere",
    ],
)
def test_this_machine_and_none_are_not_elsewhere(address: str) -> None:
    require_token(address, insecure=False)


@pytest.mark.needs("ray")
def test_a_command_says_so_before_it_asks_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connects(*args: object, **more: object) -> None:
        raise AssertionError("it is asked")

    monkeypatch.setattr(socket, "create_connection", connects)
    monkeypatch.chdir(tmp_path)
    begin = ["cohort", "prepare", "phantom", "-n", "2", "--workers", "0", "--out", "cohorts/a"]
    assert CliRunner().invoke(app, begin).exit_code == 0
    command = ["crop", "--cohort", "a", "--on", "ray", "--address", f"ray://{ELSEWHERE}:10001"]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, "--insecure-ray" in done.stderr) == (2, True)
    done = CliRunner().invoke(app, ["crop", "--cohort", "a", "--insecure-ray"])
    assert (done.exit_code, "give --on ray with it" in done.stderr) == (2, True)
