"""Early stopping on one value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class EarlyStopping:
    """Watches a loss and says when it has not improved for long.

    Attributes:
        patience: Epochs without improvement after which ``stopped`` is true.
        warmup: Epochs that are not watched.
        best: Smallest value so far.
        best_epoch: Epoch it was seen in; None before the first.
        waited: Epochs since then.
        sticky: Stay stopped once stopped, and take a value equal to the best for a better one.
        ended: Whether patience ever ran out.
    """

    patience: int
    warmup: int = 0
    best: float = math.inf
    best_epoch: int | None = None
    waited: int = 0
    sticky: bool = False
    ended: bool = False

    @property
    def stopped(self) -> bool:
        """Whether patience has run out."""
        return self.waited >= self.patience or (self.sticky and self.ended)

    def update(self, value: float, epoch: int) -> bool:
        """Take in an epoch's value; true if it is the best so far. A value that is not finite never is."""
        if epoch < self.warmup:
            return False
        better = value <= self.best if self.sticky else value < self.best
        if math.isfinite(value) and (self.best_epoch is None or better):
            self.best, self.best_epoch, self.waited = value, epoch, 0
            return True
        self.waited += 1
        self.ended = self.ended or self.waited >= self.patience
        return False

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ``EarlyStopping(**values)`` restores it. Infinity becomes None."""
        values = asdict(self)
        return values | {"best": None if math.isinf(self.best) else self.best}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EarlyStopping:
        """What ``as_dict`` wrote."""
        best = values["best"]
        return cls(**(values | {"best": math.inf if best is None else float(best)}))
