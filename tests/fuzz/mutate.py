"""Seeded damage: bytes for any format; cells, keys and values for those of text; parts for archives."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
from typing import Any

HOSTILE_TEXT = (
    "", " ", "nan", "NaN", "inf", "-Infinity", "null", "None", "true", "NA", "1e999", "-0", "1e-320", "0x10",
    "1_000", "9" * 5000, "-1", "4294967296", "9223372036854775808", "1e308", "0.1.2", "\u0661", "\xe9",
    "e\u0301", "\u200b", "\ufeff", "\u202e", "\x00", "\x1b[31m", "\r", "\n", "\r\n", "\t", "'", '"', '""',
    "`", "\\", "\\ud800", "\ud7ff", "\U0001f600", "=1+1", "../../x", "/etc/passwd", "C:\\x", "a/b", ".", "..",
    "~", "%s%n", "{}", "{{x}}", "[", "]", "{", "}", ":", ",", ";", "|", "#", "&a", "*a",
    "!!python/object:os.system", "<<", "- ", "? ", "---", "...", "2001-02-30", "20010230", "2001-03-15T25:61",
    "x" * 300, "a" * 70000, "<script>", "(", "(a+)+$", "*", ".*",
)  # fmt: skip
HOSTILE_BYTES = (
    b'\x00', b'\xff', b'\xfe\xff', b'\xef\xbb\xbf', b'PK\x03\x04', b'\x80\x04', b'\xed\xa0\x80', b'\xc3',
    b'\n', b'"', b'\xff\xff\xff\xff', b'\x00\x00\x00\x80', b'\xff\xff\xff\x7f', b"\x00" * 64,
    b'\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
)  # fmt: skip
OFTEN = (
    " ", "\n", "\t", "\r", '"', '\\"', "\\", "'", "''", "[", "{", "(", "<", "<!", "&", "%", "0", "9", ".", ".0",
    "1.", ",", ";", ":", "-", "- ", "_", "*", "#", "/", "/a", "../", "a", "a ", "a-", "A1", "e9", "\xe9", "\u0301",
)  # fmt: skip
"""What is put in thousands of times: a reader that begins anew at each of them takes hours."""
TEXT_FORMATS = (".csv", ".json", ".jsonl", ".yaml", ".txt")
ARCHIVES = (".xlsx", ".npz", ".pt")
_TOKEN = re.compile(r"[\w.+-]+|\s+|.", re.DOTALL)
LARGEST = 1 << 20
"""Bytes of the largest mutant: doubling parts must not make the fuzzer slow."""


def mutated(data: bytes, suffix: str, draw: random.Random) -> bytes:
    """A damaged copy of a file's bytes; the same for the same state of ``draw``."""
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        kind = draw.random()
        if suffix in TEXT_FORMATS and kind < 0.7:
            data = _text(data, suffix, draw)
        elif suffix in ARCHIVES and kind < 0.6:
            data = _archive(data, draw)
        else:
            data = _bytes(data, draw)
        data = data[:LARGEST]
    return data


def _bytes(data: bytes, draw: random.Random) -> bytes:
    edited = bytearray(data)
    at = draw.randrange(len(edited) + 1)
    length = draw.choice((1, 2, 4, 8, draw.randint(1, 64), draw.randint(1, 1 + len(edited) // 2)))
    kind = draw.randrange(9)
    if kind == 0 and edited:
        edited[min(at, len(edited) - 1)] ^= 1 << draw.randrange(8)
    elif kind == 1:
        edited[at : at + length] = draw.randbytes(min(length, 64))
    elif kind == 2:
        del edited[at : at + length]
    elif kind == 3:
        edited[at:at] = draw.choice(HOSTILE_BYTES)
    elif kind == 4:
        del edited[at:]
    elif kind == 5:
        other = draw.randrange(len(edited) + 1)
        edited[at:at] = edited[other : other + length]
    elif kind == 6:
        number = draw.choice(
            (0, 1, -1, 127, 255, 32767, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63))
        )
        size, form = draw.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
        packed = struct.pack(draw.choice("<>") + form, number % (1 << (8 * size)))
        edited[at : at + size] = packed
    elif kind == 7:
        edited += draw.choice((b"\0", b"\n", bytes(edited[:length]), draw.randbytes(16)))
    else:
        cut = draw.randrange(len(edited) + 1)
        edited = edited[cut:] + edited[:cut]
    return bytes(edited)


def _text(data: bytes, suffix: str, draw: random.Random) -> bytes:
    text = data.decode("utf-8", errors="replace")
    kind = draw.randrange(4)
    if kind == 0 and suffix == ".json":
        try:
            return json.dumps(_tree(json.loads(text), draw), ensure_ascii=draw.random() < 0.5).encode(
                errors="replace"
            )
        except (ValueError, RecursionError):
            pass
    if kind == 1 and suffix == ".yaml":
        return _line_of_yaml(text, draw).encode(errors="replace")
    if kind <= 1 and suffix == ".csv":
        return _cells(text, draw).encode(errors="replace")
    tokens = _TOKEN.findall(text)
    if not tokens:
        return draw.choice(HOSTILE_TEXT).encode(errors="replace")
    at, other = draw.randrange(len(tokens)), draw.randrange(len(tokens))
    action = draw.randrange(6)
    if action == 5:
        tokens.insert(at, draw.choice(OFTEN) * draw.choice((3000, 100_000)))
    elif action == 0:
        tokens[at] = draw.choice(HOSTILE_TEXT)
    elif action == 1:
        tokens[at], tokens[other] = tokens[other], tokens[at]
    elif action == 2:
        tokens.insert(at, draw.choice(HOSTILE_TEXT))
    elif action == 3:
        tokens[at:at] = tokens[min(at, other) : max(at, other)] * draw.choice((1, 1, 2, 20))
    else:
        times = draw.choice((2, 3, 50, 3000))
        tokens[at] = tokens[at][: LARGEST // times] * times
    return "".join(tokens).encode(errors="replace")


def _tree(value: Any, draw: random.Random) -> Any:
    """A JSON value in which one place is another."""
    if isinstance(value, dict) and value and draw.random() < 0.8:
        key = draw.choice(list(value))
        action = draw.randrange(4)
        if action == 0:
            return {name: item for name, item in value.items() if name != key}
        if action == 1:
            return {**value, draw.choice((key.upper(), *HOSTILE_TEXT)): value[key]}
        return {**value, key: _tree(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.8:
        at = draw.randrange(len(value))
        action = draw.randrange(4)
        if action == 0:
            return value[:at] + value[at + 1 :]
        if action == 1:
            return value + value[at : at + 1]
        return [*value[:at], _tree(value[at], draw), *value[at + 1 :]]
    nested: Any = 1
    for _ in range(draw.choice((3, 90, 300))):
        nested = [nested] if draw.random() < 0.5 else {"a": nested}
    numbers = (0, -1, 2**31, 2**63, 10**39, 10**400, 0.5, 1e308, -0.0, float("nan"), float("inf"))
    return draw.choice(
        (None, True, False, [], {}, [value], {"": value}, nested, *numbers, draw.choice(HOSTILE_TEXT), str(value))
    )


def _cells(text: str, draw: random.Random) -> str:
    rows = [line.split(",") for line in text.split("\n")]
    at = draw.randrange(len(rows))
    column = draw.randrange(len(rows[at]))
    action = draw.randrange(8)
    if action == 0:
        rows[at][column] = draw.choice(HOSTILE_TEXT)
    elif action == 1:
        rows[at][column] = '"' + draw.choice(HOSTILE_TEXT) + '"'
    elif action == 2:
        rows.insert(at, list(rows[draw.randrange(len(rows))]))
    elif action == 3:
        for row in rows:
            if column < len(row):
                del row[column]
    elif action == 4:
        value = draw.choice(HOSTILE_TEXT)[: LARGEST // len(rows)]
        for row in rows[1:]:
            if column < len(row):
                row[column] = value
    elif action == 5:
        for row in rows:
            row.append(draw.choice((row[column % len(row)][: LARGEST // len(rows)], "1")))
    elif action == 6:
        rows[at] = rows[at] * draw.choice((2, 100))
    else:
        return draw.choice((";", "\t", "|")).join(text.split(","))
    return "\n".join(",".join(row) for row in rows)


def _line_of_yaml(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    at = draw.randrange(len(lines))
    name, colon, value = lines[at].partition(":")
    nested = "[" * draw.choice((3, 45, 60)) + "]" * draw.choice((3, 45, 60))
    more = (
        "{a: 1, a: 2}",
        "[a, b]",
        "{}",
        "[]",
        "&a [*a]",
        "!!binary x",
        "!!set {a}",
        "yes",
        "1:30",
        "0o7",
        ".inf",
    )
    values = (*HOSTILE_TEXT, nested, *more, "~", "1e5", "2001-01-01", "|", ">", '"\\0"', '"\\ud800"')
    action = draw.randrange(5)
    if action == 0:
        lines[at] = f"{name}: {draw.choice(values)}"
    elif action == 1:
        lines.insert(at, lines[draw.randrange(len(lines))])
    elif action == 2:
        lines[at] = " " * draw.choice((1, 2, 8)) + lines[at]
    elif action == 3:
        del lines[at]
    else:
        lines[at] = f"{draw.choice(values)}{colon}{value}"
    return "\n".join(lines)


def _archive(data: bytes, draw: random.Random) -> bytes:
    """A zip file one of whose parts is damaged, missing or renamed; packed again with right checksums."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [(part.filename, archive.read(part), part.compress_type) for part in archive.infolist()]
    except Exception:  # what an earlier edit left is no archive
        return _bytes(data, draw)
    if not parts:
        return _bytes(data, draw)
    at = draw.randrange(len(parts))
    name, content, kind = parts[at]
    action = draw.randrange(6)
    if action <= 2:
        text = content.lstrip().startswith((b"<", b"{"))
        parts[at] = (name, _text(content, ".txt", draw) if text and action else _bytes(content, draw), kind)
    elif action == 3:
        del parts[at]
    elif action == 4:
        parts.append((draw.choice(HOSTILE_TEXT[9:40]).replace("\0", "") or "x", content, kind))
    else:
        parts[at] = (name, content + bytes(draw.choice((1, 1 << 12, 1 << 20))), zipfile.ZIP_DEFLATED)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content, kind in parts:
            archive.writestr(zipfile.ZipInfo(name.encode(errors="replace").decode()), content, kind)
    return made.getvalue()
