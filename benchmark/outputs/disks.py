"""Whether a disk can hold what several processes write: a file must take another's place in one step.

Folders that stand for a bucket of objects copy a file to rename it, or cannot at all. A process that is killed
meanwhile leaves half of it at its final name, and two hosts that make one file may both succeed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmark.errors import InputError, Problem

MOUNTS = Path("/proc/mounts")
OF_OBJECTS = frozenset({
    "fuse.blobfuse", "fuse.blobfuse2", "fuse.cosfs", "fuse.gcsfuse", "fuse.geesefs", "fuse.goofys",
    "fuse.mountpoint-s3", "fuse.ossfs", "fuse.rclone", "fuse.s3fs", "fuse.tigrisfs",
})  # fmt: skip
"""File systems that show objects of a bucket as files, as the system names them."""


def require_renames(folder: Path) -> None:
    """Refuse a folder on a disk where no file takes another's place in one step.

    Raises:
        InputError: It is such a disk, or renaming a file there failed.
    """
    fix = "write to another disk, and copy the finished folder there"
    kind = kind_of_disk(folder)
    if kind in OF_OBJECTS:
        what = f"lies on a disk that shows objects as files ({kind.removeprefix('fuse.')}) and cannot rename one"
        raise InputError(Problem(what, fix, folder))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bench-probe-") as name:
        old, new = Path(name) / "old", Path(name) / "new"
        try:
            old.write_text("old", encoding="ascii")
            new.write_text("new", encoding="ascii")
            new.replace(old)
            replaced = old.read_text(encoding="ascii") == "new" and not new.exists()
        except OSError as error:
            raise InputError(
                Problem(f"lies on a disk that cannot rename: {error.strerror}", fix, folder)
            ) from error
        if not replaced:
            raise InputError(Problem("lies on a disk where a renamed file replaces no other", fix, folder))


def kind_of_disk(folder: Path) -> str:
    """Kind of the file system on which a folder lies; empty where the system does not tell (not Linux)."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place, found = folder.resolve(), ("", "")
    for line in lines:
        parts = line.split(" ")
        if len(parts) > 2:
            mount = parts[1].replace(r"\040", " ")
            if place.is_relative_to(mount) and len(mount) >= len(found[0]):
                found = mount, parts[2]
    return found[1]
