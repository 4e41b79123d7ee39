"""Whatever holds one value a case, or a column a model, brought into arrays: the one place that makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import InputError, Problem


class SampleError(InputError, ValueError):
    """Labels, scores, weights or settings that no metric can be computed from."""


def as_sequence(values: Any, name: str) -> Any:  # noqa: ANN401 - any sequence
    """What numpy and pandas can index: lists, arrays and Series as they are, all else as an array or a list.

    Taken are lists, tuples, ranges, views of dicts, iterators, numpy arrays (masked ones too), Series, indexes and
    arrays of pandas of any dtype, and whatever has ``__array__``, such as a Series of polars or a tensor.

    Args:
        values: One value a case.
        name: What to call them in a message.

    Raises:
        SampleError: Text, a mapping, a set, which has no order, or no sequence at all.
    """
    if isinstance(values, np.ma.MaskedArray):
        return pd.Series(values.data, dtype=object).mask(np.ma.getmaskarray(values)).to_numpy()
    if isinstance(values, list | tuple | np.ndarray):
        return values
    if hasattr(values, "__array__"):
        return values if isinstance(values, pd.Series) else np.asarray(values)
    if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping | set | frozenset):
        return list(values)
    what = f"{name}: expected one value a case, got a {type(values).__name__}"
    raise SampleError(Problem(what, "give a list, an array or a Series"))


def as_numbers(values: Any, name: str) -> npt.NDArray[np.float64]:  # noqa: ANN401 - any sequence of numbers
    """Numbers as float64, ``(n,)``; a missing one of any kind is NaN.

    Raises:
        SampleError: Not all are numbers, or the input is empty or not one-dimensional.
    """
    found = as_sequence(values, name)
    try:
        array = _as_floats(found)
    except (TypeError, ValueError) as error:
        fix = "code malignant as 1 and benign as 0" if name.startswith("labels") else "give one number a case"
        raise SampleError(Problem(f"{name}: not all values are numbers ({error})", fix)) from error
    if array.ndim != 1 or array.size == 0:
        fix = "give one value a case, such as a single column of a table"
        raise SampleError(Problem(f"{name}: expected a non-empty sequence, got the shape {array.shape}", fix))
    return array


def as_objects(values: Any, name: str) -> pd.Series:  # noqa: ANN401 - any sequence
    """Ids, groups or names as they are, numbered from 0, ``(n,)``; missing ones stay missing.

    Raises:
        SampleError: As `as_sequence`, or a table in place of a sequence.
    """
    found = as_sequence(values, name)
    if isinstance(found, pd.Series):
        return found.reset_index(drop=True)
    if isinstance(found, np.ndarray):
        if found.ndim != 1:
            fix = "give one value a case, such as a single column of a table"
            raise SampleError(Problem(f"{name}: expected a sequence, got the shape {found.shape}", fix))
        return pd.Series(found)
    # As objects, since an array of text would turn a missing id into the text "nan", and 1 and "1" into one.
    return pd.Series(list(found), dtype=object)


def as_ids(values: Any, name: str) -> pd.Series:  # noqa: ANN401 - any sequence
    """`as_objects` of which none may be missing.

    Raises:
        SampleError: As `as_objects`, or a missing id.
    """
    found = as_objects(values, name)
    missing = int(found.isna().sum())
    if missing:
        raise SampleError(Problem(f"{name}: {missing} of {len(found)} are missing", "give every one of them"))
    return found


def as_columns(table: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 - any table
    """Columns by their names: of a mapping, or of a table of pandas, polars or pyarrow.

    Raises:
        SampleError: It is no table, or two columns have one name.
    """
    if isinstance(table, Mapping):
        names, columns = list(table), list(table.values())
    elif isinstance(table, pd.DataFrame):
        names, columns = list(table.columns), [table.iloc[:, k] for k in range(table.shape[1])]
    else:
        called = getattr(table, "column_names", getattr(table, "columns", ()))
        names = list(called) if isinstance(called, Iterable) else []
        if not names or not all(isinstance(column, str) for column in names) or not hasattr(table, "__getitem__"):
            what = f"{name}: expected those of each model by model, got a {type(table).__name__}"
            raise SampleError(Problem(what, 'give {"name": scores}'))
        columns = [table[column] for column in names]
    titles = [str(column) for column in names]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        what = f"{name}: models stand in more than one column: {', '.join(twice)}"
        raise SampleError(Problem(what, "rename one"))
    return dict(zip(titles, columns, strict=True))


def _as_floats(values: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if kind in ("m", "M"):
        raise TypeError("dates or durations")
    if kind == "c":
        raise TypeError("complex numbers")
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        objects = pd.Series(list(values), dtype=object)
        if not objects.isna().any():
            raise
        # Such as pd.NA, which numpy makes no number of.
        return np.asarray(objects.mask(objects.isna(), np.nan), dtype=np.float64)
