"""The objects of Calico in the cluster: those of its manifest with the stack's settings laid over them. Pure.

Owns which objects there are, in which order they are made and what they are called in the state. Does not own what is
laid over them (`overlay.py`, `installation.py`), nor the resources (`components/cluster/calico.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.calico import installation, overlay
from components.settings import CalicoSettings

Body = dict[str, Any]

CLAIM = "kubenode/claim"
SKIP_AWAIT = "pulumi.com/skipAwait"

# Each stage is made after the one before it, and deleted before it.
STAGES = ("definitions", "ground", "workloads", "orders")
_DEFINITIONS, _GROUND, _WORKLOADS, _ORDERS = range(4)
_FIRST = ("Namespace", "CustomResourceDefinition")
# No pod of these can run before there is a node, and no node is Ready before they run.
_AWAITED = ("DaemonSet", "Deployment", "Job", "Service", "StatefulSet")
# What the operator carries out, and undoes while it runs.
_ORDER_GROUP = "operator.tigera.io/"


@dataclass(frozen=True)
class ClusterObject:
    """One object. `name` is the resource's in the state; `secret`: top-level fields that are secret."""

    name: str
    stage: int
    body: Body
    secret: tuple[str, ...] = ()


def cluster_objects(calico: CalicoSettings, claim: str) -> tuple[ClusterObject, ...]:
    """Everything that the stack installs, in the order of the stages; nothing if it installs nothing.

    `claim` stands on each object, so that two stacks that install the same conflict.
    """
    if not calico.is_installed:
        return ()
    given = [copy.deepcopy(dict(one)) for file in calico.manifests for one in file.objects]
    laid_over = installation.installed if calico.section.mode == "operator" else overlay.laid_over
    made = [_ours(body, claim) for body in laid_over(given, calico)]
    names = _names(made)
    found = [
        ClusterObject(name, _stage(body), body, ("data",) if body["kind"] == "Secret" else ())
        for name, body in zip(names, made, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: one.stage))


def _ours(body: Body, claim: str) -> Body:
    metadata = body["metadata"]
    notes = {CLAIM: claim}
    if body["kind"] in _AWAITED:
        notes[SKIP_AWAIT] = "true"
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **notes}
    # The API server's own, which some manifests carry.
    body.pop("status", None)
    metadata.pop("creationTimestamp", None)
    return body


def _stage(body: Body) -> int:
    if body["kind"] in _FIRST:
        return _DEFINITIONS
    if body["kind"] in _AWAITED:
        return _WORKLOADS
    return _ORDERS if body["apiVersion"].startswith(_ORDER_GROUP) else _GROUND


def _names(bodies: Sequence[Body]) -> list[str]:
    """Names by kind, namespace and name; by group too only where that is not enough, so that they stay short."""
    short = [_short(body) for body in bodies]
    return [
        name if short.count(name) == 1 else f"{name}-{body['apiVersion'].rpartition('/')[0]}"
        for name, body in zip(short, bodies, strict=True)
    ]


def _short(body: Body) -> str:
    metadata = body["metadata"]
    return "-".join(
        one for one in ("calico", body["kind"].lower(), metadata.get("namespace"), metadata["name"]) if one
    )
