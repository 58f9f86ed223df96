"""What is wrong with a node's kubelet although each value is valid, and what its release does not take."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from components.settings.checks_fields import check_kubelet_fields
from components.settings.checks_flags import check_flag
from components.settings.checks_values import seconds
from components.settings.defaults import CRI_SOCKET, KUBELET, KUBELET_HEALTHZ_PORT
from components.settings.draft import NodeDraft
from components.settings.forms import is_ip
from components.settings.identity_sections import IdentitySection
from components.settings.merge import patched
from components.versions.flags import KUBELET as KUBELET_FLAGS


def check_kubelet(node: NodeDraft) -> None:
    """Note every problem in it."""
    _check_flags(node)
    _check_config(node)


_SERVER_TLS = ("kubelet", "extraConfig", "serverTLSBootstrap")


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
    is_off = node.kubelet.extra_config.get("serverTLSBootstrap", True) in (False, None)
    if identity.serving == "bootstrap" and is_off:
        node.refuse(
            "contradicts identity.serving, which is bootstrap: without it the kubelet asks for no serving "
            "certificate; leave it out, or set identity.serving to issued",
            *_SERVER_TLS,
        )


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


def _check_flags(node: NodeDraft) -> None:
    if node.kubelet is None:
        return
    for flag in node.kubelet.extra_flags:
        if flag in _OUR_FLAGS:
            reason = f"--{flag} is this project's own: {_OUR_FLAGS[flag]}"
            node.refuse(reason, "kubelet", "extraFlags", flag)
        elif node.minor is not None:
            check_flag(node, "kubelet", flag, KUBELET_FLAGS, node.minor)


def _check_config(node: NodeDraft) -> None:
    if node.kubelet is None:
        return
    extra = node.kubelet.extra_config
    where = ("kubelet", "extraConfig")
    if node.minor is not None:
        check_kubelet_fields(node, node.minor, extra)
    if extra.get("registerWithTaints"):
        message = "set taints of the node: its Node exists before its kubelet, which then adds none"
        node.refuse(message, *where, "registerWithTaints")
    _check_addresses(node, extra)
    _check_eviction(node, patched(KUBELET, extra))
    _check_shutdown(node, extra)
    _check_allocatable(node, extra)
    # Without the field the kubelet takes cgroupfs.
    driver = extra.get("cgroupDriver", node.docker.cgroup_driver if node.docker else None) or "cgroupfs"
    is_wrong = node.is_wrong("docker", "cgroupDriver") or node.is_wrong(*where, "cgroupDriver")
    if node.docker is not None and driver != node.docker.cgroup_driver and not is_wrong:
        node.refuse(
            f"contradicts docker.cgroupDriver, which is {node.docker.cgroup_driver}: set the driver there",
            *where,
            "cgroupDriver",
        )
    runtime = extra.get("containerRuntimeEndpoint", CRI_SOCKET)
    if runtime != CRI_SOCKET and not node.is_wrong(*where, "containerRuntimeEndpoint"):
        node.refuse(f"expected {CRI_SOCKET}: the runtime is cri-dockerd", *where, "containerRuntimeEndpoint")


def _check_addresses(node: NodeDraft, extra: Mapping[str, Any]) -> None:
    where = ("kubelet", "extraConfig")
    address = extra.get("address")
    if isinstance(address, str) and not is_ip(address):
        node.refuse("expected an IP address, for example 10.0.0.7", *where, "address")
    elif isinstance(address, str) and ipaddress.ip_address(address).is_loopback:
        node.refuse(
            "the API server cannot reach a loopback address: leave it out, it is nodeIp", *where, "address"
        )
    allowed = ("127.0.0.1", "0.0.0.0")  # noqa: S104
    given = extra.get("healthzBindAddress", "127.0.0.1")
    if given not in allowed and not node.is_wrong(*where, "healthzBindAddress"):
        node.refuse(
            "expected 127.0.0.1 or 0.0.0.0: the host asks 127.0.0.1 whether the kubelet is healthy",
            *where,
            "healthzBindAddress",
        )
    port = extra.get("healthzPort", KUBELET_HEALTHZ_PORT)
    if port != KUBELET_HEALTHZ_PORT and not node.is_wrong(*where, "healthzPort"):
        node.refuse(
            f"expected {KUBELET_HEALTHZ_PORT}: the host asks there whether the kubelet is healthy",
            *where,
            "healthzPort",
        )


def _check_shutdown(node: NodeDraft, extra: Mapping[str, Any]) -> None:
    where, whole, critical = (
        ("kubelet", "extraConfig"),
        "shutdownGracePeriod",
        "shutdownGracePeriodCriticalPods",
    )
    if node.is_wrong(*where, whole) or node.is_wrong(*where, critical):
        return
    given = {name: extra[name] for name in (whole, critical) if isinstance(extra.get(name), str)}
    for name, text in given.items():
        if 0 < seconds(text) < 1:
            node.refuse("expected 0s, or 1s and more", *where, name)
            return
    if critical in given and seconds(given[critical]) > seconds(given.get(whole, "0s")):
        node.refuse(f"expected no more than {whole}, which is {given.get(whole, '0s')}", *where, critical)


def _check_allocatable(node: NodeDraft, extra: Mapping[str, Any]) -> None:
    where, field = ("kubelet", "extraConfig"), "enforceNodeAllocatable"
    given = extra.get(field)
    if not isinstance(given, list) or node.is_wrong(*where, field):
        return
    if "none" in given and len(given) > 1:
        node.refuse("expected none alone, or the others without it", *where, field)
    for name, cgroup in (("system", "systemReservedCgroup"), ("kube", "kubeReservedCgroup")):
        asked = next(
            (one for one in given if one in (f"{name}-reserved", f"{name}-reserved-compressible")), None
        )
        if asked and not extra.get(cgroup):
            node.refuse(f"{asked} needs {cgroup} too, for example {cgroup}: /{name}.slice", *where, field)


def _check_eviction(node: NodeDraft, config: Mapping[str, Any]) -> None:
    where = ("kubelet", "extraConfig")
    soft, grace = config.get("evictionSoft"), config.get("evictionSoftGracePeriod")
    is_wrong = node.is_wrong(*where, "evictionSoftGracePeriod")
    for signal in soft if isinstance(soft, dict) and not is_wrong else ():
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
