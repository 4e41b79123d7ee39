"""Joining ids: exact or not at all, with the near misses named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from benchmark.contracts.text_table import nearest

_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_FLOAT = re.compile(r"(?<=\d)\.0+$")
_BLANKS = re.compile(r"[\s\u200b\u200c\u200d\u2060\ufeff]+")
_CANDIDATES = 5000


@dataclass(frozen=True)
class IdMatch:
    """How the ids that a file names meet those that are expected.

    Attributes:
        joined: Ids that stand on both sides, to the letter.
        missing: Expected ids that the file does not name.
        extra: Ids of the file that are not expected.
        mapping: Extra id → the one missing id that it equals but for zeros, blanks or case.
    """

    joined: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)

    def nearest(self, name: str) -> str:
        """The expected id that an extra one was probably meant to be; empty if nothing is near."""
        if name in self.mapping:
            return self.mapping[name]
        found = get_close_matches(name, self.missing[:_CANDIDATES] or self.joined[:_CANDIDATES], n=1, cutoff=0.6)
        return found[0] if found else ""

    def hint(self, name: str) -> str:
        """What an extra id was probably meant to be, as the end of a message; empty if nothing is near."""
        if name in self.mapping:
            return f"; did you mean {self.mapping[name]!r}, which differs only in zeros, blanks or case?"
        return nearest(name, self.missing[:_CANDIDATES])


def plain_id(text: str) -> str:
    """An id without what spreadsheets and scripts change: letter case, blanks, leading zeros, a trailing ``.0``.

    Only for suggestions: two ids with the same plain form may still be two patients.
    """
    plain = _BLANKS.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return _ZEROS.sub("", _FLOAT.sub("", plain))


def twin_ids(ids: Iterable[str]) -> list[tuple[str, ...]]:
    """Ids that differ only in zeros, blanks or case: each group is probably one patient."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(ids):
        groups.setdefault(plain_id(name), []).append(name)
    return [tuple(twins) for twins in groups.values() if len(twins) > 1]


def match_ids(found: Iterable[str], expected: Iterable[str]) -> IdMatch:
    """Compare two sets of ids to the letter, and say which near misses there are.

    Args:
        found: Ids of a file; repeats are ignored.
        expected: Ids of the cohort; repeats are ignored.
    """
    found, expected = dict.fromkeys(found), dict.fromkeys(expected)
    extra = [name for name in found if name not in expected]
    missing = [name for name in expected if name not in found]
    joined = [name for name in found if name in expected]
    return IdMatch(joined, missing, extra, _mapping(extra, list(expected)) if extra else {})


def _mapping(extra: list[str], expected: list[str]) -> dict[str, str]:
    """Pairs with one plain form on both sides; a form that two ids share maps nothing."""
    by_form: dict[str, list[str]] = {}
    for name in expected:
        by_form.setdefault(plain_id(name), []).append(name)
    claims: dict[str, list[str]] = {}
    for name in extra:
        targets = by_form.get(plain_id(name), [])
        if len(targets) == 1:
            claims.setdefault(targets[0], []).append(name)
    return {names[0]: target for target, names in claims.items() if len(names) == 1}
