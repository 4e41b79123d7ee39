"""Parquet, of which a few bytes can stand for a table of any size."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import refusing, require_regular
from benchmark.redaction import note_table

if TYPE_CHECKING:
    import pandas as pd

LARGEST: Final = 512 * 2**20
"""Bytes of the largest file, and of the table that it holds: five million rows of scores."""
MOST_ROWS: Final = 20_000_000
"""Rows of the longest table."""
_ROWS_AT_ONCE: Final = 65_536


def read_parquet(path: Path | str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A Parquet file as a table of texts, numbers, truth values and dates, with its index as columns.

    Args:
        path: The file.
        columns: Those that are wanted, where the file has them; all by default.

    Raises:
        InputError: It is missing, no Parquet, damaged, too large once unpacked, or holds lists and the like.
    """
    path = require_regular(path, LARGEST)
    import pyarrow as pa
    import pyarrow.parquet as pq

    # A thread of pyarrow's that lets go of a Python object while the interpreter ends aborts the process.
    pa.enable_signal_handlers(False)
    with refusing(path, "is no Parquet file that can be read", "write it again"):
        with pq.ParquetFile(str(path), pre_buffer=False) as file:
            names = file.schema_arrow.names
            wanted = list(names) if columns is None else [name for name in columns if name in names]
            _require_table(path, file.schema_arrow, wanted)
            if file.metadata.num_rows > MOST_ROWS:
                raise InputError(Problem(f"holds more than {MOST_ROWS:,} rows", "split it", path))
        texts = [name for name in wanted if _is_text(file.schema_arrow.field(name).type)]
        # A dictionary stays as small as the file; its size written out is known before it is written out.
        with pq.ParquetFile(str(path), read_dictionary=texts, pre_buffer=False) as file:
            groups, size = [], 0
            for number in range(file.num_row_groups):
                group = file.read_row_group(number, columns=wanted, use_threads=False)
                group.validate(full=True)  # texts that are no UTF-8, places beyond the end of a dictionary
                size += sum(_written_out(column) for column in group.columns)
                if size > LARGEST:
                    what = f"holds more than {LARGEST >> 20} MiB once unpacked"
                    raise InputError(Problem(what, "split it", path))
                groups.append(group)
            table = pa.concat_tables(groups) if groups else file.schema_arrow.empty_table().select(wanted)
        plain = pa.schema([(name, _without_categories(table.schema.field(name).type)) for name in wanted])
        frame: pd.DataFrame = table.cast(plain).to_pandas(
            ignore_metadata=True,
            use_threads=False,
            integer_object_nulls=True,  # floats would round long ids
        )
        return note_table(frame)


def select_parquet_rows(
    path: Path | str,
    columns: Sequence[str],
    where: Mapping[str, Collection[str]],
    optional: Sequence[str] = (),
) -> pd.DataFrame:
    r"""The rows of a long table whose texts are among those wanted, a batch at a time: the others are never kept.

    Args:
        path: The file.
        columns: Those that are wanted; the file must have them.
        where: Column of text → the texts of which it must hold one; "" stands for an empty cell.
        optional: Further columns, where the file has them; lists of texts become texts with ``\`` between them.

    Raises:
        InputError: It is missing, no Parquet or damaged, lacks a column, or too many rows are wanted.
    """
    path = require_regular(path, LARGEST)
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.enable_signal_handlers(False)
    with refusing(path, "is no Parquet file that can be read", "fetch it again"):
        with pq.ParquetFile(str(path), pre_buffer=False) as file:
            schema = file.schema_arrow
        absent = [name for name in dict.fromkeys([*columns, *where]) if name not in schema.names]
        if absent:
            raise InputError([Problem("column is missing", "", path, column=name) for name in absent])
        read = list(dict.fromkeys([*columns, *where, *(name for name in optional if name in schema.names)]))
        lists = [name for name in read if _holds_lists_of_text(schema.field(name).type)]
        _require_table(path, schema, [name for name in read if name not in lists])
        kept, size = [], 0
        with pq.ParquetFile(str(path), pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=read, use_threads=False):
                batch.validate(full=True)
                rows = _rows_where(batch, where)
                size += rows.nbytes
                if size > LARGEST:
                    raise InputError(Problem(f"more than {LARGEST >> 20} MiB of its rows are wanted", "", path))
                kept.append(_with_joined_lists(rows, lists))
        table = pa.concat_tables(kept) if kept else _with_joined_lists(schema.empty_table().select(read), lists)
        frame: pd.DataFrame = table.select(
            [name for name in read if name in columns or name in optional]
        ).to_pandas(ignore_metadata=True, use_threads=False, integer_object_nulls=True)
        return note_table(frame)


def _rows_where(batch: Any, where: Mapping[str, Collection[str]]) -> Any:  # noqa: ANN401
    """Rows of a batch, as a table that keeps nothing of the others alive."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.Table.from_batches([batch])
    for name, texts in where.items():
        cells = pc.fill_null(pc.cast(table[name], pa.large_string()), "")
        table = table.filter(pc.is_in(cells, value_set=pa.array(sorted(texts), pa.large_string())))
    return table


def _holds_lists_of_text(kind: Any) -> bool:  # noqa: ANN401
    import pyarrow as pa

    return bool((pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_text(kind.value_type))


def _with_joined_lists(table: Any, names: Sequence[str]) -> Any:  # noqa: ANN401
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in names:
        texts = pc.binary_join(pc.cast(table[name], pa.list_(pa.string())), "\\")
        table = table.set_column(table.schema.get_field_index(name), name, texts)
    return table


def _require_table(path: Path, schema: Any, wanted: list[str]) -> None:  # noqa: ANN401
    import pyarrow as pa

    problems = []
    for name in wanted:
        if schema.names.count(name) > 1:
            problems.append(Problem("column stands twice", "keep one of them", path, column=name))
            continue
        kind = schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        is_plain = pa.types.is_primitive(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind)
        if not (is_plain or _is_text(kind)):
            problems.append(Problem(f"holds no texts or numbers but {kind}", "write those", path, column=name))
    if problems:
        raise InputError(problems)


def _is_text(kind: Any) -> bool:  # noqa: ANN401
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _without_categories(kind: Any) -> Any:  # noqa: ANN401
    """The type of a column's cells themselves."""
    import pyarrow as pa

    if _is_text(kind):
        return pa.large_string()
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _written_out(column: Any) -> int:  # noqa: ANN401
    """Bytes of a column once every cell has its own text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    size = 0
    for chunk in column.chunks:
        size += 8 * len(chunk)
        if pa.types.is_dictionary(chunk.type):
            lengths = pc.binary_length(chunk.dictionary)
            size += pc.sum(pc.cast(pc.take(lengths, chunk.indices), pa.int64())).as_py() or 0
        else:
            size += chunk.nbytes
    return size
