"""What is wrong with a node although each value is valid: contradictions, and what its release lacks."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from components.settings.checks_docker import check_docker
from components.settings.defaults import (
    CRI_SOCKET,
    EXISTING,
    KUBE_PROXY_HEALTHZ_PORT,
    KUBE_PROXY_METRICS_PORT,
    KUBELET,
    KUBELET_HEALTHZ_PORT,
)
from components.settings.draft import NodeDraft
from components.settings.merge import patched
from components.settings.problems import Problem, dotted
from components.settings.sections import BastionSection, IdentitySection, SshSection
from components.settings.types import is_ip
from components.versions import Minor
from components.versions.fields import KUBE_PROXY_ADDED, KUBELET_ADDED


def check_node(node: NodeDraft) -> None:
    """Note every problem of the node in it."""
    _check_ssh(node)
    _check_host(node)
    _check_labels(node)
    _check_taints(node)
    check_docker(node)
    _check_kubelet_flags(node)
    _check_kubelet_config(node)
    _check_kube_proxy(node)


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
        # With none at all the place to mend it once for all nodes is the shared section.
        at = node.at(*where, given[-1]) if given else dotted(where)
        node.problems.append(Problem(at, message))


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
    for number, taint in enumerate(node.own.taints if node.own else ()):
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


# flag: where its value comes from
_OUR_FLAGS: Mapping[str, str] = {
    "config": "the path is fixed",
    "kubeconfig": "the path is fixed",
    "bootstrap-kubeconfig": "the path is fixed",
    "cert-dir": "the path is fixed",
    "hostname-override": "it is the node's name",
    "node-ip": "set nodeIp of the node",
    "node-labels": "set labels of the node",
    "register-with-taints": "set taints of the node",
    "container-runtime-endpoint": "it is cri-dockerd's socket",
    "cgroup-driver": "set docker.cgroupDriver",
    "address": "set nodeIp of the node",
    "config-dir": "set kubelet.extraConfig, which a preview shows",
}


def _check_kubelet_flags(node: NodeDraft) -> None:
    if node.kubelet is None:
        return
    gone = node.minor.gone_kubelet_flags if node.minor else {}
    for flag in node.kubelet.extra_flags:
        if flag in gone and node.minor:
            reason = f"the kubelet of Kubernetes {node.minor.name} has no flag --{flag}: {gone[flag]}"
        elif flag in _OUR_FLAGS:
            reason = f"--{flag} is this project's own: {_OUR_FLAGS[flag]}"
        else:
            continue
        node.refuse(reason, "kubelet", "extraFlags", flag)


def _check_kubelet_config(node: NodeDraft) -> None:
    if node.kubelet is None:
        return
    extra = node.kubelet.extra_config
    where = ("kubelet", "extraConfig")
    if node.minor is not None:
        known, reader = node.minor.kubelet_fields, f"kubelet of {node.minor.name}"
        _check_fields(node, where, known=known, added=KUBELET_ADDED, reader=reader)
        _check_gates(node, extra, node.minor)
    if extra.get("registerWithTaints"):
        message = "set taints of the node: its Node exists before its kubelet, which then adds none"
        node.refuse(message, *where, "registerWithTaints")
    _check_kubelet_addresses(node, extra)
    _check_eviction(node, patched(KUBELET, extra))
    # Without the field the kubelet takes cgroupfs.
    driver = extra.get("cgroupDriver", node.docker.cgroup_driver if node.docker else None) or "cgroupfs"
    if node.docker is not None and driver != node.docker.cgroup_driver:
        node.refuse(
            f"contradicts docker.cgroupDriver, which is {node.docker.cgroup_driver}: set the driver there",
            *where,
            "cgroupDriver",
        )
    runtime = extra.get("containerRuntimeEndpoint", CRI_SOCKET)
    if runtime != CRI_SOCKET:
        node.refuse(f"expected {CRI_SOCKET}: the runtime is cri-dockerd", *where, "containerRuntimeEndpoint")


def check_identity(node: NodeDraft, identity: IdentitySection | None) -> None:
    """Fields of the KubeletConfiguration that say otherwise than the section identity, which stands once."""
    if node.kubelet is None or identity is None:
        return
    ours: dict[str, str] = {}
    if identity.client == "issued":
        ours["rotateCertificates"] = "client"
    if identity.serving == "issued":
        ours |= dict.fromkeys(("serverTLSBootstrap", "tlsCertFile", "tlsPrivateKeyFile"), "serving")
    for field, key in ours.items():
        if field in node.kubelet.extra_config:
            node.refuse(
                f"contradicts identity.{key}, which is issued: leave it out", "kubelet", "extraConfig", field
            )


def _check_fields(
    node: NodeDraft,
    where: tuple[str, ...],
    *,
    known: frozenset[str],
    added: Mapping[int, Iterable[str]],
    reader: str,
) -> None:
    since = {name: number for number, names in added.items() for name in names}
    section = node.kubelet if where[0] == "kubelet" else node.kube_proxy
    for field, value in section.extra_config.items() if section else ():
        if field in ("apiVersion", "kind"):
            node.refuse("this project's own, leave it out", *where, field)
        elif field not in known and value is not None:
            hint = f"; it came with 1.{since[field]}" if field in since else ""
            same = [name for name in sorted(known) if name.lower() == field.lower()]
            near = same or ([] if hint else difflib.get_close_matches(field, sorted(known), 1, 0.85))
            hint = f"; did you mean {near[0]}?" if near else hint
            node.refuse(f"the {reader} has no field of this name{hint}", *where, field)


def _check_gates(node: NodeDraft, extra: Mapping[str, Any], minor: Minor) -> None:
    gates = extra.get("featureGates")
    for gate in sorted(minor.gone_feature_gates.intersection(gates if isinstance(gates, dict) else ())):
        reason = f"the kubelet of {minor.name} does not start with this gate, which is gone: leave it out"
        node.refuse(reason, "kubelet", "extraConfig", "featureGates", gate)


def _check_kubelet_addresses(node: NodeDraft, extra: Mapping[str, Any]) -> None:
    where = ("kubelet", "extraConfig")
    address = extra.get("address")
    if address is not None and (not isinstance(address, str) or not is_ip(address)):
        node.refuse("expected an IP address, for example 10.0.0.7", *where, "address")
    elif address is not None and ipaddress.ip_address(address).is_loopback:
        node.refuse(
            "the API server cannot reach a loopback address: leave it out, it is nodeIp", *where, "address"
        )
    if extra.get("healthzBindAddress", "127.0.0.1") not in ("127.0.0.1", "0.0.0.0"):  # noqa: S104
        node.refuse(
            "expected 127.0.0.1 or 0.0.0.0: the host asks 127.0.0.1 whether the kubelet is healthy",
            *where,
            "healthzBindAddress",
        )
    if extra.get("healthzPort", KUBELET_HEALTHZ_PORT) != KUBELET_HEALTHZ_PORT:
        node.refuse(
            f"expected {KUBELET_HEALTHZ_PORT}: the host asks there whether the kubelet is healthy",
            *where,
            "healthzPort",
        )


def _check_eviction(node: NodeDraft, config: Mapping[str, Any]) -> None:
    where = ("kubelet", "extraConfig")
    soft, grace = config.get("evictionSoft"), config.get("evictionSoftGracePeriod")
    for signal in soft if isinstance(soft, dict) else ():
        if not isinstance(grace, dict) or signal not in grace:
            node.refuse(
                "the kubelet needs a grace period for it, for example evictionSoftGracePeriod: "
                f"{{{signal}: 1m30s}}",
                *where,
                "evictionSoft",
                signal,
            )
    low, high = config.get("imageGCLowThresholdPercent"), config.get("imageGCHighThresholdPercent")
    if isinstance(low, int) and isinstance(high, int) and low >= high:
        message = f"expected less than imageGCHighThresholdPercent, which is {high}"
        node.refuse(message, *where, "imageGCLowThresholdPercent")


# field: where its value comes from
_OUR_KUBE_PROXY_FIELDS: Mapping[str, str] = {
    "mode": "set kubeProxy.mode",
    "hostnameOverride": "it is the node's name",
    "clusterCIDR": "set cluster.podCidr",
}


def _check_kube_proxy(node: NodeDraft) -> None:
    proxy, minor = node.kube_proxy, node.minor
    if proxy is None:
        return
    where = ("kubeProxy", "extraConfig")
    extra = proxy.extra_config
    if proxy.mode == EXISTING:
        if extra:
            message = f"contradicts kubeProxy.mode, which is {EXISTING}: no kube-proxy of ours would read it"
            node.refuse(message, *where)
        return
    if minor is not None:
        known, reader = minor.kube_proxy_fields, f"kube-proxy of {minor.name}"
        _check_fields(node, where, known=known, added=KUBE_PROXY_ADDED, reader=reader)
        if proxy.mode not in minor.kube_proxy_modes:
            modes = f"{', '.join(minor.kube_proxy_modes)} or {EXISTING}"
            node.refuse(f"expected {modes} with Kubernetes {minor.name}", "kubeProxy", "mode")
    for field, reason in _OUR_KUBE_PROXY_FIELDS.items():
        if field in extra:
            node.refuse(f"this project's own: {reason}", *where, field)
    connection = extra.get("clientConnection")
    if isinstance(connection, dict) and "kubeconfig" in connection:
        node.refuse(
            "this project's own: set identity.kubeProxy. No other kubeconfig of a host is kube-proxy's, least of all "
            "an administrator's",
            *where,
            "clientConnection",
            "kubeconfig",
        )
    ports = {"healthzBindAddress": KUBE_PROXY_HEALTHZ_PORT, "metricsBindAddress": KUBE_PROXY_METRICS_PORT}
    for field, port in ports.items():
        expected = f"127.0.0.1:{port}"
        if extra.get(field, expected) not in (expected, f"0.0.0.0:{port}"):
            node.refuse(f"expected {expected} or 0.0.0.0:{port}: the host asks there", *where, field)
    iptables = extra.get("iptables")
    if isinstance(iptables, dict) and iptables.get("masqueradeAll") is True:
        node.refuse(
            "expected false: Calico's policies would see node addresses only",
            *where,
            "iptables",
            "masqueradeAll",
        )
