"""What the API says before anything is done: one tolerant read for each run.

Owns the form of what was read. Does not own the reading (`components/local/api_read.py`), what it forbids
(`objections.py`), nor what of it reaches a node's commands (`marks.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.cluster import calico_facts
from components.cluster.marks import Marks
from components.remote.command import Kubeconfig, run_on_operator


@dataclass(frozen=True)
class Silence:
    """A node that is not heard of: since when, why, and the `heal` for this run; empty if no host is there."""

    since: str
    reason: str
    heal: str


@dataclass(frozen=True)
class NodeFacts:
    """One Node object. `claim` and `in_service` are our annotations on it, None where they are missing."""

    claim: str | None
    in_service: str | None
    ready: bool
    joined: bool
    healed: str | None = None
    """The last `heal` that it was put into service after."""
    silence: Silence | None = None
    out_of_service: bool = False
    """Whether our own taint is on it."""
    returned: int = 0
    """How often it was put back into service after a run that ended in between."""
    kubelet: str | None = None
    runtime: str | None = None
    """What runs there, as its kubelet last reported, such as 1.37.2 and docker://27.5.1."""
    removal: str = ""
    """When a removal of it began that did not end, RFC 3339."""


@dataclass(frozen=True)
class ForeignNamespace:
    """A namespace of somebody else; `claim` names the stack whose it is, None if it is no stack's."""

    name: str
    claim: str | None


@dataclass(frozen=True)
class Facts:
    """The cluster as one read found it; empty when the API could not be reached."""

    reachable: bool
    error: str | None = None
    server_version: str | None = None
    nodes: Mapping[str, NodeFacts] = field(default_factory=dict)
    proxy_daemon_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Namespace and name of each DaemonSet that runs a kube-proxy, and on which nodes of the stack it may."""
    same_machine: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each node that is there twice, the other Nodes with its machine-id."""
    preflight: Mapping[str, bool | None] | None = None
    """What the control plane has for nodes to join; None where nothing was asked, because all have joined."""
    client_authorities: str | None = None
    """The CA certificates, PEM, that the API server trusts for clients; None where it does not say."""
    foreign_namespace: ForeignNamespace | None = None
    """The proof's namespace, if it is there and this stack did not make it."""
    marks_before: Mapping[str, Marks] = field(default_factory=dict)
    """What each node was told of itself as the stack itself knows it; only where the API could not be reached."""
    calico: calico_facts.CalicoFacts | None = None
    """The cluster's Calico; None where it was not asked for."""


def read(
    kubeconfig: Kubeconfig,
    claim: str,
    labels: Mapping[str, Mapping[str, str]],
    namespace: str | None = None,
    *,
    calico: bool = False,
) -> Facts:
    """Ask the API once. Never raises for a cluster that does not answer.

    `labels`: of each node of the stack. `namespace`: that of the proof, if there is to be one. `calico`: look at it
    too.
    """
    arguments = {"nodes": sorted(labels), "labels": labels, "stack": claim, "timeoutSeconds": 10}
    if calico:
        arguments["calico"] = True
    if namespace is not None:
        arguments["namespace"] = namespace
    raw = json.loads(run_on_operator("api-read", kubeconfig, arguments))
    return Facts(
        reachable=raw["reachable"],
        error=raw.get("error"),
        server_version=raw.get("serverVersion"),
        nodes={
            name: NodeFacts(
                found.get("claim"),
                found.get("inService"),
                found["ready"],
                found["joined"],
                found.get("healed"),
                Silence(**found["silent"]) if found.get("silent") else None,
                found.get("outOfService", False),
                found.get("returned", 0),
                found.get("kubeletVersion"),
                found.get("runtimeVersion"),
                found.get("removal", ""),
            )
            for name, found in raw.get("nodes", {}).items()
            if found.get("exists")
        },
        proxy_daemon_sets={name: tuple(on) for name, on in sorted(raw.get("daemonSetProxies", {}).items())},
        same_machine={name: tuple(others) for name, others in raw.get("sameMachine", {}).items()},
        client_authorities=raw.get("clientAuthorities"),
        preflight=raw.get("preflight"),
        foreign_namespace=ForeignNamespace(**foreign) if (foreign := raw.get("foreignNamespace")) else None,
        calico=calico_facts.parsed(raw.get("calico")),
    )


def certificate_ends(kubeconfig: Kubeconfig, nodes: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """When the certificates of these kubelets end, `client` and `serving`; without those that do not answer."""
    found: dict[str, dict[str, str | None]] = json.loads(
        run_on_operator("certificate-ends", kubeconfig, {"nodes": sorted(nodes)})
    )
    return found


def marks(facts: Facts, wanted: Mapping[str, str]) -> dict[str, Marks]:
    """What each node's commands are told of it. `wanted`: the digest of each node's disruptive inputs."""
    found = {
        name: Marks(
            healed=(node.silence.heal if node.silence else "") or node.healed or "",
            returned=str(node.returned + int(is_left_behind(node, wanted.get(name, ""))) or ""),
            removal=node.removal,
        )
        for name, node in facts.nodes.items()
    }
    return {**facts.marks_before, **found}


def is_left_behind(node: NodeFacts, wanted: str) -> bool:
    """Whether a run took the node out of service and ended, and nothing that is wanted would bring it back.

    One that was put into service with another digest is on its way, and its commands run anyway.
    """
    return node.out_of_service and node.in_service == wanted
