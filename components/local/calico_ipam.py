"""Calico's address management as objects of the API: what of it belongs to one node. Pure.

A block is a part of the pool. A host has an affinity to a block, and its pods get addresses of it; when there is none
left, also of another host's block. So a block may go only if nobody else has an address in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Share:
    """What a node has of a block. `rest`: the block without that; None if nobody else has anything in it."""

    cidr: str
    freed: Mapping[str, int]
    """Addresses by handle."""
    rest: Json | None


def share_of(block: Mapping[str, Any], node: str) -> Share | None:
    """None if the node has neither the block nor an address in it."""
    spec = block.get("spec") or {}
    is_own = spec.get("affinity") == f"host:{node}"
    attributes = spec.get("attributes") or []
    allocations = spec.get("allocations") or []
    owned = {index for index, one in enumerate(attributes) if _is_of(one, node, is_own=is_own)}
    mine = [ordinal for ordinal, index in enumerate(allocations) if index is not None and index in owned]
    if not is_own and not mine:
        return None
    freed = Counter(str(attributes[allocations[ordinal]].get("handle_id") or "") for ordinal in mine)
    theirs = any(index is not None and index not in owned for index in allocations)
    rest = _without(block, mine, owned) if theirs or not is_own else None
    if rest is not None and is_own:
        rest["spec"].pop("affinity", None)
    return Share(str(spec.get("cidr")), {name: count for name, count in freed.items() if name}, rest)


def _is_of(attribute: Mapping[str, Any], node: str, *, is_own: bool) -> bool:
    """An address says whose it is; one of an old release says nothing, and is its block's."""
    secondary = attribute.get("secondary") or {}
    return secondary.get("node") == node or ("node" not in secondary and is_own)


def _without(block: Mapping[str, Any], ordinals: Iterable[int], owned: set[int]) -> Json:
    """The block with these addresses free, and without the attributes that nobody refers to any more."""
    spec = dict(block["spec"])
    gone = set(ordinals)
    kept = [index for index in range(len(spec.get("attributes") or [])) if index not in owned]
    places = {index: place for place, index in enumerate(kept)}
    spec["allocations"] = [
        None if ordinal in gone or index is None else places[index]
        for ordinal, index in enumerate(spec["allocations"])
    ]
    spec["attributes"] = [spec["attributes"][index] for index in kept]
    spec["unallocated"] = [*(spec.get("unallocated") or []), *sorted(gone)]
    numbers = spec.get("sequenceNumberForAllocation")
    if isinstance(numbers, Mapping):
        spec["sequenceNumberForAllocation"] = {
            key: value for key, value in numbers.items() if not key.isdecimal() or int(key) not in gone
        }
    return {**block, "spec": spec}


def handle_without(handle: Mapping[str, Any], freed: Mapping[str, int]) -> Json | None:
    """A handle without so many addresses of each block; None if it has none left."""
    spec = dict(handle.get("spec") or {})
    blocks = {
        cidr: count - freed.get(cidr, 0)
        for cidr, count in (spec.get("block") or {}).items()
        if count > freed.get(cidr, 0)
    }
    return {**handle, "spec": {**spec, "block": blocks}} if blocks else None


def is_tunnel_of(handle: str, node: str) -> bool:
    """Whether it is the handle of the address of a host's own end of a tunnel."""
    return handle.endswith(f"-tunnel-addr-{node}")
