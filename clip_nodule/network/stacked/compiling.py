"""Compiling a network with ``torch.compile``, and what is said where that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import torch
from torch._dynamo.exc import TorchDynamoException

from benchmark.errors import InputError, Problem

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """A function that is compiled as it is first called; what is drawn at random is what it was.

    What was compiled before is forgotten: PyTorch gives up on a function, without an error, that it compiled for
    several objects.
    """
    torch.compiler.reset()
    return torch.compile(function, options={"fallback_random": True})


@contextmanager
def errors_of_the_compiler() -> Iterator[None]:
    """Inside, what a compiler fails at is an error of one line.

    Raises:
        InputError: There is no compiler that works, or it cannot compile this.
    """
    try:
        yield
    except TorchDynamoException as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        why = lines[0][:300] if lines else type(error).__name__
        what = f"the network cannot be compiled here ({why})"
        raise InputError(Problem(what, "begin a run without it", column="--compile")) from error
