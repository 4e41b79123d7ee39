"""Messages between a program and its worker processes: a length, then as many bytes; and errors that travel."""

from __future__ import annotations

import pickle
import struct
from typing import IO

_LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], message: bytes) -> None:
    """Write a message."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read a message; None if the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


def portable(error: Exception) -> Exception:
    """The error, or where another process could not read it one with its words."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (our own; an error can be written that cannot be read)
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
