"""The names in the cluster that are a stack's own, and all that it may make there. Pure.

Owns the names of what has the stack's name in its own. Does not own Nodes, nor Calico's objects, whose names are given:
those carry the stack's claim.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

ACCOUNT_NAMESPACE: Final = "kube-system"
_RBAC: Final = "rbac.authorization.k8s.io/v1"
_RIGHTS: Final = ("join", "renew", "approve", "kubelet-api", "kube-proxy")


def stack_slug(claim: str) -> str:
    """A stack's name as a part of object and group names: readable, and unique by its last eight hex digits."""
    readable = re.sub(r"[^a-z0-9]+", "-", "-".join(claim.lower().split("/")[-2:])).strip("-")[:40]
    return f"{readable}-{hashlib.sha256(claim.encode()).hexdigest()[:8]}"


def bootstrap_group(claim: str) -> str:
    """Whom the stack's bootstrap tokens make somebody."""
    return f"system:bootstrappers:kubenode:{stack_slug(claim)}"


def binding(claim: str, right: str) -> str:
    """The ClusterRoleBinding that gives one of the stack's rights."""
    if right not in _RIGHTS:
        raise ValueError(f"{right} is none of {', '.join(_RIGHTS)}: what a killed run left of it would stay")
    return f"kubenode:{stack_slug(claim)}:{right}"


def proxy_account(claim: str) -> str:
    """kube-proxy's ServiceAccount and the Secret of its token, in `ACCOUNT_NAMESPACE`."""
    return f"kubenode-{stack_slug(claim)}-kube-proxy"


def possible(claim: str, namespace: str, others: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Everything but Nodes that the stack may make in the cluster, whatever it is configured to make now.

    `namespace`: the proof's. `others`: bodies of further objects. Each as apiVersion, kind, name, and namespace if it
    is in one.
    """
    account = proxy_account(claim)
    return [
        *(_reference(_RBAC, "ClusterRoleBinding", binding(claim, right)) for right in _RIGHTS),
        _reference("v1", "Secret", account, ACCOUNT_NAMESPACE),
        _reference("v1", "ServiceAccount", account, ACCOUNT_NAMESPACE),
        _reference("v1", "Namespace", namespace),
        *_references(list(others)),
    ]


def _references(bodies: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    """The last made first, for the first are what the others are made of."""
    for body in reversed(bodies):
        metadata = body["metadata"]
        yield _reference(body["apiVersion"], body["kind"], metadata["name"], metadata.get("namespace") or "")


def _reference(api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, str]:
    within = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "name": name, **within}
