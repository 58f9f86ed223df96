"""The names in the cluster that are a stack's own. Pure.

Owns the names that hold the stack's. Does not own those that are given, of Nodes, of Calico's objects and of the
proof's namespace: these carry the stack's claim.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

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


def own(claim: str) -> list[dict[str, str]]:
    """All that may have these names, whatever is configured now: apiVersion, kind, name, and a namespace or none."""
    account = {"apiVersion": "v1", "name": proxy_account(claim), "namespace": ACCOUNT_NAMESPACE}
    return [
        *(
            {"apiVersion": _RBAC, "kind": "ClusterRoleBinding", "name": binding(claim, one)}
            for one in _RIGHTS
        ),
        *({**account, "kind": kind} for kind in ("Secret", "ServiceAccount")),
    ]
