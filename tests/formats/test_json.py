"""Strict JSON: what ``json.loads`` lets through is refused, with line and column."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.json_text import number
from benchmark.errors import InputError
from benchmark.formats import json as module
from benchmark.formats.json import Node, or_raise, parse_json, read_json, read_json_files
from benchmark.formats.json_words import NotANumber

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from([None, 1]))
@settings(max_examples=80)
def test_whatever_json_writes_is_read_back(value: object, indent: int | None) -> None:
    assert parse_json(json.dumps(value, indent=indent), Path("x")) == value


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ('{"a": 1,\n "b": NaN}', 2, "7", "NaN"),
        ('{"a": [1, -Infinity]}', 1, "11", "-Infinity"),
        ('{"a": 1,\n "b": 1e999}', 2, "7", "1e999 is not a finite number"),
        ('{"a": [1, -2E+400]}', 1, "11", "-2E\\+400 is not a finite number"),
        ('{"a": 1,\n "a": 2}', 2, "5", "twice"),
        ("[1, 2,]", 1, None, "not JSON"),
        ('{"a": 1,\n "b": "x\\ud83d"}', 2, "7", "half a character"),
        ('{"a": 0.5', 1, None, "not JSON"),
        ("[" * 10_000, 1, "101", "deeper"),
        ("1" * 400, 1, "1", "400 digits"),
    ],
)
def test_what_is_refused_is_placed(text: str, line: int, column: str | None, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        parse_json(text, Path("x.json"))
    problem = caught.value.problems[0]
    assert problem.row == line
    assert column is None or problem.column == column


MARKS = st.text(st.sampled_from('{}[],:"\\\n 019eEINa.-u'), max_size=12)


def outcome(text: str, nan: NotANumber) -> object:
    """What reading a text gives, with the line of every object in the order of their ends; or its error."""
    lines: list[int] = []

    def walk(value: object) -> object:
        if isinstance(value, dict):
            found = {key: walk(inner) for key, inner in value.items()}
            lines.append(value.line)
            return found
        return [walk(inner) for inner in value] if isinstance(value, list) else repr(value)

    try:
        return walk(parse_json(text, Path("x"), 3, nan=nan)), lines
    except InputError as error:
        return str(error)


@given(JSON, st.sampled_from([None, 1]), MARKS, st.integers(0, 60), st.sampled_from(["refused", "null", "kept"]))
@settings(max_examples=150)
def test_what_is_taken_at_a_glance_is_what_every_word_gives(value, indent, marks, at, nan) -> None:
    """The quick way must not take what the thorough one refuses, nor another content or line."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    for written in (text, text[:at] + marks + text[at:], text[:at]):
        quick = outcome(written, nan)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_plain_content", lambda *_: None)
            assert quick == outcome(written, nan)


def test_escapes_that_are_whole_characters_are_texts() -> None:
    assert parse_json(r'["\ud83d\ude00", "\\ud83d", "\u00e9"]', Path("x")) == ["😀", r"\ud83d", "é"]


def test_a_number_too_large_for_a_float_is_infinite_where_infinities_are_kept() -> None:
    assert parse_json("[1e999, 1e308]", Path("x"), nan="kept") == [float("inf"), 1e308]


def test_a_long_number_inside_a_text_is_a_text() -> None:
    uid = "1.3.6.1.4.1.14519.5.2.1.6279.6001.100225287222365663678666836860"
    assert parse_json(json.dumps({uid: uid}), Path("x")) == {uid: uid}


def test_words_inside_texts_are_texts() -> None:
    assert parse_json('{"a": "NaN", "b": "{[\\"", "c": {"a": 1}}', Path("x")) == {
        "a": "NaN",
        "b": '{["',
        "c": {"a": 1},
    }


def test_objects_know_their_line(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{\n"list": [\n {"n": 1},\n {"n": {"deep": 2}}\n]}')
    content = read_json(file, lines=True)
    assert isinstance(content, Node)
    assert [item.line for item in content["list"]] == [3, 4]
    assert content.line == 1
    assert content["list"][1]["n"].line == 4


def test_json_lines_are_read_as_a_list(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text('{"a": 1}\n{"a": 2}\n')
    assert [item["a"] for item in read_json(file, lines=True)] == [1, 2]
    file.write_text('{"a": 1}\n{"a": NaN}\n')
    with pytest.raises(InputError, match="NaN") as caught:
        read_json(file, lines=True)
    assert caught.value.problems[0].row == 2


def test_a_byte_order_mark_is_accepted_and_other_encodings_are_not(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(file, lines=True) == [1]
    file.write_bytes("[1]".encode("utf-16"))
    with pytest.raises(InputError, match="UTF-8"):
        read_json(file, lines=True)


@pytest.mark.parametrize("value", [None, "0.5", True, [0.5], float("inf")])
def test_only_finite_numbers_are_scores(value: object) -> None:
    with pytest.raises(InputError):
        number(value, Path("x"), 1, "score")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{\n"' + '\\"' * 200_000, "is not JSON"),
        ("{\n" + '"\n' * 400_000, "is not JSON"),
        ('{\n"a": "' + "\\" * 400_001, "is not JSON"),
        ('[{"a": 1,\n "\\u0061": 2}, "' + '\\"' * 200_000, "spelled in two ways"),
    ],
    ids=["quotes", "lines", "backslashes", "two spellings before it"],
)
def test_a_string_that_is_never_closed_is_gone_through_once(text: str, what: str, tmp_path: Path) -> None:
    """Tried again at each quote in it, the first would take half an hour; pytest's own limit is that of CI."""
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    before = time.process_time()
    with pytest.raises(InputError, match=what):
        read_json(path)
    assert time.process_time() - before < 20


@given(JSON, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_objects_know_the_line_they_begin_on(value: object, indent: int) -> None:
    """Of two that are put at the end: counted from where their brackets stand."""
    text = json.dumps([value, {"a": {}}], indent=indent, ensure_ascii=False)
    last = parse_json(text, Path("x"))[1]
    assert (
        last.line == text.count("\n", 0, text.rindex('{"a"' if indent is None else "{", 0, text.rindex("{"))) + 1
    )
    assert last["a"].line == text.count("\n", 0, text.rindex("{")) + 1


@given(st.lists(st.sampled_from(['{"a": 1}', "[1, 2]", "[NaN]", '{"a": 1, "a": 2}', "", "{", None]), max_size=8))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize(("ahead", "characters"), [(1, 10**6), (3, 10**6), (100, 9)])
def test_many_files_give_what_each_gives_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, ahead: int, characters: int, texts: list[str | None]
) -> None:
    folder = tmp_path_factory.mktemp("many")
    paths = [folder / f"{number}.json" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        if text is not None:
            path.write_text(text)

    def one_by_one(path: Path) -> object:
        try:
            return read_json(path)
        except InputError as error:
            return str(error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AHEAD", ahead)
        patch.setattr(module, "_CHARACTERS_AHEAD", characters)
        found = [
            (path, str(content) if isinstance(content, InputError) else content)
            for path, content in read_json_files(paths)
        ]
    assert found == [(path, one_by_one(path)) for path in paths]


def test_what_could_not_be_read_is_raised_where_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1,")
    ((path, content),) = read_json_files([str(tmp_path / "a.json")])
    assert path == str(tmp_path / "a.json")
    with pytest.raises(InputError, match="cut short"):
        or_raise(content)
    assert or_raise([1]) == [1]


@given(JSON, st.sampled_from([None, 0, 2]))
@settings(max_examples=100, deadline=None)
def test_every_object_knows_its_line_in_whatever_order_it_is_asked(value: object, indent: int | None) -> None:
    """Against a walk through the text that marks each object with the place of its brace."""
    text = json.dumps({"}{": [value, {"a": {"{": 1}}]}, indent=indent)
    begins: list[int] = []
    inside = escaped = False
    for place, letter in enumerate(text):
        if inside:
            inside = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            inside = True
        elif letter == "{":
            begins.append(text.count("\n", 0, place) + 1)

    def walk(inner: object) -> list[Node]:
        if isinstance(inner, Node):
            return [inner, *(node for each in inner.values() for node in walk(each))]
        return [node for each in inner for node in walk(each)] if isinstance(inner, list) else []

    nodes = walk(parse_json(text, Path("x")))
    assert [node.line for node in reversed(nodes)] == begins[::-1]
