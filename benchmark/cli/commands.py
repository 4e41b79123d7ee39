"""What all commands of ``bench`` have in common: no option is given twice without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from benchmark.errors import InputError, Problem
from benchmark.wording import in_words

_NUMBER_WORDS = {2: "twice", 3: "three times"}


class _QuietHelp:
    """A help text whose reader went away (``| head -1``) is no failure."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Print the help text; rich ends the program with 1 where nobody reads it."""
        try:
            super().format_help(ctx, formatter)  # type: ignore[misc]
        except SystemExit:
            raise typer.Exit(0) from None


class StrictCommand(_QuietHelp, TyperCommand):
    """A command that refuses an option of one value that is given more than once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Read the command line; see `refuse_repeated`."""
        given = list(args)  # the parser empties its list
        rest = super().parse_args(ctx, args)
        refuse_repeated(self, ctx, given)
        return rest


class StrictGroup(_QuietHelp, TyperGroup):
    """A group of commands whose own options are held to the same rule."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Read the options in front of the sub-command; see `refuse_repeated`."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        refuse_repeated(self, ctx, given)
        return rest


class Commands(typer.Typer):
    """`typer.Typer` whose commands and groups are strict unless they name another class."""

    def __init__(self, *, cls: type[TyperGroup] = StrictGroup, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(cls=cls, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:  # noqa: ANN401
        """Add a command; see ``typer.Typer.command``."""
        return super().command(name, **{"cls": StrictCommand, **settings})


def refuse_repeated(command: Any, ctx: Any, args: Sequence[str]) -> None:  # noqa: ANN401
    """Look at a command line for options that contradict or repeat themselves.

    An option of one value may stand once, however it is spelled. One that may be repeated must not repeat a value;
    where its metavar has the form ``KEY=VALUE``, it must not repeat a key.

    Args:
        command: The command; its parameters are declared once, here and for typer's own parser.
        ctx: Its context.
        args: What followed the command's name; typer has read them without an error.

    Raises:
        InputError: Names every such option with all its values.
    """
    problems = []
    for option, values in _values_given(command, ctx, args):
        if option.is_flag:
            if len(set(values)) > 1:
                what = f"contradict each other: {in_words(dict.fromkeys(values))}"
                problems.append(Problem(what, "give one of them", column=_spelling(option)))
        elif option.multiple:
            problems += _problems_of_repeatable(option, values)
        elif len(values) > 1:
            what = f"takes one value and is given {_times(len(values))}: {in_words(map(repr, values))}"
            problems.append(Problem(what, "give it once", column=_spelling(option)))
    if problems:
        error = InputError(problems)
        if ctx.parent is None:  # outside of what turns our errors into messages
            ctx.fail(str(error))
        raise error


def split_pairs(items: Sequence[str], option: str, form: str) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping; blanks around both are dropped.

    Args:
        items: The texts.
        option: The option that they were given with.
        form: Its metavar, such as ``ROLE=COLUMN``.

    Raises:
        InputError: A text has no ``=`` or no key, or a key stands twice.
    """
    wrong = [item for item in items if not item.partition("=")[1] or not item.partition("=")[0].strip()]
    if wrong:
        raise InputError([Problem(f"is not {form}", column=option, value=item) for item in wrong])
    problems = _keys_given_twice(items, option)
    if problems:
        raise InputError(problems)
    return {key.strip(): value.strip() for key, _, value in (item.partition("=") for item in items)}


def shares_by_cohort(given: Sequence[str] | None) -> dict[str, float] | None:
    """Shares of ``--hold-out`` by cohort.

    Raises:
        InputError: Names every one that is no ``COHORT=SHARE``.
    """
    return (
        None if given is None else numbers_by_name(given, "--hold-out", "COHORT=SHARE", "is no share", "e.g. 0.2")
    )


def files_by_cohort(given: Sequence[str] | None) -> dict[str, Path]:
    """Files of ``--trained-patients`` by cohort.

    Raises:
        InputError: Names every one that is no ``COHORT=FILE``.
    """
    found = split_pairs(given or [], "--trained-patients", "COHORT=FILE")
    return {cohort: Path(file) for cohort, file in found.items()}


def numbers_by_name(given: Sequence[str], option: str, form: str, what: str, fix: str) -> dict[str, float]:
    """`split_pairs` for an option whose values are numbers.

    Args:
        given: What was given.
        option: The option's name.
        form: The form of one of them, for messages.
        what: Said of a value that is no number.
        fix: An example.

    Raises:
        InputError: Names every one that is none.
    """
    numbers, problems = {}, []
    for name, text in split_pairs(given, option, form).items():
        try:
            numbers[name] = float(text)
        except ValueError:
            problems.append(Problem(what, fix, column=f"{option} {name}", value=text))
    if problems:
        raise InputError(problems)
    return numbers


def named_columns(
    items: Sequence[str], form: str, option: str = "--column", *, may_be_none: bool = False
) -> dict[str, str]:
    """`split_pairs` for an option that says which column is what: no column is two things.

    Args:
        items: What was given.
        form: The form of one of them, for messages.
        option: The option's name.
        may_be_none: Whether ``ROLE=`` says that there is no such column.

    Raises:
        InputError: As `split_pairs`, or a value is empty, or one column is named for two roles.
    """
    from benchmark.contracts.roles import check_roles

    columns = split_pairs(items, option, form)
    empty = [role for role, column in columns.items() if not column]
    if empty and not may_be_none:
        raise InputError([Problem("names no column", "leave it out", column=option, value=f"{r}=") for r in empty])
    check_roles({role: column for role, column in columns.items() if column}, option)
    return columns


def _values_given(command: Any, ctx: Any, args: Sequence[str]) -> list[tuple[Any, list[str]]]:  # noqa: ANN401
    """Each option that was given, with every value in the order given; of flags, the spellings used."""
    parser = type(command.make_parser(ctx))(ctx)
    options = {}
    for param in command.get_params(ctx):
        if param.param_type_name != "option":
            continue
        if param.count:
            parser.add_option(obj=param, opts=param.opts, dest=param.name, action="count")
            continue
        options[param.name] = param
        if param.is_flag:
            for sign, names in (("+", param.opts), ("-", param.secondary_opts)):
                if names:
                    parser.add_option(
                        obj=param, opts=names, dest=param.name, action="append_const", const=sign + names[0]
                    )
        else:
            parser.add_option(obj=param, opts=param.opts, dest=param.name, action="append", nargs=param.nargs)
    given, *_ = parser.parse_args(args=list(args))
    return [
        (options[name], [value[1:] if options[name].is_flag else value for value in values])
        for name, values in given.items()
        if name in options
    ]


def _problems_of_repeatable(option: Any, values: Sequence[str]) -> list[Problem]:  # noqa: ANN401
    name = _spelling(option)
    if "=" in (option.metavar or ""):
        return _keys_given_twice(values, name)
    comparable = Counter(_comparable(value) for value in values)
    first = {_comparable(value): value for value in reversed(values)}
    return [
        Problem(f"is given {_times(number)}", "give each value once", column=name, value=first[value])
        for value, number in comparable.items()
        if number > 1
    ]


def _keys_given_twice(items: Sequence[str], option: str) -> list[Problem]:
    values: dict[str, list[str]] = {}
    for item in items:
        key, _, value = item.partition("=")
        values.setdefault(key.strip(), []).append(value.strip())
    return [
        Problem(
            f"{key!r} is given {_times(len(found))}: {in_words(map(repr, found))}",
            "give it once",
            column=option,
        )
        for key, found in values.items()
        if len(found) > 1
    ]


def _comparable(value: str) -> str | float:
    """Numbers by their value, so that 0.8 and 0.80 are one."""
    try:
        return float(value)
    except ValueError:
        return value


def _spelling(option: Any) -> str:  # noqa: ANN401
    """An option's longest name; of a flag with a twin, both."""
    longest = max(option.opts, key=len)
    return " ".join([longest, *option.secondary_opts[:1]]) if option.is_flag else str(longest)


def _times(number: int) -> str:
    return _NUMBER_WORDS.get(number, f"{number} times")
