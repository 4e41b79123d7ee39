"""What a reader says about each format that it reads: its endings, how its files begin, and how to open one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmark.imaging.scans.scan import ReadOptions, ScanFile

HEAD = 352
"""Bytes of the beginning of a file that ``FileFormat.recognises`` is shown."""


@dataclass(frozen=True)
class FileFormat:
    """A format of CT scans.

    Attributes:
        title: What a file of it holds, for messages: ``an NRRD image``.
        endings: Ends of names, in lower case, that promise this format; none for slices in a folder.
        recognises: Whether a file begins like this format, from its first ``HEAD`` bytes.
        open: Reads and checks the header of a file, or of a folder of slices. Other files that it names, and links
            in the folder, may not lead out of the folder that is given last, by default that of the scan.
        in_folder: Whether a scan is a folder of such files, and one file is no scan.
    """

    title: str
    endings: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    open: Callable[[Path, ReadOptions, Path | None], ScanFile]
    in_folder: bool = False
