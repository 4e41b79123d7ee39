"""Stands for SimpleITK on a machine that lacks it: what reads NIfTI alone never asks it for anything.

A machine lent for its GPU may have no room for SimpleITK's 50 MB; ``benchmark.imaging`` wants it installed.
"""

from __future__ import annotations

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    raise ImportError(f"SimpleITK.{name} was asked for, and SimpleITK is not installed")
