"""The printed results of one paper: what can be written down, and in which form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from benchmark.published.printed import Printed, parse_printed

MISSING = frozenset({"", "~", "-", "–", "—", "na", "n/a", "nan", "nr", "none", "null"})
"""Texts that mean a number is not printed."""


def _number(value: object) -> object:
    if value is None or isinstance(value, Printed):
        return value
    if not isinstance(value, str):
        raise ValueError("is not a number")
    return None if value.strip().lower() in MISSING else parse_printed(value)


def _whole_number(value: object) -> object:
    """A whole number; "1,120" and "1120.0" are read too, as tables print and programs write them."""
    number = _number(value.replace(",", "") if isinstance(value, str) else value)
    if isinstance(number, Printed):
        if number.value.denominator != 1:
            raise ValueError("is not a whole number")
        if number.value < 0:
            raise ValueError("is negative")
        return int(number.value)
    return number


def _truth(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() in {"yes", "no", "true", "false"}:
        return value.strip().lower() in {"yes", "true"}
    return value


def _text_or_none(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() in {"", "~", "null"} else value


PrintedNumber = Annotated[Printed | None, BeforeValidator(_number)]
Count = Annotated[int | None, BeforeValidator(_whole_number)]
Text = Annotated[str | None, BeforeValidator(_text_or_none)]
Truth = Annotated[bool, BeforeValidator(_truth)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class CohortSize(_Entry):
    """What a paper prints of a cohort; ``n`` and the others count patients unless the paper's ``unit`` differs."""

    title: Text = None
    n: Count = None
    positives: Count = None
    negatives: Count = None
    note: Text = None

    @model_validator(mode="after")
    def _add_up(self) -> CohortSize:
        if self.n is None and self.positives is not None and self.negatives is not None:
            self.n = self.positives + self.negatives
        if self.positives is None and self.n is not None and self.negatives is not None:
            self.positives = self.n - self.negatives
        return self


class PrintedModel(_Entry):
    """What a paper says of a model."""

    title: Text = None
    inputs: Text = None
    note: Text = None


class Performance(_Entry):
    """A row of a paper's main table; ``[value, low, high]`` gives a printed interval too."""

    auroc: PrintedNumber = None
    auprc: PrintedNumber = None
    auroc_interval: tuple[PrintedNumber, PrintedNumber] | None = None
    auprc_interval: tuple[PrintedNumber, PrintedNumber] | None = None

    @model_validator(mode="before")
    @classmethod
    def _split_intervals(cls, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            return value
        for name in ("auroc", "auprc"):
            cell = value.get(name)
            if isinstance(cell, list) and len(cell) == 3:
                value = {**value, name: cell[0], f"{name}_interval": cell[1:]}
            elif isinstance(cell, list) or (isinstance(cell, str) and "(" in cell):
                raise ValueError(f"{name} is one number, or with its interval [value, lower limit, upper limit]")
        return value


class PrintedPoint(_Entry):
    """A mapping of these names, or a row ``[recall, false positive rate, precision]``.

    The first number of a row is a recall aimed at or one that was achieved; `Published.listed_recall` says which.

    Attributes:
        recall_target: Recall aimed at, e.g. 0.9; the threshold follows from it by the paper's ``recall_rule``.
        recall: Recall that was achieved, as printed; alone it says nothing of how the threshold was chosen.
        fpr: False positive rate.
        precision: Precision.
        listed: First number of a row, until it is known which recall it is.
    """

    recall_target: PrintedNumber = None
    recall: PrintedNumber = None
    fpr: PrintedNumber = None
    precision: PrintedNumber = None
    listed: PrintedNumber = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, list):
            if not 2 <= len(value) <= 3:
                raise ValueError("a row is [recall, false positive rate, precision]")
            return dict(zip(("listed", "fpr", "precision"), value, strict=False))
        return value

    @model_validator(mode="after")
    def _has_a_recall(self) -> PrintedPoint:
        if self.recall_target is None and self.recall is None and self.listed is None:
            raise ValueError("has no recall: give recall_target (aimed at) or recall (achieved)")
        return self

    @property
    def order(self) -> Printed:
        """The recall by which rows are ordered and named: the one aimed at, else the one achieved."""
        found = self.recall_target or self.listed or self.recall
        if found is None:
            raise ValueError("has no recall")
        return found


class SemanticFeature(_Entry):
    """A semantic feature: its AUROC and the percentage of nodules in each class.

    ``exclusive`` is false where one nodule can have several of the classes. Where a file does not say, the
    features of the project's vocabulary are what they are there and all others are exclusive. ``complete`` is true
    where every nodule is known to have a class; elsewhere a sum below 100 % is read as missing values, as the
    caption of Table 3 in Zhuang et al. 2025 says of its own.
    """

    auroc: PrintedNumber = None
    auprc: PrintedNumber = None
    classes: dict[str, PrintedNumber] = Field(default_factory=dict)
    exclusive: Truth = True
    complete: Truth = False
    n: Count = None


class FoldTest(_Entry):
    """How a table of folds was tested; what is not said stays None."""

    test: Text = None
    folds: Count = None
    alpha: Annotated[Printed, BeforeValidator(_number)] = Field(default_factory=lambda: parse_printed("0.05"))


class FoldValue(_Entry):
    """A cell ``[mean, standard deviation]`` over folds.

    ``starred`` as third entry: the paper calls the difference to the best model of the block significant.
    """

    mean: PrintedNumber = None
    sd: PrintedNumber = None
    starred: Truth = False

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, list):
            return value
        marks = [cell for cell in value if isinstance(cell, str) and cell.strip().lower() in {"starred", "*"}]
        numbers = [cell for cell in value if cell not in marks]
        if not 1 <= len(numbers) <= 2:
            raise ValueError("a cell is [mean, standard deviation] or [mean, standard deviation, starred]")
        return {"mean": numbers[0], "sd": numbers[1] if len(numbers) == 2 else None, "starred": bool(marks)}


class Published(_Entry):
    """Everything that is written down of one paper.

    Attributes:
        performance: By cohort, then model.
        operating_points: By cohort, then model; recalls rise.
        semantic: By group, then feature.
        semantic_n: Nodules that the class percentages are of.
        ablation: By block, model, cohort and metric.
        ablation_test: The test behind the stars.
        listed_recall: What the first number of a listed operating point is: ``aimed`` at or ``achieved``. Where a
            file does not say, ``benchmark.published.listed`` reads it from the digits.
        version: Which version of the paper the numbers are of, where versions differ.
        recall_rule: ``ge``: the smallest achievable recall that reaches the one aimed at. ``closest``: the
            achievable recall nearest to it, from either side.
        auprc_rule: ``average_precision`` or ``other``; only the first can be audited.
        scale: ``fraction`` or ``percent``: how areas, rates and precisions are printed.
        decimals: Decimals that all areas and rates were printed with, if the file has lost their last zeros.
    """

    key: str
    title: Text = None
    doi: Text = None
    url: Text = None
    authors: Any = None
    year: Text = None
    note: Text = None
    endpoint: Text = None
    unit: Text = None
    cohorts: dict[str, CohortSize] = Field(default_factory=dict)
    models: dict[str, PrintedModel] = Field(default_factory=dict)
    performance: dict[str, dict[str, Performance]] = Field(default_factory=dict)
    operating_points: dict[str, dict[str, list[PrintedPoint]]] = Field(default_factory=dict)
    semantic: dict[str, dict[str, SemanticFeature]] = Field(default_factory=dict)
    semantic_n: Count = None
    ablation: dict[str, dict[str, dict[str, dict[str, FoldValue]]]] = Field(default_factory=dict)
    ablation_test: FoldTest = Field(default_factory=FoldTest)
    listed_recall: Literal["aimed", "achieved"] | None = None
    version: Text = None
    recall_rule: Literal["ge", "closest"] = "ge"
    auprc_rule: Literal["average_precision", "other"] = "average_precision"
    scale: Literal["fraction", "percent"] | None = None
    decimals: Count = None

    @model_validator(mode="after")
    def _rising(self) -> Published:
        for models in self.operating_points.values():
            for rows in models.values():
                rows.sort(key=lambda row: row.order.value)
        return self

    def rows(self) -> list[tuple[str, str]]:
        """Every printed (cohort, model), in the order of the paper."""
        pairs = [(c, m) for table in (self.performance, self.operating_points) for c in table for m in table[c]]
        order = {cohort: at for at, cohort in enumerate(dict.fromkeys([*self.cohorts, *(c for c, _ in pairs)]))}
        return sorted(dict.fromkeys(pairs), key=lambda pair: order[pair[0]])

    def size(self, cohort: str) -> CohortSize:
        """The printed size of a cohort; all None where nothing is printed."""
        return self.cohorts.get(cohort, CohortSize())

    def cohort_title(self, cohort: str) -> str:
        """What tables print for a cohort."""
        return self.size(cohort).title or cohort

    def model_title(self, model: str) -> str:
        """What tables print for a model."""
        card = self.models.get(model)
        return (card.title if card else None) or model
