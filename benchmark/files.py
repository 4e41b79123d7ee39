"""Writing files so that no torn file ever stands at its final name, and hashing them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import InputError, Problem


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it takes the place of ``path`` at once.

    On any exception the temporary file is removed and ``path`` keeps what it held. The data reaches the disk
    (``fsync``) before the rename, and the folder entry after it.

    Args:
        path: Final name. Missing folders are made.

    Yields:
        The temporary path, with the same suffix as ``path``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:40]}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def own_file(folder: Path, name: str, again: str = "copy the whole folder again") -> Path:
    """A regular file of a folder, in the folder itself once links are followed.

    Args:
        folder: The folder, which may itself be reached by a link.
        name: The file's path within it.
        again: What to do where the file is missing.

    Raises:
        InputError: There is none, it is no regular file, or it leads out of the folder.
    """
    path = folder / name
    try:
        real = path.resolve(strict=True)
        inside = real.is_relative_to(folder.resolve(strict=True))
    except FileNotFoundError as error:
        raise InputError(Problem("is missing", again, path)) from error
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name with a NUL
        raise InputError(Problem(f"cannot be read: {error}", again, path)) from error
    if not inside:
        raise InputError(Problem("leads out of its folder", "put the file itself there, not a link", path))
    if not real.is_file():
        raise InputError(Problem("is no regular file", again, path))
    return path


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8, line ends as they are, atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write ``data`` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sha256(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
