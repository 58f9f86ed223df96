"""Waves: which nodes' disruption has to wait for which others. Pure.

Only nodes that this run will drain are ordered among each other; creating and destroying nodes stays parallel.
"""

from __future__ import annotations

from collections.abc import Mapping


def waves(
    in_service: Mapping[str, str | None], wanted: Mapping[str, str], batch_size: int
) -> list[list[str]]:
    """Batches of the nodes that are in service with another digest than the wanted one, sorted by name.

    `in_service` maps a node to the digest that its Node object is annotated with, None for one that never served.
    """
    draining = sorted(node for node, digest in wanted.items() if in_service.get(node) not in (None, digest))
    return [draining[start : start + batch_size] for start in range(0, len(draining), batch_size)]


def predecessors(batches: list[list[str]]) -> dict[str, list[str]]:
    """For each node of a batch the nodes of the batch before it. Their order is also one in which to make them."""
    return {
        node: list(before) for before, batch in zip([[], *batches], batches, strict=False) for node in batch
    }
