"""What the published LUNGx workbooks hold, so that an edited copy can be told from them, row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmark.files import sha256
from benchmark.wording import first_few

WORKBOOKS: Final = {
    "ff42dcd0cbc67a4dcb02aa82506d847c5ac22913861307ea701b2d15f86548bc": "calibration",
    "21270dca3c696e61d5e7ea2af8716d87018d226c14aaa179f2483df2c72ce27d": "test",
}
"""SHA-256 of the two workbooks as the archive ships them."""
_TWO_NODULES: Final = (2, 4, 5, 16, 17, 29, 35, 43, 47, 52, 54, 56, 59)
_CALIBRATION: Final = (
    *("lc001", "lc002", "lc003", "lc008", "lc009"),
    *("be001", "be002", "be006", "be007", "be010"),
)
_DIGESTS: Final = frozenset(
    """
    fd5e1e1f 2651e6d3 48f15423 eee6369c 5767e43c 52f394d2 824fd94d f37291db 55e2768c 0b43a0f0 e44fb4e1
    9db5503a 91c04eb3 e979e237 0ad3ba15 b44c5814 e0d8c7e7 e12a0084 9cc8ec21 6d8b782a 951510ee 72a4c591
    20aec6fe 5e4e0a1a ce1da430 0ddc92b8 a82bcea3 34b684ab 7f10d5de dfd941a2 2574606c 8f702e4a 0e9ce62b
    2e7c2360 2466cb8f 7efacd3e d99ee9cd 43c7dc81 23795a5b 37c0679a 1ebcbffe 9a66ec86 0904ee72 3c0cbba4
    c30873d4 e5186bfb 41ba7b44 f0c2d682 60af546d 9ffee936 b82dee19 0ff85503 b53a1995 9ff6a64b a0816a50
    b1ce5851 7fbd758e 1374d910 c4922238 603e69f5 9fa6c25e affc6231 74b790ed 59309d08 ca2dcd86 9d33b78b
    01a70b3f 57dd7f01 36d2f639 39bfb507 bb3c2cfd 2bda3864 a6629a98 64cafa9c e1fb4ec5 d5491318 3f94dc69
    f499f3e7 47e66312 cc69c5f8 14bea7d0 db13cffe d8482e95
    """.split()  # noqa: SIM905 (83 quoted literals would be harder to compare)
)
"""First eight digits of the SHA-256 of every released row: ``scan|nodule|x|y|image|diagnosis``, lower case."""
_SHOWN: Final = 20


@dataclass(frozen=True)
class LungxNodule:
    """One row of a sheet.

    Attributes:
        file: The workbook.
        line: Its line.
        scan: Scan number, e.g. ``LUNGx-CT005``.
        number: Nodule number in the scan.
        x: Column of the centre, counted from 1.
        y: Row of the centre, counted from 1.
        image: Image number, counted from 1.
        diagnosis: Lower case, single blanks.
    """

    file: Path
    line: int
    scan: str
    number: str
    x: int
    y: int
    image: int
    diagnosis: str


def digest(nodule: LungxNodule) -> str:
    """What a released row is recognised by."""
    n = nodule
    text = f"{n.scan.casefold()}|{n.number}|{n.x}|{n.y}|{n.image}|{n.diagnosis}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def differences(nodules: Sequence[LungxNodule], files: Sequence[Path]) -> list[str]:
    """What differs from the release: other files, fewer or more rows, changed positions or diagnoses, by name."""
    lines = [
        f"{file.name} is not the released workbook (other SHA-256): an edited or re-saved copy"
        for file in files
        if sha256(file) not in WORKBOOKS
    ]
    released = {(f"ct-training-{name}", "1") for name in _CALIBRATION}
    released |= {(f"lungx-ct{number:03d}", "1") for number in range(1, 61)}
    released |= {(f"lungx-ct{number:03d}", "2") for number in _TWO_NODULES}
    found = {(n.scan.casefold(), n.number) for n in nodules}
    counts = f"{len(found)} nodules, the release has {len(released)} (10 calibration, 73 test)"
    for title, names in (("lacks", released - found), ("adds", found - released)):
        if names:
            listed = first_few([f"{scan} nodule {number}" for scan, number in sorted(names)], _SHOWN)
            lines.append(f"{counts}; this copy {title} {len(names)}: {listed}")
    changed = [n for n in nodules if (n.scan.casefold(), n.number) in released and digest(n) not in _DIGESTS]
    if changed:
        listed = first_few(
            [f"{n.scan} nodule {n.number} (x {n.x}, y {n.y}, image {n.image})" for n in changed], _SHOWN
        )
        lines.append(f"{len(changed)} rows differ from the release in position, image or diagnosis: {listed}")
    return lines
