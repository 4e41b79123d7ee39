"""The outline of a DICOM file, walked without recursion: what GDCM crashes at, or takes no offence at."""

from __future__ import annotations

import mmap
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MAX_DEPTH = 100
"""Sequences in one another beyond which a file is refused; GDCM's recursion ends in a crash at some thousands."""
_PIXELS = b"\xe0\x7f\x10\x00"
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_UNDEFINED = 0xFFFFFFFF
_SYNTAX = b"\x02\x00\x10\x00"
_SLICE_STEP = b"\x18\x00\x88\x00"
_MODALITY = b"\x08\x00\x60\x00"
_IMPLICIT = b"1.2.840.10008.1.2"
_EXPLICIT = b"1.2.840.10008.1.2.1"
_NOT_WALKED = (b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2")
"""Deflated and big-endian elements."""


@dataclass(frozen=True)
class Outline:
    """What a file holds.

    Attributes:
        depth: How deep its sequences lie in one another, at most ``MAX_DEPTH + 1``.
        pixel_bytes: Length of its pixel data, as it is stated; None if they are compressed or not found.
        overrun: What is wrong with an element that is to hold more bytes than follow it, which GDCM sets aside
            before it looks; empty if there is none.
        slice_step: Where the value of SpacingBetweenSlices (0018,0088) begins, and its length; 0 without.
        modality: Modality (0008,0060), empty without.
        has_pixels: Whether there is an element of pixel data.
        syntax: Transfer syntax (0002,0010), empty without.
    """

    depth: int
    pixel_bytes: int | None
    overrun: str = ""
    slice_step: tuple[int, int] = (0, 0)
    modality: str = ""
    has_pixels: bool = False
    syntax: str = ""


def outline(path: Path) -> Outline:
    """Walk the elements of a little-endian file up to its pixel data; what makes no sense ends the walk."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        walk = _Walk(data)
        with suppress(struct.error):  # the file ends within an element
            walk.run()
        native = walk.syntax in (_IMPLICIT, _EXPLICIT) and walk.pixels != _UNDEFINED
        overrun = "" if walk.syntax in _NOT_WALKED else walk.overrun
        pixels = walk.pixels if native else None
        syntax = walk.syntax.decode("ascii", "replace")
        return Outline(
            walk.depth, pixels, overrun, walk.slice_step, walk.modality, walk.pixels is not None, syntax
        )


class _Walk:
    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 132 if data[128:132] == b"DICM" else 0
        self.depth = 0
        self.pixels: int | None = None
        self.syntax = b""
        self.overrun = ""
        self.slice_step = (0, 0)
        self.modality = ""
        if self.at == 0:  # bare elements: the type of the first is written in letters or not at all
            self.syntax = _EXPLICIT if data[4:6].isalpha() else _IMPLICIT

    def run(self) -> None:
        """Go through the elements; open sequences and their items are kept as their ends, None if not stated."""
        ends: list[int | None] = []
        while self.at < len(self.data) and self.depth <= MAX_DEPTH:
            while ends and ends[-1] is not None and self.at >= ends[-1]:
                ends.pop()
            tag = self.data[self.at : self.at + 4]
            if tag in (_END_OF_ITEM, _END_OF_SEQUENCE):
                self.at += 8
                if ends:
                    ends.pop()
                continue
            length, sequence = self._enter(tag)
            if tag == _PIXELS and not ends:
                self.pixels = length
                return
            if length != _UNDEFINED and length > len(self.data) - self.at:
                group, element = struct.unpack("<HH", tag)
                left = len(self.data) - self.at
                self.overrun = f"({group:04x},{element:04x}) is to hold {length} bytes, {max(left, 0)} are left"
                return
            if sequence or tag == _ITEM:
                ends.append(None if length == _UNDEFINED else self.at + length)
                self.depth = max(self.depth, (len(ends) + 1) // 2)
                continue
            if tag == _SYNTAX:
                self.syntax = self.data[self.at : self.at + length].strip(b"\0 ")
            if tag == _SLICE_STEP and not ends:
                self.slice_step = (self.at, length)
            if tag == _MODALITY and not ends:
                self.modality = self.data[self.at : self.at + length].decode("latin-1").strip("\0 ")
            self.at += length

    def _enter(self, tag: bytes) -> tuple[int, bool]:
        """Go to an element's value: its length, and whether it is a sequence."""
        kind = self.data[self.at + 4 : self.at + 6]
        explicit = tag[:2] == b"\x02\x00" or self.syntax != _IMPLICIT
        if tag == _ITEM or not explicit:
            (length,) = struct.unpack_from("<I", self.data, self.at + 4)
            self.at += 8
        elif kind in _LONG:
            (length,) = struct.unpack_from("<I", self.data, self.at + 8)
            self.at += 12
        else:
            (length,) = struct.unpack_from("<H", self.data, self.at + 6)
            self.at += 8
        sequence = tag != _ITEM and (kind == b"SQ" if explicit else self.data[self.at : self.at + 4] == _ITEM)
        return int(length), sequence or (tag not in (_ITEM, _PIXELS) and length == _UNDEFINED)
