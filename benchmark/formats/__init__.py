"""The one way in for every format: regular files alone, bounds on what they unpack to, and one kind of error.

Whatever a reader's library raises becomes an ``InputError`` with the file and, where it is known, the place. The
limits are named constants of each module; nothing else in the project parses a file. Scans have readers of their
own, in `benchmark.imaging.scans`; those of tensors need torch, and stand beside the code that uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

READERS: Final = {
    "csv": "benchmark.formats.csv:read_csv",
    "csv rows": "benchmark.formats.csv:read_csv_rows",
    "json": "benchmark.formats.json:read_json",
    "npy": "benchmark.formats.npz:read_npy",
    "npz": "benchmark.formats.npz:read_npz",
    "parquet": "benchmark.formats.parquet:read_parquet",
    "pt": "clip_nodule.pretrained.pt_files:read_pt",
    "safetensors": "clip_nodule.pretrained.tensor_files:read_safetensors",
    "sqlite": "benchmark.formats.sqlite:read_sqlite",
    "text": "benchmark.formats.opening:read_text",
    "xlsx": "benchmark.formats.xlsx:read_xlsx",
    "xml": "benchmark.formats.xml:read_xml",
    "yaml": "benchmark.formats.yaml:read_yaml",
}
"""Format → module and name of its reader, not imported before it is needed: some load much."""


def reader(name: str) -> Callable[..., Any]:
    """The reader of a format of ``READERS``."""
    module, _, function = READERS[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
