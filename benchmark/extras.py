"""The extras of the installation: what each brings, and what is said where one is missing.

``pip install nodule-bench`` brings what works on tables: statistics, adapters, published results, the report. What
reads CT scans or runs a network is an extra, and the package that needs it says so when it is imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from benchmark.errors import InputError
from benchmark.wording import in_words

_CT: Final = ("SimpleITK", "isal", "numcodecs", "PIL", "threadpoolctl", "zarr")
EXTRAS: Final = {
    "ct": _CT,
    "dicom": (*_CT, "pydicom"),
    "model": (*_CT, "huggingface_hub", "open_clip", "peft", "safetensors", "tensorboard", "torch"),
    "gemini": ("google.genai",),
    "idc": ("idc_index_data",),
    "lidc": ("pylidc",),
    "tune": ("optuna",),
    "mlflow": ("alembic", "mlflow", "sqlalchemy"),
    "slurm": ("submitit",),
    "ray": ("ray",),
}
"""Extra of ``pyproject.toml`` → the modules that it brings."""


class MissingExtra(InputError, ModuleNotFoundError):
    """What was asked for needs an extra that is not installed."""


def missing_modules(extra: str) -> list[str]:
    """The modules of an extra that are not installed; none of them is imported."""
    return [name for name in EXTRAS[extra] if not _is_installed(name)]


def require_extra(extra: str, what: str) -> None:
    """Refuse to go on without an extra.

    Args:
        extra: A key of ``EXTRAS``.
        what: What needs it, as the subject of a sentence in the singular.

    Raises:
        MissingExtra: Some of its modules are not installed; the message names them and what to install.
    """
    if missing := missing_modules(extra):
        raise MissingExtra(f'{what} needs {in_words(missing)}: pip install "nodule-bench[{extra}]"')


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # the package around it is missing
        return False
