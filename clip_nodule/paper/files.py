"""The files of a checkpoint folder of the paper's code, read without running anything that they hold."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import read_text, refusing
from clip_nodule.pretrained.pt_files import read_pt, read_tensors_apart
from clip_nodule.pretrained.tensor_files import require_plain

ARGS, WEIGHTS = "args.txt", "best_both.pt"
LARGEST_ARGS = 1 << 16
"""Bytes of ``args.txt``, which has some 2,000; Python's own parser is not made for what is much longer."""


def read_args(path: Path) -> dict[str, Any]:
    """Read ``args.txt``, the text of an ``argparse.Namespace``; only literals are taken, nothing is run.

    Raises:
        InputError: It is missing or something else.
    """
    if not path.exists():
        fix = "give the folder that holds args.txt and fold_0, fold_1, ..."
        raise InputError(Problem("does not exist", fix, path))
    with refusing(path, "cannot be read"):
        text = read_text(path, LARGEST_ARGS).strip()
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "Namespace":
            raise ValueError("it is not the text of an argparse.Namespace")
        return {str(item.arg): _literal(item.value) for item in call.keywords}


def read_paper_weights(path: Path) -> dict[str, Tensor]:
    """Read a fold's ``.pt`` in a limited process, without running anything that it holds.

    Raises:
        InputError: It is missing, too large, cut short, holds anything but tensors, or a value that is not finite.
    """
    if not path.is_file():
        raise InputError(Problem("does not exist", "copy the whole checkpoint folder", path))
    return read_tensors_apart(paper_tensors, path)


def paper_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a fold's ``.pt``; for a limited process, see ``read_paper_weights``.

    Raises:
        InputError: See there.
    """
    content = read_pt(path)
    tensors = content.get("model") if isinstance(content, dict) else None
    if not isinstance(tensors, Mapping) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in tensors.items()
    ):
        raise InputError(
            Problem("holds no tensors under 'model'", "this is no checkpoint of the paper's code", path)
        )
    require_plain(tensors, path)
    return dict(tensors)


def _literal(node: ast.expr) -> Any:  # noqa: ANN401
    """The value of a literal, or its source text where it is something else (a tensor, a device)."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
