"""Products of small matrices, which are slower when BLAS shares them between cores."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """While this context is open, BLAS works with one thread: small products are faster so and always equal."""
    switch: AbstractContextManager[Any] = _controller().limit(limits=1)
    return switch


@lru_cache(maxsize=1)
def _controller() -> Any:  # noqa: ANN401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
