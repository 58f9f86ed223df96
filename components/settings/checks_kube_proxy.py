"""What is wrong with a node's kube-proxy although each value is valid, and what its release does not take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.settings.checks_fields import check_kube_proxy_fields
from components.settings.checks_flags import check_flag
from components.settings.checks_values import seconds
from components.settings.defaults import EXISTING, KUBE_PROXY_HEALTHZ_PORT, KUBE_PROXY_METRICS_PORT
from components.settings.draft import NodeDraft
from components.settings.sections import KubeProxySection
from components.versions import MINORS, Minor
from components.versions.proxy_flags import KUBE_PROXY as KUBE_PROXY_FLAGS

# field: where its value comes from
_OUR_KUBE_PROXY_FIELDS: Mapping[str, str] = {
    "mode": "set kubeProxy.mode",
    "hostnameOverride": "it is the node's name",
    "clusterCIDR": "set cluster.podCidr",
}


_OUR_FLAGS: Mapping[str, str] = {
    "config": "set kubeProxy.configuredBy",
    "kubeconfig": "set identity.kubeProxy",
    "master": "it is the server of the kubeconfig",
    "cluster-cidr": "set cluster.podCidr",
    "hostname-override": "it is the node's name",
    "proxy-mode": "set kubeProxy.mode",
    "healthz-bind-address": "the host asks at its usual place",
    "healthz-port": "the host asks at its usual place",
    "metrics-bind-address": "the host asks at its usual place",
    "metrics-port": "the host asks at its usual place",
    "masquerade-all": "Calico's policies would see node addresses only",
    "cleanup": "kube-proxy would end at once",
    "cleanup-iptables": "kube-proxy would end at once",
    "init-only": "kube-proxy would end at once",
    "write-config-to": "kube-proxy would end at once",
}
# Those that kube-proxy reads beside a file.
_LOGGING = frozenset(
    {"v", "vmodule"}
    | {name for name in KUBE_PROXY_FLAGS if name.startswith(("log", "alsologtostderr", "stderr"))}
)


def _check_flags(node: NodeDraft, proxy: KubeProxySection, minor: Minor | None) -> None:
    for flag in proxy.extra_flags:
        where = ("kubeProxy", "extraFlags", flag)
        if flag in _OUR_FLAGS:
            node.refuse(f"--{flag} is this project's own: {_OUR_FLAGS[flag]}", *where)
            continue
        if minor is not None:
            check_flag(node, "kube-proxy", flag, KUBE_PROXY_FLAGS, minor)
        if proxy.configured_by == "file" and flag not in _LOGGING and not node.is_wrong(*where):
            reason = (
                "with a file kube-proxy reads flags of logging alone: set its field in kubeProxy.extraConfig"
            )
            node.refuse(reason, *where)
    if proxy.configured_by == "flags" and proxy.extra_config:
        reason = (
            "contradicts kubeProxy.configuredBy, which is flags: no file is read. Set kubeProxy.extraFlags"
        )
        node.refuse(reason, "kubeProxy", "extraConfig")


def check_kube_proxy(node: NodeDraft) -> None:
    """Note every problem in it."""
    proxy, minor = node.kube_proxy, node.minor
    if proxy is None:
        return
    extra = proxy.extra_config
    if proxy.mode == EXISTING:
        message = f"contradicts kubeProxy.mode, which is {EXISTING}: no kube-proxy of ours would read it"
        for key, value in (("extraConfig", extra), ("extraFlags", proxy.extra_flags)):
            if value:
                node.refuse(message, "kubeProxy", key)
        return
    _check_flags(node, proxy, minor)
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
    _check_extra(node, extra)


def _check_extra(node: NodeDraft, extra: Mapping[str, Any]) -> None:
    where = ("kubeProxy", "extraConfig")
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
    for mode in ("iptables", "nftables", "ipvs"):
        _check_periods(node, mode, extra.get(mode))
    iptables = extra.get("iptables")
    if isinstance(iptables, dict) and iptables.get("masqueradeAll") is True:
        node.refuse(
            "expected false: Calico's policies would see node addresses only",
            *where,
            "iptables",
            "masqueradeAll",
        )


# Where none, or 0s, is given.
_SYNC_PERIOD = "30s"


def _check_periods(node: NodeDraft, mode: str, fields: object) -> None:
    """The smallest time between two syncs is no longer than the largest."""
    where = ("kubeProxy", "extraConfig", mode)
    is_wrong = any(node.is_wrong(*where, name) for name in ("minSyncPeriod", "syncPeriod"))
    if not isinstance(fields, dict) or is_wrong:
        return
    least, most = fields.get("minSyncPeriod"), fields.get("syncPeriod")
    whole = most if isinstance(most, str) and seconds(most) else _SYNC_PERIOD
    if isinstance(least, str) and seconds(least) > seconds(whole):
        node.refuse(f"expected no more than syncPeriod, which is {whole}", *where, "minSyncPeriod")
