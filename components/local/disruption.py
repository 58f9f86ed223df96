"""Decides how a node goes out of service and comes back. Pure: Node objects in, plans and Node objects out.

A node is in service when the annotation kubenode/in-service holds the digest of its disruptive inputs. Out of
service it is cordoned and holds the taint kubenode/out-of-service. The annotation kubenode/cordoned remembers
whose cordon it is, so that only ours is ever lifted. Does not own draining (`components.local.drain`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from components.local import nodes

Json = dict[str, Any]

BY_US: Final = "kubenode"
BY_OTHERS: Final = "others"
"""The node was cordoned when we came: it stays so when we are done."""


@dataclass(frozen=True)
class Plan:
    """What out-of-service will do."""

    set_aside: bool
    drain: bool
    why: str


def plan_out_of_service(node: Mapping[str, Any], digest: str, *, has_pods: bool) -> Plan:
    """Compares the wanted digest with the one that the node was last put into service with.

    `has_pods` tells whether pods run there that a drain would move; it only matters for a node never in
    service.
    """
    seen = nodes.view(node)
    if seen.in_service == digest:
        return Plan(set_aside=False, drain=False, why="in service as wanted")
    if seen.in_service is None:
        if has_pods:
            return Plan(set_aside=True, drain=True, why="new to kubenode, with pods on it")
        return Plan(set_aside=True, drain=False, why="new")
    return Plan(set_aside=True, drain=True, why="inputs changed that disturb pods")


def with_set_aside(node: Mapping[str, Any], reason: str, removal: str = "") -> Json:
    """The node cordoned and tainted. Equal to the given one if it is already. `removal`: when its removal begins."""
    changed = copy.deepcopy(dict(node))
    spec = changed.setdefault("spec", {})
    annotations = _annotations(changed)
    if not spec.get("unschedulable"):
        spec["unschedulable"] = True
        annotations[nodes.CORDONED] = BY_US
    else:
        annotations.setdefault(nodes.CORDONED, BY_OTHERS)
    if not nodes.view(node).is_tainted:
        taint = {"key": nodes.OUT_OF_SERVICE_TAINT, "value": taint_value(reason), "effect": "NoSchedule"}
        spec["taints"] = [*(spec.get("taints") or ()), taint]
    if removal:
        annotations[nodes.REMOVAL] = removal
    return changed


def with_set_aside_undone(node: Mapping[str, Any], before: Mapping[str, Any]) -> Json:
    """The node with cordon, taint and removal as they were before this run; everything else as it is now."""
    changed = copy.deepcopy(dict(node))
    was = nodes.view(before)
    if not was.is_tainted:
        _remove_taint(changed)
    annotations = _annotations(changed)
    if annotations.get(nodes.CORDONED) == BY_US and not was.unschedulable:
        changed["spec"].pop("unschedulable", None)
    if was.cordoned_by is None:
        annotations.pop(nodes.CORDONED, None)
    else:
        annotations[nodes.CORDONED] = was.cordoned_by
    annotations.pop(nodes.REMOVAL, None)
    if was.removal:
        annotations[nodes.REMOVAL] = was.removal
    return changed


def with_in_service(node: Mapping[str, Any], digest: str, heal: str = "", returned: str = "") -> Json:
    """The node in service: our taint off, uncordoned if the cordon was ours.

    `heal`: what it was mended by. `returned`: how often this made up for a run that ended in between.
    """
    changed = copy.deepcopy(dict(node))
    _remove_taint(changed)
    annotations = _annotations(changed)
    if annotations.pop(nodes.CORDONED, None) == BY_US:
        changed["spec"].pop("unschedulable", None)
    annotations[nodes.IN_SERVICE] = digest
    if heal:
        annotations[nodes.HEALED] = heal
    if returned:
        annotations[nodes.RETURNED] = returned
    return changed


def taint_value(reason: str) -> str:
    """A reason as a taint's value."""
    value = re.sub(r"[^A-Za-z0-9._]+", "-", reason).strip("._-")[:63].rstrip("._-")
    return value or "change"


def _annotations(node: Json) -> dict[str, str]:
    metadata = node.setdefault("metadata", {})
    if metadata.get("annotations") is None:
        metadata["annotations"] = {}
    annotations: dict[str, str] = metadata["annotations"]
    return annotations


def _remove_taint(node: Json) -> None:
    spec = node.setdefault("spec", {})
    left = [one for one in spec.get("taints") or () if one.get("key") != nodes.OUT_OF_SERVICE_TAINT]
    if left:
        spec["taints"] = left
    else:
        spec.pop("taints", None)
