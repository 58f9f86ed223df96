"""What is wrong with a node although each value is valid: contradictions, and what its release lacks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from components.settings.checks_docker import check_docker
from components.settings.checks_kube_proxy import check_kube_proxy
from components.settings.checks_kubelet import check_kubelet
from components.settings.draft import NodeDraft
from components.settings.host_sections import BastionSection, SshSection
from components.settings.problems import Problem, dotted
from components.settings.profiles import NAMES


def check_node(node: NodeDraft) -> None:
    """Note every problem of the node in it."""
    _check_ssh(node)
    _check_host(node)
    _check_labels(node)
    _check_taints(node)
    check_docker(node)
    check_kubelet(node)
    check_kube_proxy(node)


def check_profile(node: NodeDraft, profile: str | None) -> None:
    """A profile is the node of one minor: with another one its flags and fields are somebody else's."""
    if profile is None or node.minor is None or node.minor.number == NAMES[profile]:
        return
    reason = f"profile {profile} is for Kubernetes 1.{NAMES[profile]} alone: leave one of them out"
    node.refuse(reason, "kubernetes", "version")


def _check_ssh(node: NodeDraft) -> None:
    ssh = node.ssh
    if ssh is None:
        return
    _check_login(node, ssh, "ssh")
    _check_trust(
        node,
        ssh,
        "required: the host's public key, the text of /etc/ssh/ssh_host_ed25519_key.pub on it "
        "(or ssh.insecureIgnoreHostKey: true, to trust whoever answers)",
        "ssh",
    )
    bastion = ssh.bastion
    if bastion is None:
        return
    _check_login(node, bastion, "ssh", "bastion")
    _check_trust(
        node,
        bastion,
        "required: the bastion's public key, the text of /etc/ssh/ssh_host_ed25519_key.pub on it "
        "(or ssh.bastion.insecureIgnoreHostKey: true, to trust whoever answers)",
        "ssh",
        "bastion",
    )
    if node.own is not None and (node.own.address.lower(), ssh.port) == (
        bastion.address.lower(),
        bastion.port,
    ):
        node.refuse_node(
            "the host is the bastion itself: give this node ssh: {bastion: null}", "ssh", "bastion"
        )


def _check_login(node: NodeDraft, section: SshSection | BastionSection, *where: str) -> None:
    ways = {
        "privateKeyFile": section.private_key_file is not None,
        "privateKey": section.private_key is not None,
        "agent": section.agent,
        "password": section.password is not None,
    }
    given = [way for way, is_given in ways.items() if is_given]
    if len(given) != 1 and not any(node.is_wrong(*where, way) for way in ways):
        none = "none is given, for example privateKeyFile: secrets/id_ed25519"
        found = f"{' and '.join(given)} are given" if given else none
        message = f"expected exactly one of {', '.join(ways)}; {found}"
        # With none at all the place to mend it once for all nodes is the shared section, unless it is the node that
        # takes the way of all others away.
        is_own = isinstance(node.raw.get("ssh"), Mapping) and any(
            way in _below(node.raw, where) for way in ways
        )
        none_at = dotted(("nodes", node.name, *where)) if is_own else dotted(where)
        at = node.at(*where, given[-1]) if given else none_at
        node.problems.append(Problem(at, message))


def _below(value: object, where: tuple[str, ...]) -> Mapping[str, object]:
    for part in where:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _check_trust(node: NodeDraft, section: SshSection | BastionSection, required: str, *where: str) -> None:
    is_known = section.host_key is not None or section.insecure_ignore_host_key
    if not is_known and not any(node.is_wrong(*where, key) for key in ("hostKey", "insecureIgnoreHostKey")):
        # A bastion is shared, a node's own key is not.
        refuse = node.refuse if "bastion" in where else node.refuse_node
        refuse(required, *where, "hostKey")
    if section.host_key is not None and section.insecure_ignore_host_key:
        node.refuse("contradicts hostKey: leave one of them out", *where, "insecureIgnoreHostKey")


def _check_host(node: NodeDraft) -> None:
    host = node.host
    if host is None:
        return
    if host.package_mirror is not None and host.os_family == "redhat":
        node.refuse(
            "only hosts of the Debian family can be told a mirror: set it in the host's own /etc/yum.repos.d",
            "host",
            "packageMirror",
        )
    is_wrong = any(node.is_wrong("host", "proxy", key) for key in ("http", "https"))
    if host.proxy is not None and host.proxy.http is None and host.proxy.https is None and not is_wrong:
        node.refuse(
            "expected http, https or both, for example {https: http://proxy.example.org:3128}",
            "host",
            "proxy",
        )


# Set by the kubelet itself, which would put its own value back.
_KUBELET_LABELS = frozenset(
    f"{prefix}{name}"
    for prefix in ("kubernetes.io/", "beta.kubernetes.io/")
    for name in ("hostname", "arch", "os")
)
# The other names below kubernetes.io and k8s.io that stand for a fact about a node.
_NODE_LABEL_PREFIXES = ("node-role.kubernetes.io/", "node.kubernetes.io/", "kubelet.kubernetes.io/")
_NODE_LABELS = frozenset(
    {
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
    }
)


def _check_labels(node: NodeDraft) -> None:
    # Also where another key of the node is wrong, so that nothing is left for the next report.
    labels, annotations = (_keys(node.raw.get(key)) for key in ("labels", "annotations"))
    for label in labels:
        reason = _label_refusal(label)
        if reason is not None:
            node.refuse_node(reason, "labels", label)
    for annotation in annotations:
        if annotation.startswith("kubenode/"):
            node.refuse_node(
                "the prefix kubenode/ belongs to this stack's own annotations", "annotations", annotation
            )


def _keys(value: object) -> list[str]:
    return [key for key in value if isinstance(key, str)] if isinstance(value, Mapping) else []


def _label_refusal(label: str) -> str | None:
    domain = label.rpartition("/")[0]
    if domain == "kubenode":
        return "the prefix kubenode/ belongs to this stack's own labels"
    if label in _KUBELET_LABELS:
        return "the kubelet sets this label itself"
    if domain == "node-restriction.kubernetes.io":
        return "labels of node-restriction.kubernetes.io are for administrators: set it with kubectl label"
    is_reserved = re.fullmatch(r"(.*\.)?(kubernetes|k8s)\.io", domain) is not None
    if is_reserved and not label.startswith(_NODE_LABEL_PREFIXES) and label not in _NODE_LABELS:
        return (
            "kubernetes.io and k8s.io are reserved: take a domain of your own, for example example.org/rack"
        )
    return None


def _check_taints(node: NodeDraft) -> None:
    seen: set[tuple[str, str]] = set()
    for number, taint in node.taints:
        domain = taint.key.rpartition("/")[0]
        if domain == "kubenode":
            node.refuse_node(
                "the prefix kubenode/ belongs to this stack's own taints", "taints", number, "key"
            )
        elif domain == "node.kubernetes.io":
            node.refuse_node(
                "the control plane sets and removes these taints itself", "taints", number, "key"
            )
        if (taint.key, taint.effect) in seen:
            node.refuse_node("is there twice with this key and effect", "taints", number)
        seen.add((taint.key, taint.effect))
