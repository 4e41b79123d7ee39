"""The card, and how what it does is timed and counted."""

from __future__ import annotations

import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import torch
from torch.profiler import ProfilerActivity, profile

PACKAGES = ("torch", "peft", "open_clip_torch", "numpy", "pandas")
BLOCKING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")
"""Calls of the CUDA runtime in which the host stands still."""


@dataclass(frozen=True)
class Card:
    """Where the check runs.

    Attributes:
        device: ``cuda``, or ``cpu`` in a dry run: the same lines of code at tiny sizes.
    """

    device: torch.device

    @property
    def dry(self) -> bool:
        """Whether there is no card."""
        return self.device.type == "cpu"

    def wait(self) -> None:
        """Wait until the card has done all that it was given."""
        if not self.dry:
            torch.cuda.synchronize(self.device)

    def describe(self) -> dict[str, str]:
        """Card, driver's CUDA and versions."""
        facts = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
        if self.dry:
            return {"device": "none: a dry run on the processor, whose numbers mean nothing", **facts}
        properties = torch.cuda.get_device_properties(self.device)
        memory = f"{properties.total_memory / 2**30:.0f} GiB, {properties.multi_processor_count} multiprocessors"
        return {"device": f"{properties.name}, {memory}", "cuda": str(torch.version.cuda), **facts}

    def peak_gib(self) -> float:
        """Most memory that tensors took since the last call, GiB."""
        if self.dry:
            return 0.0
        peak = torch.cuda.max_memory_allocated(self.device) / 2**30
        torch.cuda.reset_peak_memory_stats(self.device)
        return round(peak, 2)

    def seconds(self, function: Callable[[], object], repeats: int, warm: int = 2) -> float:
        """Median seconds of a call, the card's work waited for."""
        for _ in range(warm):
            function()
        times = []
        for _ in range(repeats):
            self.wait()
            begin = time.perf_counter()
            function()
            self.wait()
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    def bf16_tflops(self) -> float:
        """Rate of an 8192³ product of random bf16 matrices, TFLOP/s."""
        size = 256 if self.dry else 8192
        a, b = (torch.randn(size, size, device=self.device, dtype=torch.bfloat16) for _ in range(2))
        out = torch.empty_like(a)
        times = 2 if self.dry else 10

        def products() -> None:
            for _ in range(times):
                torch.mm(a, b, out=out)

        return 2e-12 * size**3 * times / self.seconds(products, 5)

    def copy_tbps(self) -> float:
        """Rate of a copy within the card's memory, TB/s, bytes read and written."""
        source = torch.randn(2**20 if self.dry else 2**30, device=self.device)
        target = torch.empty_like(source)
        seconds = self.seconds(lambda: target.copy_(source), 5)
        return round(2e-12 * source.numel() * source.element_size() / seconds, 2)

    def profiled(self, function: Callable[[], object]) -> Profile:
        """Kernels, their time, and how long the host stood still, of one call."""
        activities = [ProfilerActivity.CPU if self.dry else ProfilerActivity.CUDA]
        function()
        self.wait()
        with profile(activities=activities) as profiler:
            function()
            self.wait()
        events = profiler.profiler.kineto_results.events()  # type: ignore[union-attr]
        kind = "CPU" if self.dry else "CUDA"
        on_card = [event for event in events if event.device_type().name == kind]
        copies = [event for event in on_card if event.name().startswith(("Memcpy", "Memset"))]
        blocked = sum(event.duration_ns() for event in events if event.name() in BLOCKING)
        return Profile(
            len(on_card) - len(copies), len(copies), sum(e.duration_ns() for e in on_card) / 1e6, blocked / 1e6
        )

    def waits(self, function: Callable[[], object]) -> int:
        """How often the host waits for the card in one call, as PyTorch's own debug mode says."""
        if self.dry:
            function()
            return 0
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                function()
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return sum("synchronizing CUDA operation" in str(warning.message) for warning in warned)


@dataclass(frozen=True)
class Profile:
    """One call as the profiler saw it.

    Attributes:
        kernels: Kernels.
        copies: Copies and fills.
        busy_ms: Milliseconds of all of them.
        blocked_ms: Milliseconds that the host stood still in the runtime.
    """

    kernels: int
    copies: int
    busy_ms: float
    blocked_ms: float
