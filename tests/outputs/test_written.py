"""What a command did not write it neither replaces nor removes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.files import LOCK_FILE, write_text
from benchmark.outputs.written import (
    RECORD,
    aside,
    check_own,
    move_in,
    own_files,
    record,
    record_all,
    remove_all_own,
    remove_own,
    replacing_own,
    write_own,
)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD and not LOCK_FILE.fullmatch(path.name)
    }


def test_own_files_are_replaced_and_others_are_not(tmp_path: Path) -> None:
    write_own(tmp_path / "a.csv", "1")
    write_own(tmp_path / "a.csv", "2")
    (tmp_path / "a.csv").write_text("mine")
    (tmp_path / "b.csv").write_text("mine too")
    for name in ("a.csv", "b.csv"):
        with pytest.raises(InputError, match="was not written by bench"):
            write_own(tmp_path / name, "3")
    with pytest.raises(InputError) as caught:
        check_own(tmp_path, ["b.csv", "a.csv", "absent.csv"])
    assert [Path(str(problem.file)).name for problem in caught.value.problems] == ["a.csv", "b.csv"]
    assert contents(tmp_path) == {"a.csv": "mine", "b.csv": "mine too"}


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    write_own(tmp_path / "a.csv", "1")

    def fail() -> None:
        with replacing_own(tmp_path / "a.csv") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert contents(tmp_path) == {"a.csv": "1"}
    check_own(tmp_path, ["a.csv"])


def test_a_run_that_was_killed_before_it_recorded_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path, names: object) -> None:
        raise KeyboardInterrupt

    write_own(tmp_path / "a.csv", "1")
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.outputs.written.record", killed)
        with pytest.raises(KeyboardInterrupt):
            write_own(tmp_path / "a.csv", "2")
    assert contents(tmp_path) == {"a.csv": "2"}
    write_own(tmp_path / "a.csv", "3")


def test_files_in_the_way_stop_a_move_before_it_begins(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with aside(out) as made:
        write_text(made / "whole.yaml", "1")
        write_text(made / "images" / "a", "1")
        move_in(made, out, seal="whole.yaml")
    write_text(out / "images" / "b", "mine")
    with aside(out) as made:
        write_text(made / "whole.yaml", "2")
        write_text(made / "images" / "b", "2")
        with pytest.raises(InputError, match="images/b"):
            move_in(made, out, seal="whole.yaml", drop=["images/a"])
    assert contents(out) == {"whole.yaml": "1", "images/a": "1", "images/b": "mine"}


def test_links_and_folders_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "nowhere")
    for name in "ab":
        with pytest.raises(InputError):
            check_own(tmp_path, [name])


def test_a_record_that_names_files_elsewhere_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    write_own(tmp_path / "out" / "a", "1")
    record(tmp_path / "out", ["../thesis.txt"])
    assert own_files(tmp_path / "out") == ["a"]
    remove_own(tmp_path / "out", ["../thesis.txt", str(tmp_path / "thesis.txt"), "a"])
    assert contents(tmp_path) == {"thesis.txt": "mine"}


def test_a_folder_is_emptied_only_of_what_was_written(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "1")
    record_all(tmp_path)
    (tmp_path / "a" / "note.txt").write_text("mine")
    with pytest.raises(InputError, match=r"note\.txt"):
        remove_all_own(tmp_path)
    assert set(contents(tmp_path)) == {"a/b/c.txt", "a/note.txt"}
    (tmp_path / "a" / "note.txt").unlink()
    remove_all_own(tmp_path)
    assert list(tmp_path.iterdir()) == []


NAMES = st.sampled_from(["a", "b", "images/a", "images/b"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["user", "command", "drop"]), NAMES, st.sampled_from("xyz")), max_size=12
)


@settings(max_examples=50, deadline=None)
@given(steps=STEPS)
def test_nothing_of_the_users_is_ever_lost(steps: list[tuple[str, ...]]) -> None:
    users: dict[str, str] = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for who, name, text in steps:
            if who == "user":
                write_text(folder / name, "user " + text)
                users[name] = "user " + text
            elif who == "drop":
                remove_own(folder, [name])
            else:
                try:
                    write_own(folder / name, "command " + text)
                except InputError:
                    assert name in users
            assert contents(folder).items() >= users.items()
