"""Pods of a node, and those among them that no kubelet will ever end.

Owns reading and naming them, and deleting such a pod. Does not own which are to go (`dead_nodes.py`, `lost_node.py`,
`drain.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from components.local import kubectl
from components.local.kubectl import PATHS, items, with_query
from components.local.nodes import Json
from components.local.session import Session

Pod = TypeVar("Pod", bound=Json)


def bound_to(session: Session, node: str) -> list[kubectl.Json]:
    """All that were given to this node."""
    return items(session.kubectl.get(with_query(PATHS.pods, fieldSelector=f"spec.nodeName={node}")))


def end_at_once(session: Session, pods: Iterable[Pod]) -> list[Pod]:
    """Deletes these objects without waiting for a kubelet's word. Returns those that were still there."""

    def path(pod: Json) -> str:
        return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"

    return [pod for pod in pods if session.kubectl.delete(path(pod), pod["metadata"]["uid"], at_once=True)]


def name(pod: Json) -> str:
    """With its namespace, as people write it."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
