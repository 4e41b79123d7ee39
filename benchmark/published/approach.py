"""Shifting the blocks of a path until its areas are the ones wanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from benchmark.published.blocks import Blocks, Move

_ROUNDS = 300
_NEIGHBOURS = 6
_TRIES = 40
NEAR_ENOUGH = 0.5
"""Half widths of the wanted intervals at which the search ends."""

Floats = npt.NDArray[np.float64]


def approach(blocks: Blocks, aim: tuple[float, float], half: tuple[float, float]) -> float:
    """Shift blocks until twice U and average precision lie near a target.

    In each round the two shifts (or one) whose sum comes closest to what is missing are made; as both areas are
    sums over blocks, that is a nearest-neighbour question.

    Args:
        blocks: Changed in place.
        aim: Twice U and average precision wanted.
        half: Half the width of their intervals, the units of distance.

    Returns:
        Distance left, in half widths: below 1 both lie inside their intervals.
    """
    scale = np.array([max(half[0], 0.5), half[1]])
    left = _left(blocks, aim, scale)
    for _ in range(_ROUNDS):
        if np.abs(left).max() < NEAR_ENOUGH or not _make_best_pair(blocks, aim, scale, left):
            break
        left = _left(blocks, aim, scale)
    return float(np.abs(left).max())


def _left(blocks: Blocks, aim: tuple[float, float], scale: Floats) -> Floats:
    return np.asarray((np.array(aim) - (blocks.twice_u(), blocks.average_precision())) / scale)


def _make_best_pair(blocks: Blocks, aim: tuple[float, float], scale: Floats, left: Floats) -> bool:
    """Make the best allowed pair of shifts; False if none comes closer."""
    moves = blocks.moves()
    if len(moves) == 0:
        return False
    change = np.vstack([blocks.effects(moves) / scale, np.zeros((1, 2))])
    count = min(_NEIGHBOURS, len(change))
    distance, partner = cKDTree(change).query(left - change, k=count)
    distance, partner = distance.reshape(len(change), -1), partner.reshape(len(change), -1)
    order = np.argsort(distance, axis=None, kind="stable")
    now, kept, tried = float(np.hypot(*left)), blocks.state(), 0
    for flat in order:
        one, rank = divmod(int(flat), distance.shape[1])
        if float(distance[one, rank]) >= now - 1e-9 or tried >= _TRIES:
            return False
        chosen = {one, int(partner[one, rank])} - {len(moves)}
        pair = [Move(*(int(part) for part in moves[at])) for at in sorted(chosen)]
        if not pair or not blocks.apply(pair):
            continue
        tried += 1
        if float(np.hypot(*_left(blocks, aim, scale))) < now - 1e-9:
            return True
        blocks.restore(kept)
    return False
