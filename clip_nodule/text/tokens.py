"""Text to CLIP's token ids, with the byte-pair vocabulary that open_clip brings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from torch import Tensor

CONTEXT = 77
"""Length of a row of token ids, begin and end included."""


@cache
def _tokenizer() -> Any:  # noqa: ANN401
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


def tokenize(texts: Sequence[str], context: int = CONTEXT) -> Tensor:
    """Token ids ``[n, context]``; longer texts are cut and keep their end token, as with ``truncate`` in CLIP."""
    ids: Tensor = _tokenizer()(list(texts), context_length=context)
    return ids
