"""The voxels of many windows of one scan, collected while its slices stream by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from clip_nodule.sampling_plan import Plan
from clip_nodule.trilinear import Float32s, new_block, place
from clip_nodule.volume import Range, ScanFile


def gather(scan: ScanFile, plans: Sequence[Plan], padding: float) -> Iterator[tuple[int, Float32s]]:
    """Read a scan once, and hand out the voxels of each plan as soon as its last slice was read.

    Only the boxes around the windows that are open at a time are held in memory.

    Args:
        scan: The scan.
        plans: Where the windows' points lie.
        padding: HU beyond the scan.

    Yields:
        The number of a plan and its block (see ``trilinear.new_block``), valid until the next one is asked for.

    Raises:
        InputError: The file is cut short or corrupt, or the values of the slices that a plan needs cannot be HU.
    """
    slices = np.array([plan.slices for plan in plans])
    waiting = sorted(range(len(plans)), key=lambda number: (slices[number][1], number))
    ranges: dict[int, Range] = {}
    blocks: dict[int, Float32s] = {}
    spare: list[Float32s] = []
    for first, part in scan.chunks(int(slices[:, 0].min()), int(slices[:, 1].max())):
        last = first + len(part) - 1
        wanted = [n for n in waiting if slices[n][0] <= last and slices[n][1] >= first]
        if wanted:
            ranges |= {first + k: Range.of(part[k]) for k in range(len(part))}
        for number in wanted:
            if number not in blocks:
                blocks[number] = new_block(plans[number], padding, spare.pop() if spare else None)
            place(blocks[number], plans[number], part, first, scan.slope, scan.intercept)
        while waiting and slices[waiting[0]][1] <= last:
            number = waiting.pop(0)
            _check(scan, [ranges[k] for k in range(slices[number][0], slices[number][1] + 1)])
            block = blocks.pop(number)
            yield number, block
            spare.append(block.reshape(-1))


def _check(scan: ScanFile, ranges: list[Range]) -> None:
    whole = Range(min(r.low for r in ranges), max(r.high for r in ranges), sum(r.bad for r in ranges))
    whole.check_hu(scan.path, scan.dtype, scan.slope, scan.intercept)
