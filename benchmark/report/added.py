"""What stands beside a comparison's main tables: operating points, thresholds, what a model adds to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from benchmark.comparison.pairs import reference_first
from benchmark.report import tables as layouts
from benchmark.report.printing.names import Names
from benchmark.report.printing.table import Table

LAYOUTS: dict[str, Callable[[pd.DataFrame, Names], Table]] = {
    "predictive_values": layouts.predictive_table,
    "calls": layouts.calls_table,
    "within": layouts.within_table,
    "fusion": layouts.fusion_table,
    "net_gain": layouts.net_gain_table,
    "yield": layouts.yield_table,
}
"""Tables for readers by the names of their files, each from the table for programs of the same name."""


DIRECTED = ("calls", "net_gain")
"""Tables of differences between two models, printed from the same model as the others; ``fusion`` has sums."""


@dataclass(frozen=True)
class Added:
    """Further tables of a comparison.

    Attributes:
        operating_pairs: See `benchmark.comparison.operating_pairs.operating_differences`.
        rows: Tables for programs by the names of their files; those that have a layout are printed too.
    """

    operating_pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    rows: dict[str, pd.DataFrame] = field(default_factory=dict)

    def reader_tables(self, names: Names, reference: str, *, short: bool = False) -> dict[str, Table]:
        """Tables for readers by the names of their files.

        Args:
            names: Printed names.
            reference: The model that differences are taken from.
            short: Whether pairs of other models are left out of the differences at operating points.
        """
        found = {}
        if len(self.operating_pairs):
            found["operating_pairs"] = layouts.operating_pairs_table(
                self.operating_pairs, names, reference=reference, short=short
            )
        return found | {
            stem: layout(
                reference_first(self.rows[stem], reference) if stem in DIRECTED else self.rows[stem], names
            )
            for stem, layout in LAYOUTS.items()
            if len(self.rows.get(stem, ()))
        }

    def long_tables(self) -> dict[str, pd.DataFrame]:
        """Tables for programs by the names of their files."""
        return {"operating_pairs": self.operating_pairs, **self.rows}
