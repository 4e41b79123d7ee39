"""Hostile ids for round-trip tests."""

from __future__ import annotations

from hypothesis import strategies as st

HOSTILE = [
    "007",
    "7",
    "NA",
    "nan",
    "None",
    "null",
    "1e5",
    "1.21E+05",
    "=1+1",
    "+1",
    "-1",
    "@x",
    "<b>",
    "a,b",
    'say "so"',
]
HOSTILE += [
    "two\nlines",
    "carriage\rreturn",
    "both\r\nends",
    "é",
    "肺",
    "a;b",
    "a\tb",
    "'",
    "../x",
    "x" * 300,
    "True",
    "#1",
]

plain = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp", "Mn"]), min_size=1, max_size=12
)
ids = st.one_of(st.sampled_from(HOSTILE), plain.filter(lambda text: text.isprintable()))
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
