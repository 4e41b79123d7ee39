"""Pseudonyms of patients: keyed, so that nobody without the key can try ids until one fits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.files import TEMPORARY, flush
from benchmark.formats.opening import read_text
from benchmark.outputs.locks import holding

LARGEST_KEY = 1 << 16
"""Bytes of the file of the key, which has 65."""

LENGTH = 8


def pseudonyms(workspace: Workspace, show_ids: bool) -> Callable[[str, str], str]:
    """A function ``(cohort, pid) → printed name``.

    The key is made once a results folder, readable by its owner only; the same key gives the same pseudonyms.

    Args:
        workspace: Where the key is.
        show_ids: Print the ids themselves.

    Raises:
        InputError: The key cannot be read or made.
    """
    if show_ids:
        return lambda cohort, pid: pid
    key: list[bytes] = []

    def name(cohort: str, pid: str) -> str:
        if not key:
            key.append(_key(workspace.pseudonym_key))
        digest = hmac.new(key[0], f"{cohort}\0{pid}".encode(), hashlib.sha256).digest()
        return f"P-{base64.b32encode(digest).decode()[:LENGTH]}"

    return name


def _make_key(path: Path) -> None:
    """Write a new key, whole or not at all, unless another process was first."""
    with holding(path, wait=True):
        if path.exists():
            return
        prefix = f"{TEMPORARY}{path.name}-"
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(secrets.token_bytes(32).hex() + "\n")
            flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _key(path: Path) -> bytes:
    try:
        if not path.exists():
            _make_key(path)
        key = bytes.fromhex(read_text(path, LARGEST_KEY).strip())
    except (OSError, ValueError) as error:
        fix = "make the folder writable, delete a broken key, or pass --show-ids"
        raise InputError(Problem(f"the key of the pseudonyms cannot be used: {error}", fix, path)) from error
    if len(key) < 16:
        raise InputError(Problem("is too short for a key", "delete it; the next page gets new pseudonyms", path))
    return key
