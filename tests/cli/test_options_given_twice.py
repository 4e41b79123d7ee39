"""No option of any command is taken twice without a word."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from benchmark.cli.commands import Commands, StrictCommand, StrictGroup
from benchmark.cli.main import app

RUNNER = CliRunner()


def commands() -> list[tuple[list[str], Any]]:
    """Every command below ``bench`` with its words; groups too."""

    def walk(command: Any, words: list[str]) -> list[tuple[list[str], Any]]:
        children = getattr(command, "commands", {})
        return [(words, command), *(found for n, c in children.items() for found in walk(c, [*words, n]))]

    return walk(typer.main.get_command(app), [])


def options(kind: str) -> list[Any]:
    """Options of one value, repeatable ones, or KEY=VALUE ones of every command, as pytest parameters."""
    found = []
    for words, command in commands():
        for option in command.params:
            if option.param_type_name != "option" or option.is_flag:
                continue
            pairs = "=" in (option.metavar or "")
            own = "pairs" if pairs else "repeatable" if option.multiple else "single"
            if own == kind:
                spellings = [*option.opts, *option.secondary_opts]
                found.append(pytest.param(words, option, spellings, id=" ".join([*words, option.opts[-1]])))
    return found


def two_values(option: Any) -> tuple[str, str]:
    """Two values that typer itself takes for an option; 3 is a number, a text and a path."""
    kind = getattr(option, "type_descriptor", None) or option.type  # typer from 0.26 on, and before
    choices = [str(getattr(choice, "value", choice)) for choice in getattr(kind, "choices", None) or ()]
    annotation = getattr(kind, "annotation", None)
    inner = [one for one in (annotation, *get_args(annotation)) if isinstance(one, type)]
    choices = choices or [str(member.value) for one in inner if issubclass(one, Enum) for member in one]
    listed = (option.metavar or "").split("|")  # the words of an option that also takes others
    choices = choices or (listed[:2] if len(listed) > 1 else [])
    least = max(3, getattr(option, "min", None) or getattr(kind, "min", None) or 0)
    return (choices[0], choices[-1]) if choices else (f"{least:g}", f"{least + 1:g}")


def required(words: list[str], but: Any) -> list[str]:
    """Arguments and options without which a command is not begun."""
    command = next(c for w, c in commands() if w == words)
    given = [two_values(p)[0] for p in command.params if p.param_type_name == "argument" and p.required]
    for option in command.params:
        if option.param_type_name == "option" and option.required and option.name != but.name:
            given += [option.opts[0], two_values(option)[0]]
    return given


def flat(output: str) -> str:
    return " ".join(output.replace("│", " ").split())


def test_every_command_is_strict() -> None:
    found = commands()
    assert len(found) >= 14
    assert [words for words, c in found if not isinstance(c, (StrictCommand, StrictGroup))] == []


@pytest.mark.parametrize(("words", "option", "spellings"), options("single"))
def test_an_option_of_one_value_given_twice_names_both(
    words: list[str], option: Any, spellings: list[str]
) -> None:
    first, second = two_values(option)
    for again in {spellings[-1], spellings[0]}:  # a short and a long spelling are one option
        done = RUNNER.invoke(app, [*words, *required(words, option), spellings[0], first, again, second])
        assert done.exit_code == 2, done.output
        text = flat(done.output)
        assert "takes one value and is given twice" in text
        assert repr(first) in text
        assert repr(second) in text


@pytest.mark.parametrize(("words", "option", "spellings"), options("pairs"))
def test_a_key_given_twice_names_both_values(words: list[str], option: Any, spellings: list[str]) -> None:
    arguments = [*words, *required(words, option), spellings[0], "key=A", f"{spellings[0]}=key=B"]
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 2, done.output
    assert "'key' is given twice: 'A' and 'B'" in flat(done.output)


@pytest.mark.parametrize(("words", "option", "spellings"), options("repeatable"))
def test_a_value_given_twice_is_refused(words: list[str], option: Any, spellings: list[str]) -> None:
    value, _ = two_values(option)
    done = RUNNER.invoke(app, [*words, *required(words, option), spellings[0], value, spellings[-1], value])
    assert done.exit_code == 2, done.output
    assert f"'{value}' — is given twice" in flat(done.output)


def test_one_number_written_two_ways_is_given_twice() -> None:
    done = RUNNER.invoke(app, ["compare", "--cohort", "c", "--recall", "0.8", "--recall", "0.80"])
    assert done.exit_code == 2
    assert "--recall '0.8' — is given twice" in flat(done.output)


def test_there_are_options_of_each_kind() -> None:
    assert len(options("single")) > 90
    assert len(options("repeatable")) >= 9
    assert len(options("pairs")) >= 6


def toy() -> Commands:
    program = Commands()

    @program.command()
    def go(
        name: Annotated[str, typer.Option("--name", "-n")] = "",
        number: Annotated[int, typer.Option("--number", "-k")] = 0,
        item: Annotated[list[str] | None, typer.Option("--item", "-i")] = None,
        bold: Annotated[bool, typer.Option("--bold/--no-bold")] = False,
        pair: Annotated[tuple[int, int], typer.Option()] = (0, 0),
        verbose: Annotated[int, typer.Option("--verbose", "-v", count=True)] = 0,
        rest: Annotated[list[str] | None, typer.Argument()] = None,
    ) -> None:
        typer.echo(f"{name} {number} {item} {bold} {pair} {verbose} {rest}")

    return program


@pytest.mark.parametrize(
    "arguments",
    [
        ["--name", "a", "-n", "b"],
        ["--name=a", "--name=b"],
        ["-na", "-nb"],
        ["-n", "a", "-k", "1", "x", "--name", "a"],
        ["-k1", "-k1"],
        ["--pair", "1", "2", "--pair", "3", "4"],
        ["--bold", "--no-bold"],
        ["--no-bold", "x", "--bold"],
        ["-i", "a", "--item=a"],
    ],
)
def test_every_spelling_is_seen(arguments: list[str]) -> None:
    done = RUNNER.invoke(toy(), arguments)
    assert done.exit_code == 2, done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["-n", "a", "-k", "1"],
        ["--name", "--name"],  # a value that looks like the option
        ["--name", "a", "--", "--name", "b"],  # after -- there are no options
        ["-i", "a", "-i", "b", "a", "a"],
        ["--bold", "--bold"],
        ["-vv", "-v"],
    ],
)
def test_what_contradicts_nothing_is_taken(arguments: list[str]) -> None:
    done = RUNNER.invoke(toy(), arguments)
    assert done.exit_code == 0, done.output


def test_help_wins() -> None:
    assert RUNNER.invoke(app, ["train", "--cohort", "a", "--cohort", "b", "--help"]).exit_code == 0


@pytest.mark.needs("model")
def test_a_setting_with_a_flag_of_its_own_is_not_set_too() -> None:
    done = RUNNER.invoke(app, ["train", "--cohort", "c", "--epochs", "3", "--set", "epochs=4"])
    assert done.exit_code == 2
    assert "epochs — is given twice: 3 by its own option and 4 by --set" in flat(done.output)


def test_one_column_is_not_two_things(tmp_path: Path) -> None:
    table = tmp_path / "n.csv"
    table.write_text("id,score\na,0.5\n")
    prepared = ["cohort", "prepare", "csv", str(table), "--out", str(tmp_path / "c")]
    adapted = ["adapt", "csv", str(table), "--cohort", "c"]
    scored = ["score", "--cohort", "c", "--model", "brock"]
    for words, first, second in (
        (prepared, "pid=id", "nodule_id=id"),
        (adapted, "pid=id", "score=id"),
        (scored, "age=id", "diameter_mm=id"),
    ):
        done = RUNNER.invoke(app, [*words, "--column", first, "--column", second])
        assert done.exit_code == 2
        assert "'id' — is named for 2 roles" in flat(done.output)


def test_a_column_that_is_recognised_is_not_taken_for_another_role(tmp_path: Path) -> None:
    from adapters import load_adapter
    from adapters.card import AdapterOptions
    from benchmark.errors import InputError

    table = tmp_path / "n.csv"
    table.write_text("score,x\n1,0.5\n")
    with pytest.raises(InputError, match="'score' — is named for 2 roles: pid, score"):
        load_adapter("csv").read([table], AdapterOptions(columns={"pid": "score"}))


@pytest.mark.parametrize("option", ["--trained-on", "--shares"])
def test_none_stands_alone(tmp_path: Path, option: str) -> None:
    table = tmp_path / "n.csv"
    table.write_text("pid,score\na,0.5\n")
    made = ["cohort", "prepare", "csv", str(table), "--out", str(tmp_path / "cohorts" / "c")]
    words = made
    if option == "--trained-on":
        assert RUNNER.invoke(app, made).exit_code == 0
        words = ["adapt", "csv", str(table), "--cohort", "c", "--cohorts", str(tmp_path / "cohorts")]
    done = RUNNER.invoke(app, [*words, option, "none", option, "nlst"])
    assert done.exit_code == 2
    assert f"{option} 'none' — is given beside nlst" in flat(done.output)
