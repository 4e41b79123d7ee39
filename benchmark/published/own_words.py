"""Names of a paper's models for readers of another text: a paper calls its own model "Ours"."""

from __future__ import annotations

import re

from benchmark.published.schema import Published

_WORDS = r"(?:ours|(?:our|this|(?:the )?present) {0}|(?:the )?proposed(?: {0})?)".format(
    "(?:model|method|approach|network|system|algorithm|framework|pipeline|work|study|paper)"
)
_SELF = re.compile(rf"\b{_WORDS}\b", re.IGNORECASE)
_NAMED_BESIDE_SELF = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_WORDS}\s*[(\[](?P<name>[^()\[\]]+)[)\]]",
        rf"(?P<name>.+?)\s*[(\[]{_WORDS}[)\]]",
        rf"{_WORDS}\s*[:,–-]\s*(?P<name>.+)",
        rf"(?P<name>.+?)\s*[,–-]\s*{_WORDS}",
    )
)
"""Titles that name a model beside what only its own paper may call it."""


def model_of_paper(paper: Published, model: str) -> str:
    """A printed title without "Ours", "Proposed method" and the like, which only the paper itself may say.

    Args:
        paper: The paper.
        model: Key of the model.

    Returns:
        The title that stands beside such words, else the model's key; other titles as they are.
    """
    title = paper.model_title(model)
    for pattern in _NAMED_BESIDE_SELF:
        found = pattern.fullmatch(title.strip())
        if found:
            return found["name"].strip()
    if not _SELF.search(title):
        return title
    return "Model" if _SELF.search(model.replace("_", " ").replace("-", " ")) else model
