"""What the cluster, as the API tells of it, forbids, and what a user should know of it.

Pure: facts and settings in, lines out. Empty facts, of an API that could not be reached, forbid nothing: a preview
still works then. Owns the whole list. Does not own the objections of one subject (`downgrades.py`, `preflight.py`,
`calico_facts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.cluster import calico_facts, downgrades, preflight
from components.cluster.facts import Facts, ForeignNamespace, Silence, is_left_behind
from components.disruption import disruption_digest
from components.local import ways_out
from components.settings import AuthoritySettings, CalicoSettings, NodeSettings
from components.settings.authority import is_among
from components.settings.defaults import EXISTING


def refusals(
    facts: Facts,
    claim: str,
    nodes: Mapping[str, NodeSettings],
    authority: AuthoritySettings | None = None,
) -> list[str]:
    """Every reason not to go on, one line each. Empty when the API could not be reached: then a preview still works."""
    problems = []
    for name in sorted(nodes):
        found = facts.nodes.get(name)
        if found is None:
            continue
        if found.claim == claim:
            problems += downgrades.refusals(name, nodes[name], found.kubelet, found.runtime)
        elif found.claim is None:
            problems.append(
                f"nodes.{name}: the cluster has a Node of this name that no kubenode stack made. "
                f"Choose another name, or drain it and 'kubectl delete node {name}' first."
            )
        else:
            problems.append(
                f"nodes.{name}: the Node belongs to the stack {found.claim}. "
                f"Choose another name, or remove it from that stack first."
            )
    if facts.foreign_namespace is not None:
        problems.append(_not_ours(facts.foreign_namespace))
    if facts.server_version is not None:
        problems += _skew(facts.server_version, nodes)
    for daemon_set, on in facts.proxy_daemon_sets.items():
        ours = [name for name in on if nodes[name].runs_kube_proxy]
        if ours:
            problems.append(
                f"kubeProxy.mode: the cluster already runs {daemon_set}, which would start a second kube-proxy on "
                f"{', '.join(ours)}. Set kubeProxy.mode to {EXISTING}, or give it a nodeSelector that leaves them out."
            )
    trusted = facts.client_authorities
    if (
        authority is not None
        and trusted is not None
        and is_among(authority.certificate_pem, trusted) is False
    ):
        problems.append(
            "identity.ca: the API server does not trust this certificate authority for clients (its --client-ca-file "
            "has another), so whatever it signs would be refused. Give the one that the API server trusts: "
            "kubectl get configmap --namespace kube-system extension-apiserver-authentication --output yaml"
        )
    return problems


def calico_refusals(
    facts: Facts, claim: str, calico: CalicoSettings, nodes: Mapping[str, NodeSettings]
) -> list[str]:
    """What the cluster's Calico forbids. Empty when the API could not be reached."""
    if facts.calico is None:
        return []
    cluster = next(iter(nodes.values())).cluster
    return calico_facts.refusals(facts.calico, claim, calico, cluster, _server_minor(facts))


def calico_warnings(facts: Facts, calico: CalicoSettings) -> list[str]:
    """What a user should know of the cluster's Calico."""
    return calico_facts.warnings(facts.calico, calico, _server_minor(facts)) if facts.calico else []


def _server_minor(facts: Facts) -> int | None:
    return _minor(facts.server_version) if facts.server_version else None


def _not_ours(namespace: ForeignNamespace) -> str:
    owner = f"the stack {namespace.claim} made" if namespace.claim else "this stack did not make"
    return (
        f"verification.namespace: the cluster has the namespace {namespace.name}, which {owner}. The proof's namespace "
        f"is deleted with all that is in it. Choose a name that is free, or none: then it is made of the stack's name."
    )


def warnings(
    facts: Facts, nodes: Mapping[str, NodeSettings], authority: AuthoritySettings | None = None
) -> list[str]:
    """What a user should look at before going on, one line each."""
    return [
        *_preflight(facts, nodes, authority),
        *_unsure_authority(facts, nodes, authority),
        *_warnings(facts, nodes),
    ]


def untold(
    facts: Facts, nodes: Mapping[str, NodeSettings], authority: AuthoritySettings | None = None
) -> list[str]:
    """What nobody can tell of the cluster; to be known, and no reason to worry."""
    if facts.preflight is None:
        return []
    return preflight.untold(facts.preflight, _needs(nodes, authority))


def _needs(nodes: Mapping[str, NodeSettings], authority: AuthoritySettings | None) -> list[preflight.Need]:
    return preflight.needs(nodes.values(), by_the_cluster=authority is None)


def _preflight(
    facts: Facts, nodes: Mapping[str, NodeSettings], authority: AuthoritySettings | None
) -> list[str]:
    if facts.preflight is None:
        return []
    found = preflight.missing(facts.preflight, _needs(nodes, authority))
    for pem in sorted({node.cluster.ca_pem for node in nodes.values()}):
        found += preflight.authority_mismatch(pem, facts.client_authorities)
    return found


def _unsure_authority(
    facts: Facts, nodes: Mapping[str, NodeSettings], authority: AuthoritySettings | None
) -> list[str]:
    """Where the API server does not say which authority it trusts, that of the kubeconfig is most often the same."""
    known = {node.cluster.ca_pem for node in nodes.values()}
    if authority is None or facts.client_authorities is not None:
        return []
    if any(is_among(authority.certificate_pem, pem) for pem in known):
        return []
    return [
        "identity.ca is not the certificate authority of the kubeconfig, and the API server could not be asked which "
        "one it trusts for clients (its --client-ca-file). If it is another one, no node can join."
    ]


def _warnings(facts: Facts, nodes: Mapping[str, NodeSettings]) -> list[str]:
    if not facts.reachable:
        return [
            f"the API server could not be asked, so nothing was checked against the cluster: {facts.error}"
        ]
    # To remove one of two clones is a way to mend it, so that this forbids no run.
    found = [
        f"nodes.{name}: its host has the same /etc/machine-id as {', '.join(others)}, so one was cloned from the "
        f"other. Give one an id of its own: rm -f /etc/machine-id; systemd-machine-id-setup; systemctl restart kubelet."
        for name, others in sorted(facts.same_machine.items())
    ]
    found += [
        _told(name, node.claim, node.silence) for name, node in sorted(facts.nodes.items()) if node.silence
    ]
    found += [
        f"nodes.{name}: out of service, left so by a run that ended in between. pulumi up puts it back."
        for name, node in sorted(facts.nodes.items())
        if name in nodes and is_left_behind(node, disruption_digest(nodes[name]))
    ]
    served = {name for on in facts.proxy_daemon_sets.values() for name in on}
    bare = [name for name in sorted(nodes) if not nodes[name].runs_kube_proxy and name not in served]
    if bare:
        found.append(
            f"kubeProxy.mode is {EXISTING}, but no DaemonSet of the cluster looks like a kube-proxy for "
            f"{', '.join(bare)}. Without one, or something in its place such as Cilium, Services do not work there."
        )
    return found


def _told(name: str, claim: str | None, silence: Silence) -> str:
    said = f"nodes.{name}: not heard of since {silence.since} ({silence.reason})"
    if silence.heal:
        return (
            f"{said}, but its host is there. pulumi up heals it: a new bootstrap token, its kubelet restarted, "
            "its client certificate asked for anew if the API server does not take the old one. Nothing is drained. "
            "If that host was reinstalled, or is another machine, nothing can be healed: "
            f"{ways_out.forget(name, claim)} FORCE=yes, then pulumi up."
        )
    return (
        f"{said}, and its host does not answer, so nothing is done about it. Bring the host back; if it is gone for "
        f"good, remove it from the configuration and run: {ways_out.forget(name, claim)}"
    )


def _skew(server_version: str, nodes: Mapping[str, NodeSettings]) -> list[str]:
    """Kubernetes' version skew policy: no kubelet newer than the API server, none too many minors older."""
    server = _minor(server_version)
    problems = []
    for name, node in sorted(nodes.items()):
        kubelet = _minor(node.kubernetes_version)
        oldest = server - node.minor.oldest_kubelet_skew
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
