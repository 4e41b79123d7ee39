"""A Ray cluster of two nodes of one processor each, all of it on this machine."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any


def cluster_of_two_nodes(tries: int = 3) -> Any:
    """Start it; Ray gives a node 30 s to start, which a busy machine may not: then it is tried again."""
    from ray.cluster_utils import Cluster

    for left in reversed(range(tries)):
        made = Cluster(initialize_head=False)
        try:
            made.add_node(num_cpus=1, include_dashboard=False)
            made.add_node(num_cpus=1)
        except Exception:
            with suppress(Exception):  # what did not start may not answer
                made.shutdown()
            if not left:
                raise
            time.sleep(5)
        else:
            return made
    raise ValueError("no try was asked for")
