"""Names that may become part of a path, and what may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from benchmark.contracts.names import LONGEST, SafeName, name_fault, path_named, require_name
from benchmark.errors import InputError

GOOD = (
    "clip-lora-1", "Brock (PanCan 2b)", "köln", "結節", "a..b", "a.b", "x" * LONGEST, "console", "-1", "_x",
    "com10",
)  # fmt: skip
BAD = (
    "", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "C:x", ".hidden", "x.", "x ", " x", "a\nb", "a\rb", "a\x00b",
    "a\x7fb", "\u202eevil", "zero\u200bwidth", "a\u2028b", "CON", "nul", "nul.csv", "Com1", "lpt9.tar.gz", "aux ",
    "x\u00a0", "COM¹", "x" * (LONGEST + 1), "é" * (LONGEST // 2 + 1), "half \ud800",
)  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_names_of_every_script_are_taken_as_they_are(name: str) -> None:
    assert require_name(name, "run") == name
    assert TypeAdapter(SafeName).validate_python(name) == name


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_what_could_lead_elsewhere_or_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is no name of a run"):
        path_named(Path("runs"), name, "run")
    with pytest.raises(ValidationError):
        TypeAdapter(SafeName).validate_python(name)


@given(st.text(max_size=40))
def test_a_name_that_passes_is_one_part_directly_in_its_folder(name: str) -> None:
    if name_fault(name):
        return
    path = path_named(Path("/folder"), name, "run", ".csv")
    assert path.parent == Path("/folder")
    assert path.name == f"{name}.csv"
    assert (Path("/folder") / name).parts == ("/", "folder", name)
    assert len(f".{name[:40]}-12345678.card.json".encode()) <= 255
