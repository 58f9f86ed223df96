"""What the API says before anything is done, and what that forbids.

One tolerant read for each run. Owns the refusals that need the cluster. Does not own the reading
(`components/local/api_read.py`). Only what is abnormal reaches a resource, so an ordinary run shows no change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from components.remote.command import Kubeconfig, run_on_operator
from components.settings import NodeSettings


@dataclass(frozen=True)
class NodeFacts:
    """One Node object. `claim` and `in_service` are our annotations on it, None where they are missing."""

    claim: str | None
    in_service: str | None
    ready: bool
    joined: bool


@dataclass(frozen=True)
class Facts:
    """The cluster as one read found it; empty when the API could not be reached."""

    reachable: bool
    error: str | None = None
    server_version: str | None = None
    nodes: Mapping[str, NodeFacts] = field(default_factory=dict)
    proxy_daemon_sets: tuple[str, ...] = ()
    same_machine: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read(kubeconfig: Kubeconfig, claim: str, nodes: list[str]) -> Facts:
    """Ask the API once. Never raises for a cluster that does not answer."""
    raw = json.loads(
        run_on_operator("api-read", kubeconfig, {"nodes": nodes, "stack": claim, "timeoutSeconds": 10})
    )
    return Facts(
        reachable=raw["reachable"],
        error=raw.get("error"),
        server_version=raw.get("serverVersion"),
        nodes={
            name: NodeFacts(found.get("claim"), found.get("inService"), found["ready"], found["joined"])
            for name, found in raw.get("nodes", {}).items()
            if found.get("exists")
        },
        proxy_daemon_sets=tuple(raw.get("daemonSetProxies", ())),
        same_machine={name: tuple(others) for name, others in raw.get("sameMachine", {}).items()},
    )


def warnings(facts: Facts) -> list[str]:
    """What is wrong and does not forbid the run: to remove one of two clones is a way to mend it."""
    return [
        f"nodes.{name}: its host has the same /etc/machine-id as {', '.join(others)}, so one was cloned from the "
        f"other. Give one an id of its own: rm -f /etc/machine-id; systemd-machine-id-setup; systemctl restart kubelet."
        for name, others in sorted(facts.same_machine.items())
    ]


def refusals(facts: Facts, claim: str, nodes: Mapping[str, NodeSettings]) -> list[str]:
    """Every reason not to go on, one line each. Empty when the API could not be reached: then a preview still works."""
    problems = []
    for name in sorted(nodes):
        found = facts.nodes.get(name)
        if found is None or found.claim == claim:
            continue
        if found.claim is None:
            problems.append(
                f"nodes.{name}: the cluster has a Node of this name that no kubenode stack made. "
                f"Choose another name, or drain it and 'kubectl delete node {name}' first."
            )
        else:
            problems.append(
                f"nodes.{name}: the Node belongs to the stack {found.claim}. "
                f"Choose another name, or remove it from that stack first."
            )
    if facts.server_version is not None:
        problems += _skew(facts.server_version, nodes)
    if facts.proxy_daemon_sets:
        problems.append(
            f"kubeProxy: the cluster already runs {', '.join(facts.proxy_daemon_sets)}, which would start a second "
            f"kube-proxy on these nodes. Give it a nodeSelector that leaves them out."
        )
    return problems


def _skew(server_version: str, nodes: Mapping[str, NodeSettings]) -> list[str]:
    """Kubernetes' version skew policy: no kubelet newer than the API server, none more than three minors older."""
    server = _minor(server_version)
    problems = []
    for name, node in sorted(nodes.items()):
        kubelet = _minor(node.kubernetes_version)
        oldest = server - (3 if kubelet >= 25 else 2)
        if kubelet > server:
            problems.append(
                f"nodes.{name}.kubernetes.version: {node.kubernetes_version} is newer than the API server "
                f"({server_version}). Upgrade the API server first, or choose 1.{server}."
            )
        elif kubelet < oldest:
            problems.append(
                f"nodes.{name}.kubernetes.version: {node.kubernetes_version} is too old for the API server "
                f"({server_version}). Choose 1.{oldest} to 1.{server}."
            )
    return problems


def _minor(version: str) -> int:
    return int(version.removeprefix("v").split(".")[1])
