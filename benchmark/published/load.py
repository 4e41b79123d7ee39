"""Reading published results, the ones that come with the package and the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from benchmark.contracts.vocabulary import FEATURES
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished
from benchmark.published.printed import Printed
from benchmark.published.schema import FoldTest, Published
from benchmark.published.text_yaml import TextDocument, read_text_yaml

FOLDER = Path(__file__).parent
_TEST_KEYS = ("test", "folds", "alpha")
_COMMON_SHARE = Fraction(3, 5)
"""Share of a column that must have the most decimals before shorter numbers are taken to have lost zeros."""


def published_keys() -> list[str]:
    """Keys of the papers that come with the package.

    Example::

        >>> from benchmark.published.load import published_keys
        >>> "zhuang2025" in published_keys()
        True
    """
    return sorted(path.stem for path in list_finished(FOLDER, "*.yaml"))


def load_published(source: Path | str) -> Published:
    """Read published results.

    Example::

        >>> from benchmark.published.load import load_published
        >>> paper = load_published("zhuang2025")
        >>> sorted({cohort for cohort, _ in paper.rows()})
        ['dlcs', 'lungx', 'nlst', 'ucla']

    Args:
        source: A YAML or JSON file, or the key of a paper that comes with the package.

    Returns:
        The results. Numbers keep their printed decimals. Where a file has lost its last zeros (no number ends in 0
        though most of a column have the same decimals), shorter numbers get the decimals of their column back.

    Raises:
        InputError: Names everything that is wrong with the file, with its line.
    """
    path = Path(source)
    if str(source) in published_keys() and not path.is_file():
        path = FOLDER / f"{source}.yaml"
    elif not path.exists() and path.name == str(source) and not path.suffix:
        fix = f"papers that come with the package: {', '.join(published_keys())}"
        raise InputError(Problem(f"no file and no published paper {str(source)!r}", fix))
    return _validated(read_text_yaml(path))


def _validated(document: TextDocument) -> Published:
    content = {"key": document.path.stem, **document.content}
    _drop_unknown_scalars(content)
    _group_semantic(content)
    _lift_test(content)
    try:
        published = Published.model_validate(content)
    except ValidationError as error:
        raise InputError([_problem(item, document) for item in error.errors()]) from error
    if not published.rows() and not published.semantic and not published.ablation:
        fix = "see benchmark/published/zhuang2025.yaml for the form"
        raise InputError(Problem("holds no results: no performance, operating_points, semantic or ablation", fix,
                                 document.path))  # fmt: skip
    _mark_labels(published)
    _restore_zeros(published)
    _rescale(published)
    return published


def _drop_unknown_scalars(content: dict[str, Any]) -> None:
    """Remarks under names of the user's own are let pass; a mistyped name is not."""
    known = list(Published.model_fields)
    for name in [name for name in content if name not in known]:
        if isinstance(content[name], str) and not get_close_matches(name, known, n=1, cutoff=0.75):
            del content[name]


def _group_semantic(content: dict[str, Any]) -> None:
    """Features that stand outside a group are put into one without a name."""
    semantic = content.get("semantic")
    if isinstance(semantic, dict):
        loose = {k: v for k, v in semantic.items() if isinstance(v, dict) and ({"auroc", "classes"} & set(v))}
        if loose:
            groups = {k: v for k, v in semantic.items() if k not in loose}
            content["semantic"] = {"": loose, **groups}


def _lift_test(content: dict[str, Any]) -> None:
    """``test``, ``folds`` and ``alpha`` may stand inside ``ablation``."""
    ablation = content.get("ablation")
    if isinstance(ablation, dict):
        inside = {key: ablation[key] for key in _TEST_KEYS if isinstance(ablation.get(key), str)}
        if inside:
            content["ablation"] = {key: value for key, value in ablation.items() if key not in inside}
            stated = content.get("ablation_test")
            content["ablation_test"] = {**inside, **(stated if isinstance(stated, dict) else {})}


def _problem(item: Any, document: TextDocument) -> Problem:  # noqa: ANN401
    keys = tuple(item["loc"])
    name = ".".join(map(str, keys))
    what = item["msg"].removeprefix("Value error, ")
    fix = ""
    if item["type"] == "extra_forbidden":
        what = "is no field here"
        found = get_close_matches(str(keys[-1]), [*Published.model_fields, *FoldTest.model_fields], n=1)
        fix = f"did you mean {found[0]!r}?" if found else ""
    value = item["input"] if isinstance(item["input"], str) else None
    return Problem(what, fix, document.path, document.line(keys), name, value[:80] if value else None)


def cells(published: Published) -> Iterator[tuple[str, BaseModel, str, Printed]]:
    """Every printed area, rate and precision: (column, what holds it, its name there, the number)."""
    tables: list[tuple[str, BaseModel]] = [
        ("", row) for models in published.performance.values() for row in models.values()
    ]
    tables += [
        ("", row) for models in published.operating_points.values() for rows in models.values() for row in rows
    ]
    tables += [("semantic ", row) for group in published.semantic.values() for row in group.values()]
    tables += [
        (f"fold {metric} ", cell)
        for block in published.ablation.values()
        for model in block.values()
        for metrics in model.values()
        for metric, cell in metrics.items()
    ]
    for prefix, holder in tables:
        for name in ("auroc", "auprc", "fpr", "precision", "mean", "sd"):
            number = getattr(holder, name, None)
            if isinstance(number, Printed):
                yield prefix + name, holder, name, number


def _mark_labels(published: Published) -> None:
    """Features of which a nodule can have several classes, by the project's vocabulary."""
    several = {_singular(feature.name) for feature in FEATURES if feature.multi_label}
    for group in published.semantic.values():
        for name, feature in group.items():
            if "exclusive" not in feature.model_fields_set and _singular(name) in several:
                feature.exclusive = False


def _singular(name: str) -> str:
    return name.strip().lower().removesuffix("s")


def _restore_zeros(published: Published) -> None:
    found = list(cells(published))
    if published.decimals is not None:
        for _, holder, name, number in found:
            setattr(holder, name, number.with_decimals(published.decimals))
        return
    # A program prints 1.0 and 0.0 of itself, but no other number with a zero at its end.
    if any("." in n.text and n.text.endswith("0") and n.decimals > 1 for *_, n in found):
        return
    pooled = _common([number.decimals for column, *_, number in found if " " not in column])
    columns: dict[str, list[Printed]] = {}
    for column, _, _, number in found:
        columns.setdefault(column, []).append(number)
    for column, holder, name, number in found:
        common = _common([n.decimals for n in columns[column]])
        if " " not in column and pooled and not _printed_shorter(columns[column], pooled):
            common = pooled
        if common:
            setattr(holder, name, number.with_decimals(common))


def _printed_shorter(column: list[Printed], decimals: int) -> bool:
    """Whether a column is printed with fewer decimals: every number would have lost zeros, two or more in all."""
    missing = {number.value: decimals - number.decimals for number in column if number.value.denominator != 1}
    return bool(missing) and min(missing.values()) > 0 and sum(missing.values()) > 1


def _common(decimals: list[int]) -> int | None:
    """The most decimals, if enough numbers have them that the others will have lost zeros."""
    most = max(decimals, default=0)
    return most if decimals.count(most) >= _COMMON_SHARE * len(decimals) else None


def _rescale(published: Published) -> None:
    """Percentages become fractions: where the file says so, or where most areas and rates are above 1.

    A single number above 1 among fractions stays: it is a misprint for the audit to find.
    """
    found = list(cells(published))
    plain = [n for *_, n in found if not n.text.endswith("%")]
    is_percent = published.scale == "percent" or (
        published.scale is None and 2 * sum(n.value > 1 for n in plain) > len(plain)
    )
    for _, holder, name, number in found:
        if is_percent and not number.text.endswith("%"):
            setattr(holder, name, number.as_percentage())
    if is_percent:
        _rescale_intervals(published)
    rows = [row for models in published.operating_points.values() for rows in models.values() for row in rows]
    if 2 * sum(row.order.value > 1 for row in rows) > len(rows):
        for row in rows:
            for name in ("recall_target", "recall", "listed"):
                number = getattr(row, name)
                if number is not None and not number.text.endswith("%"):
                    setattr(row, name, number.as_percentage())


def _rescale_intervals(published: Published) -> None:
    for row in (row for models in published.performance.values() for row in models.values()):
        for name in ("auroc_interval", "auprc_interval"):
            limits = getattr(row, name)
            if limits is not None:
                plain = [
                    limit if limit is None or limit.text.endswith("%") else limit.as_percentage()
                    for limit in limits
                ]
                setattr(row, name, tuple(plain))
