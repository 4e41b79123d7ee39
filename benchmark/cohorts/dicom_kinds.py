"""What DICOM files hold by their modality, without an extra."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from benchmark.errors import InputError
from benchmark.wording import first_few
from benchmark.work import Lost, TaskLimits, limited_processes, run

_BATCH: Final = 64


def modalities(files: Sequence[Path]) -> list[str]:
    """The modality of each DICOM file, empty where it says none; read in limited processes.

    Raises:
        InputError: A file ends the process that reads it.
    """
    from benchmark.imaging.scans.scan_limits import lost_scan

    batches = [list(files[begin : begin + _BATCH]) for begin in range(0, len(files), _BATCH)]
    found: list[str] = []
    with closing(run(batches, _modalities_of, limited_processes(None, len(batches), _limits_of))) as results:
        for batch, result in zip(batches, results, strict=True):
            if isinstance(result, Lost):
                raise InputError(lost_scan(result, _limits_of(batch), f"one of {first_few(batch, 3)}"))
            found += result
    return found


def _limits_of(files: list[Path]) -> TaskLimits:
    from benchmark.imaging.scans.scan_limits import scan_limits

    return scan_limits(*files)


def _modalities_of(files: list[Path]) -> list[str]:
    from benchmark.imaging.scans.dicom_elements import outline

    return [outline(file).modality for file in files]
