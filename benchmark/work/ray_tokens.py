"""Whoever reaches the port of a Ray cluster without tokens runs code on it; and its answers are unpickled here."""

from __future__ import annotations

import os
import socket
from contextlib import closing

from benchmark.errors import InputError, Problem

MODE = "RAY_AUTH_MODE"


def require_token(address: str, *, insecure: bool) -> None:
    """Refuse a cluster on another machine that is not asked for with a token.

    Args:
        address: ``auto``, ``local``, ``HOST:PORT`` or ``ray://HOST:PORT``; ``auto`` is what ``RAY_ADDRESS`` says,
            and else the cluster that this machine is a node of.
        insecure: It is joined as it is.

    Raises:
        InputError: It is elsewhere, and ``RAY_AUTH_MODE`` is not ``token``.
    """
    place = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    if insecure or os.environ.get(MODE, "").lower() == "token" or not _is_elsewhere(place):
        return
    what = "is a Ray cluster on another machine, which whoever reaches its port can make run code, here too"
    fix = f"start it with {MODE}=token and set that here (Ray's documentation, Token authentication), or give"
    fix += " --insecure-ray where your network lets in nobody else"
    raise InputError(Problem(what, fix, column="--address", value=place))


def _is_elsewhere(place: str) -> bool:
    """Whether an address names a host that is another machine; not where it names none, or one nobody knows."""
    host = place.removeprefix("ray://").rpartition(":")[0].strip("[]")
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM) if host else []
    except (OSError, UnicodeError):
        return False
    return any(not _is_own(family, where) for family, _, _, _, where in found)


def _is_own(family: int, where: tuple[object, ...]) -> bool:
    """Whether an address is one of this machine's: no other can be bound to."""
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.bind(where)
    except OSError:
        return False
    return True
