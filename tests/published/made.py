"""Published results made in a test, read as a user's file is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.published.load import load_published
from benchmark.published.schema import Published


def published_from(content: Mapping[str, Any]) -> Published:
    """What a file with this content says; numbers that are texts keep their decimals."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "published.json"
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        return load_published(path)
