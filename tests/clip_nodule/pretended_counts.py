"""What a GPU would be asked to do and what its host would wait for, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from torch import Tensor, uint8
from torch import bool as boolean

STAGED = 2**16
"""Bytes of pageable memory that CUDA takes from the host without waiting, where a copy need not block."""
WITHOUT_KERNEL = ("_unsafe_view", "set_", "resize_", "is_same_size", "lift_fresh", "lift_fresh_copy")
OF_UNKNOWN_LENGTH = (
    "nonzero", "nonzero_static", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "bincount",
    "repeat_interleave",
)  # fmt: skip
"""The host has to read how long their result is."""
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put")


class CaptureError(RuntimeError):
    """CUDA permits it not while a graph is captured."""


@dataclass
class Counts:
    """What happened since the pretended GPU was switched on.

    Attributes:
        kernels: Kernels by the name of the operation; views, allocations and copies from and to the host are none.
        waits: How often the host waits, by what for: ``item`` (``.item()``, ``bool()``, ``.tolist()``),
            ``boolean index``, ``host index`` (an index that lies on the host: CUDA takes it, and copies it first),
            ``nonzero``, ``upload``, ``download``, ``synchronize``.
        uploads: Copies from the host, whether it waits or not.
        uploaded: Their bytes.
        downloads: Copies to the host.
        downloaded: Their bytes.
        graphs: CUDA graphs that were launched.
        replayed: Their kernels, which are among ``kernels`` but which the host need not launch one by one.
    """

    kernels: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    uploads: int = 0
    uploaded: int = 0
    downloads: int = 0
    downloaded: int = 0
    capturing: ClassVar[bool] = False
    """Whether a CUDA graph is being captured, in which nothing may be waited for."""
    graphs: int = 0
    replayed: int = 0

    def copy(self) -> Counts:
        """As it stands."""
        return self - Counts()

    def __sub__(self, earlier: Counts) -> Counts:
        """What happened since ``earlier``."""
        return Counts(*(getattr(self, one.name) - getattr(earlier, one.name) for one in fields(self)))

    @property
    def launches(self) -> int:
        """Kernels and graphs that the host launched."""
        return self.kernels.total() - self.replayed + self.graphs

    def wait(self, kind: str) -> None:
        """Count a wait of the host.

        Raises:
            CaptureError: A graph is being captured.
        """
        if self.capturing:
            raise CaptureError(f"{kind}: the host would wait while a graph is captured")
        self.waits[kind] += 1

    def upload(self, tensor: Tensor, free: bool) -> None:
        """Count a copy from the host; ``free`` if it was asked not to block and its memory is pinned or small."""
        self.uploads += 1
        self.uploaded += tensor.numel() * tensor.element_size()
        if not free:
            self.wait("upload")

    def download(self, tensor: Tensor, free: bool) -> None:
        """Count a copy to the host."""
        self.downloads += 1
        self.downloaded += tensor.numel() * tensor.element_size()
        if not free:
            self.wait("download")

    def operation(self, function: Any, name: str, args: tuple[Any, ...], on_host: list[bool]) -> None:
        """Count an operation on tensors of the GPU.

        Args:
            function: Of ATen, an overload.
            name: Its name.
            args: Its arguments.
            on_host: Of an indexing, which of its indices lie on the host.
        """
        if name == "_local_scalar_dense":
            self.wait("item")
            return
        if name in OF_UNKNOWN_LENGTH:
            self.wait("nonzero")
        if name in INDEXING:
            indices = [index for index in args[1] if index is not None]
            masks = [index for index in indices if index.dtype in (boolean, uint8)]
            if any(on_host):
                self.wait("host index")
            elif masks and not (len(args) > 2 and len(indices) == 1 and args[2].numel() == 1):  # else masked_fill
                self.wait("boolean index")
        if not is_view(function) and not name.startswith(("empty", "new_empty")) and name not in WITHOUT_KERNEL:
            self.kernels[name] += 1


def is_view(function: Any) -> bool:
    """Whether an operation of ATen only looks at its argument in another way."""
    aliases = [result.alias_info for result in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)
