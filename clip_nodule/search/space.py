"""What a search varies: settings, and the values or the range of each, checked before anything trains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod
from typing import Any, Final

from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.formats.yaml import parse_yaml
from benchmark.wording import first_few
from clip_nodule.runs.configuration import make_settings, overridden
from clip_nodule.runs.settings import PARTS, PLACES, Place, Settings

OPTION: Final = "--sweep"
MOST_TRIALS: Final = 10_000
SHORT: Final = {"lr": "learning_rate"}
"""Names that options of the command line have, where a setting has another."""
_SPLIT = "decides who validates, and trials are compared on the same patients"
_SAME = "changes nothing that trials are compared by"
NOT_SEARCHED: Final[Mapping[str, str]] = {
    "folds": _SPLIT,
    "test_fraction": _SPLIT,
    "hold_out": _SPLIT,
    "calibration": _SAME,
    "threads": _SAME,
    "parallel": _SAME,
    "lockstep": _SAME,
    "graph": _SAME,
    "deterministic": _SAME,
    "compile": _SAME,
    "track": _SAME,
}
"""Settings that no search may vary, and why."""


@dataclass(frozen=True)
class SweptValues:
    """A setting that takes one of some values.

    Attributes:
        name: Its plain name.
        values: The values in the order given, as the settings hold them.
    """

    name: str
    values: tuple[Any, ...]

    def has(self, value: Any) -> bool:  # noqa: ANN401
        """Whether a trial may have this value."""
        return value in self.values

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that stand for all others where settings are checked."""
        return self.values


@dataclass(frozen=True)
class SweptRange:
    """A number between two others.

    Attributes:
        name: The setting's plain name.
        low: Smallest value.
        high: Largest value.
        log: Draw its logarithm evenly, not the number itself.
        whole: Whole numbers alone.
    """

    name: str
    low: float
    high: float
    log: bool
    whole: bool

    def has(self, value: Any) -> bool:  # noqa: ANN401
        """Whether a trial may have this value."""
        return bool(self.low <= value <= self.high)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that stand for all others where settings are checked: a setting's limits are an interval."""
        return (self.low, self.high)


Sweep = SweptValues | SweptRange


def parse_sweeps(texts: Sequence[str], base: Settings, given: Collection[Place] = ()) -> tuple[Sweep, ...]:
    """Read ``NAME=VALUE,VALUE``, ``NAME=LOW:HIGH`` and ``NAME=LOW:HIGH:log``.

    Args:
        texts: One for each setting that is varied. Names may be plain, of part and field, or as options are
            spelled (``rank``, ``lora.rank``, ``batch-size``, ``lr``); values are YAML (``[q, v],[q, k, v]``).
        base: What all trials have in common.
        given: Places of settings that were given a value beside the configuration's.

    Raises:
        InputError: Names, of all sweeps at once, what is no setting, cannot be varied, is given twice or has a
            value that the setting cannot take.
    """
    sweeps: dict[Place, Sweep] = {}
    problems: list[Problem] = []
    for text in texts:
        written, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not written or not values:
            problems.append(_problem("is not NAME=VALUE,VALUE or NAME=LOW:HIGH", "e.g. --sweep rank=2,4,8", text))
            continue
        try:
            place, name = _place_named(written)
            if place in given:
                fix = "leave it out there"
                raise _refused("is varied, and given a value by its own option or --set too", fix, written)
            if place in sweeps:
                raise _refused("is varied twice", "give all its values in one --sweep", written)
            sweeps[place] = _parse_range(name, values, base) or _parse_choices(name, values, base)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if not sweeps:
        raise _refused("nothing is varied", "e.g. --sweep lr=1e-4,3e-4 --sweep rank=2,4,8", None)
    return tuple(sweeps.values())


def combinations(sweeps: Sequence[Sweep]) -> int | None:
    """How many combinations of values there are; None where a range of fractions has no number of them."""
    counts = []
    for sweep in sweeps:
        if isinstance(sweep, SweptValues):
            counts.append(len(sweep.values))
        elif sweep.whole:
            counts.append(int(sweep.high) - int(sweep.low) + 1)
        else:
            return None
    return prod(counts)


def grid(sweeps: Sequence[Sweep]) -> list[dict[str, Any]]:
    """Every combination of values, the last sweep changing fastest; of countable sweeps alone."""
    names = [sweep.name for sweep in sweeps]
    each = [
        sweep.values if isinstance(sweep, SweptValues) else tuple(range(int(sweep.low), int(sweep.high) + 1))
        for sweep in sweeps
    ]
    return [dict(zip(names, values, strict=True)) for values in product(*each)]


def tries_all(sweeps: Sequence[Sweep], total: int) -> bool:
    """Whether so many trials are every combination, so that none depends on what came of another."""
    countable = combinations(sweeps)
    return countable is not None and total >= countable


def number_of_trials(sweeps: Sequence[Sweep], asked: int | None) -> int:
    """How many trials a search has: all combinations, or as many as were asked for.

    Raises:
        InputError: There are no countable combinations, or too many, and no number was asked for.
    """
    countable = combinations(sweeps)
    ranges = [sweep.name for sweep in sweeps if isinstance(sweep, SweptRange)]
    if asked is None:
        if ranges:
            raise _refused(f"has a range ({', '.join(ranges)})", "say how many to try: --trials N", None)
        if countable is not None and countable > MOST_TRIALS:
            what = f"has {countable:,} combinations, more than {MOST_TRIALS:,}"
            raise _refused(what, "say how many to try: --trials N", None)
    if asked is not None and not 1 <= asked <= MOST_TRIALS:
        raise InputError(Problem(f"is not between 1 and {MOST_TRIALS:,}", column="--trials", value=str(asked)))
    numbers = [number for number in (countable, asked) if number is not None]
    return min(numbers)


def require_possible(sweeps: Sequence[Sweep], base: Settings) -> None:
    """Refuse a search some of whose combinations make no sense together, though each value is allowed.

    Raises:
        InputError: Names each fault and the combinations that have it.
    """
    found: dict[Problem, list[str]] = {}
    names = [sweep.name for sweep in sweeps]
    for values in islice(product(*(sweep.ends for sweep in sweeps)), MOST_TRIALS):
        own = dict(zip(names, values, strict=True))
        try:
            overridden(base, own)
        except InputError as error:
            for problem in error.problems:
                found.setdefault(problem, []).append(described(own))
    if found:
        apart = "leave out the values that do not go together, or search twice"
        raise InputError(
            [
                Problem(f"{p.what}, with {first_few(where, 3)}", p.fix or apart, OPTION, column=p.column)
                for p, where in found.items()
            ]
        )


def described(values: Mapping[str, Any]) -> str:
    """Values of a trial in words: ``learning_rate=0.0001 rank=4``."""
    return " ".join(f"{name}={shown(value)}" for name, value in values.items())


def shown(value: Any) -> str:  # noqa: ANN401
    """A setting's value as one writes it."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ",".join(map(shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _place_named(written: str) -> tuple[Place, str]:
    """Place and plain name of a setting, however it is written."""
    name = written.replace("-", "_")
    name = SHORT.get(name, name)
    plain = {place: plain_name for plain_name, place in PLACES.items()}
    place = PLACES.get(name, tuple(name.split(".")))
    if place not in plain:
        known = [".".join(known) for known in plain] if "." in name else [*PLACES, *SHORT]
        raise _refused(f"is no setting{nearest(name, known)}", "see clip_nodule/configs/zhuang2025.yaml", written)
    if why := NOT_SEARCHED.get(plain[place]):
        raise _refused(f"cannot be varied: it {why}", "give it once, by its option or --set", written)
    return place, plain[place]


def _parse_choices(name: str, text: str, base: Settings) -> SweptValues:
    try:
        written = parse_yaml(f"[{text}]", OPTION)
    except InputError as error:
        raise _refused("is no list of values", "e.g. --sweep rank=2,4,8", f"{name}={text}") from error
    checked, problems = [], []
    for value in written:
        try:
            checked.append(_taken(name, value, base))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if twice := [value for index, value in enumerate(checked) if value in checked[:index]]:
        raise _refused(f"has {shown(twice[0])} twice", "give each value once", name)
    return SweptValues(name, tuple(checked))


def _parse_range(name: str, text: str, base: Settings) -> SweptRange | None:
    """A range; None where the setting is no number or no colon stands there."""
    part, field = PLACES[name]
    kind = PARTS[part].model_fields[field].annotation
    if kind not in (int, float) or ":" not in text:
        return None
    ends, form = text.split(":"), "e.g. --sweep lr=1e-5:1e-3:log"
    log = len(ends) == 3 and ends[2].strip() == "log"
    if len(ends) != 2 + log or not all(ends):
        raise _refused("is no range LOW:HIGH or LOW:HIGH:log", form, f"{name}={text}")
    low, high = (_taken(name, end.strip(), base) for end in ends[:2])
    if low >= high:
        raise _refused("begins at or above its end", form, f"{name}={text}")
    if log and low <= 0:
        raise _refused("begins at 0, which has no logarithm", "begin above 0, or leave out :log", f"{name}={text}")
    return SweptRange(name, low, high, log, kind is int)


def _taken(name: str, value: Any, base: Settings) -> Any:  # noqa: ANN401
    """A value as the settings hold it."""
    return make_settings(OPTION, base.model_dump(), {name: value}).at(PLACES[name])


def _refused(what: str, fix: str, value: str | None) -> InputError:
    return InputError(_problem(what, fix, value))


def _problem(what: str, fix: str, value: str | None) -> Problem:
    return Problem(what, fix, column=OPTION, value=value)
