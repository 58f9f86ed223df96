"""What is wrong with a node's kube-proxy although each value is valid, and what its release does not take."""

from __future__ import annotations

from collections.abc import Mapping

from components.settings.checks_fields import check_kube_proxy_fields
from components.settings.defaults import EXISTING, KUBE_PROXY_HEALTHZ_PORT, KUBE_PROXY_METRICS_PORT
from components.settings.draft import NodeDraft
from components.versions import MINORS

# field: where its value comes from
_OUR_KUBE_PROXY_FIELDS: Mapping[str, str] = {
    "mode": "set kubeProxy.mode",
    "hostnameOverride": "it is the node's name",
    "clusterCIDR": "set cluster.podCidr",
}


def check_kube_proxy(node: NodeDraft) -> None:
    """Note every problem in it."""
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
        check_kube_proxy_fields(node, minor, extra)
        if proxy.mode not in minor.kube_proxy_modes:
            modes = f"{', '.join(minor.kube_proxy_modes)} or {EXISTING}"
            first = min(row.number for row in MINORS.values() if proxy.mode in row.kube_proxy_modes)
            node.refuse(
                f"expected {modes} with Kubernetes {minor.name}; {proxy.mode} is there from 1.{first} on",
                "kubeProxy",
                "mode",
            )
        elif proxy.mode in minor.aged_kube_proxy_modes:
            node.advise(minor.aged_kube_proxy_modes[proxy.mode], "kubeProxy", "mode")
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
        is_there = extra.get(field, expected) in (expected, f"0.0.0.0:{port}")
        if not is_there and not node.is_wrong(*where, field):
            node.refuse(f"expected {expected} or 0.0.0.0:{port}: the host asks there", *where, field)
    iptables = extra.get("iptables")
    if isinstance(iptables, dict) and iptables.get("masqueradeAll") is True:
        node.refuse(
            "expected false: Calico's policies would see node addresses only",
            *where,
            "iptables",
            "masqueradeAll",
        )
