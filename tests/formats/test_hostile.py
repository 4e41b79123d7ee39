"""Files made to hang, to fill the memory or to end in a traceback: each ends at once with one clear line."""

from __future__ import annotations

import io
import os
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import LONGEST, InputError
from benchmark.formats import READERS, json_words, reader
from benchmark.formats import npz as npz_format
from benchmark.formats import parquet as parquet_format
from benchmark.formats import sqlite as sqlite_format
from benchmark.formats.opening import read_bytes
from tests.fuzz.child import peak_memory

NEEDS_TORCH = ("pt", "safetensors")
SOON = 20.0
"""Seconds; each took none to three where this was written, and none ends without its limit."""


@contextmanager
def refused(match: str, lines: int = 1) -> Iterator[None]:
    """Refused soon, with a short message on one line, and without much memory."""
    before, begin = peak_memory(), time.monotonic()
    with pytest.raises(InputError, match=match) as caught:
        yield
    assert time.monotonic() - begin < SOON
    assert peak_memory() - before < 600 << 20
    text = str(caught.value)
    assert len(text.splitlines()) == lines
    assert len(text) < 3 * LONGEST


def read(name: str, path: Path) -> object:
    if name in NEEDS_TORCH:
        pytest.importorskip("torch")
    return reader(name)(path, *(("SELECT 1",) if name == "sqlite" else ()))


class TestWhatIsNoFile:
    @pytest.mark.parametrize("name", READERS)
    def test_pipes_devices_and_files_of_the_system(self, name: str, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to("/dev/zero")
        for path in (tmp_path / "pipe", tmp_path / "link", Path("/dev/zero")):
            with refused("is no regular file"):
                read(name, path)
        if Path("/proc/self/environ").exists():
            with refused("is no regular file"):
                read(name, Path("/proc/self/environ"))

    @pytest.mark.parametrize("name", READERS)
    def test_folders_circles_and_nothing(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "circle").symlink_to("circle")
        with refused("is a folder"):
            read(name, tmp_path)
        with refused("does not exist"):
            read(name, tmp_path / "none")
        with refused("symbolic links|cannot be read"):
            read(name, tmp_path / "circle")
        with refused("is no path"):
            read(name, Path("a\0b"))
        with refused("cannot be read"):
            read(name, tmp_path / ("x" * 300))

    @pytest.mark.parametrize("name", sorted(set(READERS) - {"text", "csv rows"}))
    @pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\xff\xfe\xff", b"PK\x03\x04" + b"\0" * 60])
    def test_bytes_without_a_meaning(self, name: str, data: bytes, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(data)
        if data == b"" and name in ("yaml", "sqlite"):  # a file of no entries, and a database of no tables
            assert read(name, tmp_path / "x") in (None, [(1,)])
            return
        with refused("x"):
            read(name, tmp_path / "x")

    def test_a_file_that_grows_while_it_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"12345")
        assert read_bytes(tmp_path / "x", 5) == b"12345"
        with refused("larger than 4 bytes"):
            read_bytes(tmp_path / "x", 4)


class TestYaml:
    BOMB = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'x'] * 9)}]" for i in range(9))
    MERGES = "\n".join(
        f"a{i}: &a{i} " + ("{x: 1}" if not i else f"{{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}") for i in range(9)
    )

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            (BOMB, "entries, those of aliases counted"),
            (MERGES, "entries, those of aliases counted"),
            ("[" + "1, " * 300_000 + "1]", "more than 100,000 entries"),
            ("a: &a [*a]", "nested too deeply"),
            ("[" * 100_000, "nested too deeply"),
            ("\n".join(" " * i + "a:" for i in range(3000)), "nested too deeply"),
            ("a: 1\nb:\n  c: 2\n  c: 3", r"x\.yaml:4:c — stands twice"),
            ('a: "\\ud800"', "half a character"),
            ('a: "\\0"', "holds a NUL"),
            ("a: " + "9" * 1_000_000, "not YAML"),
            ("a: 2001-99-99", "not YAML"),
            ("a: !!python/object/apply:os.system [echo]", "not YAML"),
            ("{[1]: 2}", "not YAML"),
            ("a: b: c", r"x\.yaml:1 — is not YAML"),
            ("a: 1\n---\nb: 2", "another document"),
            ("a: " + "x" * 6_000_000, "larger than"),
        ],
        ids=lambda value: value[:20],
    )
    def test_it_is_refused(self, text: str, match: str, tmp_path: Path) -> None:
        (tmp_path / "x.yaml").write_text(text)
        with refused(match):
            reader("yaml")(tmp_path / "x.yaml")

    def test_the_bomb_has_fewer_than_500_bytes(self) -> None:
        assert len(self.BOMB) < 500

    def test_what_people_write_is_read(self, tmp_path: Path) -> None:
        text = "a: &x {n: 1, d: 2001-02-03}\nb: {<<: *x, n: 2}\nc: [*x, ~, yes, 1.5e3, '007']\n"
        (tmp_path / "x.yaml").write_text("\ufeff" + text, encoding="utf-8")
        content = reader("yaml")(tmp_path / "x.yaml")
        assert content["b"]["n"] == 2
        assert content["b"]["d"] == content["a"]["d"]
        assert content["c"][1:] == [None, True, "1.5e3", "007"]  # PyYAML: 1.1 wants a sign in the exponent


class TestJson:
    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("[" * 100_000, "deeper than 100"),
            ("[" * 100_000 + "]" * 100_000, "deeper than 100"),
            ('{"a":' * 100_000, "deeper than 100"),
            ("1" * 1_000_000, "a number of 1000000 digits"),
            ('["\\ud800"]', "half a character"),
            ('["a\0"]', "not JSON"),
            ('{"a": 1, "\\u0061": 2}', "twice"),
            ('{"' + "k" * 1_000_000 + '": 1, "' + "k" * 1_000_000 + '": 1}', "stands twice"),
            ('"' + '\\"' * 1_000_000, "not JSON"),  # each quote was once tried as the begin of a string
        ],
        ids=lambda value: value[:20],
    )
    def test_it_is_refused(self, text: str, match: str, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text(text)
        with refused(match):
            reader("json")(tmp_path / "x.json")

    def test_more_values_than_memory_is_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(json_words, "MOST_VALUES", 1000)
        (tmp_path / "x.json").write_text("[" + "1," * 1100 + "1]")
        with refused("more than 1,000 values"):
            reader("json")(tmp_path / "x.json")

    def test_numbers_that_are_none(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text('{"a": NaN, "b": Infinity}')
        assert str(reader("json")(tmp_path / "x.json", nan="kept")) == "{'a': nan, 'b': inf}"
        with refused("NaN is not a finite number"):
            reader("json")(tmp_path / "x.json")
        with refused("Infinity is not a finite number"):
            reader("json")(tmp_path / "x.json", nan="null")


class TestCsv:
    @pytest.mark.parametrize(
        ("text", "match"),
        [
            (",".join(f"c{i}" for i in range(10**6)) + "\n1\n", "longer than 4 MiB"),
            (",".join(f"c{i}" for i in range(10**5)) + "\n1\n", "100,000 columns"),
            ("a,b\n" + ",".join("1" * 10**6) + "\n", "has 1000000 cells"),
            ("a,b\n" + "," * (60 << 20), "50,000,000 cells"),
            ("a,b\n" + "1,2,3\n" * 100_000, r"rows 2-100001 — has 3 cells"),
            ("a,b\n1,\0\n", "NUL"),
            ('a,b\n"1,2\n', "never closed"),
            ("a,b\n" + '"' * 10_000_001, "never closed"),
            ("\na,b\n1,2\n", "first line is blank"),
            ("\r\n\r\na,b\n1,2\n", "first line is blank"),
            (" \na\n1\n", "first line is blank"),
        ],
        ids=lambda value: value[:20],
    )
    def test_it_is_refused(self, text: str, match: str, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text(text, newline="")
        with refused(match):
            reader("csv")(tmp_path / "x.csv")

    def test_a_long_cell_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("a,b\n" + "x" * (10 << 20) + ",1\n")
        assert reader("csv")(tmp_path / "x.csv")["a"].str.len().tolist() == [10 << 20]


class TestXlsx:
    def book(self, path: Path, change: Callable[[str, bytes], bytes] = lambda name, data: data) -> Path:
        import openpyxl

        made = io.BytesIO()
        book = openpyxl.Workbook()
        book.active["A1"], book.active["B3"] = 7.0, "x"
        book.save(made)
        with zipfile.ZipFile(made) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(name, change(name, source.read(name)))
        return path

    def test_a_cell_in_the_last_corner(self, tmp_path: Path) -> None:
        path = self.book(
            tmp_path / "x.xlsx", lambda _, d: d.replace(b"B3", b"XFD1048576").replace(b'r="3"', b'r="1048576"')
        )
        begin = time.monotonic()
        [(title, rows)] = reader("xlsx")(path)
        assert (title, len(rows), rows[0], len(rows[-1]), rows[-1][-1]) == ("Sheet", 1048576, (7,), 16384, "x")
        assert time.monotonic() - begin < SOON

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            (
                lambda _, d: d.replace(b'r="3"', b'r="99999999999"').replace(b"B3", b"B99999999999"),
                "too far apart",
            ),
            (lambda n, d: d + b" " * (40 << 20) if "sheet1" in n else d, "unpacks to more than 32 MiB"),
            (
                lambda n, d: b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + d if "workbook.xml" in n else d,
                "declares entities",
            ),
        ],
    )
    def test_it_is_refused(self, change: Callable[[str, bytes], bytes], match: str, tmp_path: Path) -> None:
        path = self.book(tmp_path / "x.xlsx", change)
        with refused(match):
            reader("xlsx")(path)

    def test_merged_cells_of_a_whole_sheet(self, tmp_path: Path) -> None:
        merged = b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
        path = self.book(tmp_path / "x.xlsx", lambda _, d: d.replace(b"</sheetData>", merged))
        assert reader("xlsx")(path) == [("Sheet", [(7,), (), (None, "x")])]


class TestParquet:
    def test_one_that_grows(self, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet

        texts = pa.array(["x" * 1_000_000]).dictionary_encode().take(pa.array([0] * 1600))
        pa.parquet.write_table(pa.table({"model": texts}), tmp_path / "x.parquet")
        assert (tmp_path / "x.parquet").stat().st_size < 4_000_000
        with refused("more than 512 MiB once unpacked"):
            reader("parquet")(tmp_path / "x.parquet")

    def test_more_rows_than_are_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import pandas as pd

        monkeypatch.setattr(parquet_format, "MOST_ROWS", 10)
        pd.DataFrame({"a": range(11)}).to_parquet(tmp_path / "x.parquet")
        with refused("more than 10 rows"):
            reader("parquet")(tmp_path / "x.parquet")

    def test_lists_are_no_cells(self, tmp_path: Path) -> None:
        import pandas as pd

        pd.DataFrame({"a": [[1], [2]], "b": ["x", None]}).to_parquet(tmp_path / "x.parquet")
        with refused(r"x\.parquet:a — holds no texts or numbers but list"):
            reader("parquet")(tmp_path / "x.parquet")
        assert reader("parquet")(tmp_path / "x.parquet", ["b", "c"])["b"].isna().tolist() == [False, True]

    def test_categories_are_their_cells(self, tmp_path: Path) -> None:
        import pandas as pd

        frame = pd.DataFrame({"a": pd.Categorical(["x", "y", None]), "b": pd.Categorical([1, 2, 1])}).set_index(
            "a"
        )
        frame.to_parquet(tmp_path / "x.parquet")
        found = reader("parquet")(tmp_path / "x.parquet")
        assert found["a"].tolist()[:2] == ["x", "y"]
        assert found["b"].tolist() == [1, 2, 1]


class TestSqlite:
    ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "

    def database(self, path: Path, script: str) -> Path:
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
        return path

    def test_an_endless_view(self, tmp_path: Path) -> None:
        script = "CREATE TABLE t (a); CREATE VIEW scans AS " + self.ENDLESS + "SELECT x AS id FROM c"  # noqa: S608 (hostile on purpose)
        path = self.database(tmp_path / "x.sqlite", script)
        with refused("holds a view, 'scans'"):
            reader("sqlite")(path, "SELECT id FROM scans ORDER BY id")

    def test_an_endless_query(self, tmp_path: Path) -> None:
        path = self.database(tmp_path / "x.sqlite", "CREATE TABLE t (a)")
        with refused("takes too long"):
            reader("sqlite")(path, self.ENDLESS + "SELECT count(*) FROM c")  # noqa: S608 (hostile on purpose)

    def test_rows_without_end(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_format, "MOST_BYTES", 1 << 20)
        path = self.database(tmp_path / "x.sqlite", "CREATE TABLE t (a)")
        with refused("more than 1 MiB for one query"):
            reader("sqlite")(path, self.ENDLESS + "SELECT x FROM c")  # noqa: S608 (hostile on purpose)

    def test_a_table_is_read_and_nothing_is_written(self, tmp_path: Path) -> None:
        path = self.database(tmp_path / "a ?#%.sqlite", "CREATE TABLE t (a); INSERT INTO t VALUES (1), ('é')")
        assert reader("sqlite")(path, "SELECT a FROM t WHERE a = ?", ["é"]) == [("é",)]
        with refused("attempt to write"):
            reader("sqlite")(path, "DELETE FROM t")


class TestNpz:
    def test_bombs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(npz_format, "LARGEST", 1 << 22)
        np.savez_compressed(tmp_path / "x.npz", a=np.zeros(1 << 20))
        with refused("unpacks to more than 4 MiB"):
            reader("npz")(tmp_path / "x.npz")
        for mapped in (False, True):
            with (tmp_path / "x.npy").open("wb") as stream:
                header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
                np.lib.format.write_array_header_1_0(stream, header)
            with refused("its array has 8,000,000,000,000 bytes"):
                reader("npy")(tmp_path / "x.npy", mapped=mapped)

    def test_objects(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.array([{}], dtype=object))
        with refused("Python objects"):
            reader("npy")(tmp_path / "x.npy")

    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("code", [0xD800, 0x110000, 0xFFFFFFFF])
    def test_numbers_that_are_no_characters(self, order, code, tmp_path):
        texts = np.array([ord("a"), code], dtype=f"{order}u4").view(f"{order}U1")
        rows = np.zeros(2, dtype=[("id", f"{order}U1"), ("value", "f8")])
        rows["id"].view(f"{order}u4")[:] = [ord("a"), code]
        for array in (texts, rows, texts.reshape(2, 1)):
            np.savez(tmp_path / "x.npz", ids=array)
            with refused("x.npz:ids — holds what is no text"):
                reader("npz")(tmp_path / "x.npz")
            np.save(tmp_path / "x.npy", array)
            for mapped in (True, False):
                with refused("x.npy — holds what is no text"):
                    reader("npy")(tmp_path / "x.npy", mapped=mapped)
        np.savez(tmp_path / "x.npz", ids=np.array(["\U0010ffff", "é"]), none=np.array([], dtype="U3"))
        assert reader("npz")(tmp_path / "x.npz")["ids"].tolist() == ["\U0010ffff", "é"]

    def test_arrays_are_read(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "x.npz", a=np.arange(3), b=np.ones((2, 0)))
        found = reader("npz")(tmp_path / "x.npz")
        assert (found["a"].tolist(), found["b"].shape) == ([0, 1, 2], (2, 0))
        np.save(tmp_path / "x.npy", np.arange(6).reshape(2, 3))
        assert reader("npy")(tmp_path / "x.npy", mapped=True).tolist() == [[0, 1, 2], [3, 4, 5]]
