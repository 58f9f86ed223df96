"""Calico by its operator: the operator's own objects and the Installation that tells it what to do. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from components.calico.images import with_registry
from components.settings import CalicoSettings

Body = dict[str, Any]

API_VERSION = "operator.tigera.io/v1"
NAME = "default"

# pool.encapsulation: the operator's word
_ENCAPSULATIONS: Mapping[str, str] = {
    "ipip": "IPIP",
    "ipipCrossSubnet": "IPIPCrossSubnet",
    "vxlan": "VXLAN",
    "vxlanCrossSubnet": "VXLANCrossSubnet",
    "none": "None",
}
# What the operator makes for IPv6 unless it is told otherwise.
_BLOCK_SIZE_IPV6 = 122


def installed(bodies: Sequence[Body], calico: CalicoSettings) -> list[Body]:
    """The operator's objects, changed in place, and the Installation, over one in the manifests."""
    found = list(bodies)
    if calico.section.registry is not None:
        for body in found:
            with_registry(body, calico.section.registry)
    wanted = _specification(calico)
    for body in found:
        if body["apiVersion"] == API_VERSION and body["kind"] == "Installation":
            spec = body.get("spec") or {}
            network = {**(spec.get("calicoNetwork") or {}), **wanted["calicoNetwork"]}
            body["spec"] = {**spec, **wanted, "calicoNetwork": network}
            return found
    return [
        *found,
        {"apiVersion": API_VERSION, "kind": "Installation", "metadata": {"name": NAME}, "spec": wanted},
    ]


def _specification(calico: CalicoSettings) -> Body:
    section = calico.section
    networks = [ipaddress.ip_network(one) for one in calico.pod_cidr.split(",")]
    network: Body = {
        "bgp": "Enabled" if calico.backend == "bird" else "Disabled",
        "ipPools": [_pool(calico, one) for one in networks],
    }
    for one in networks:
        network[f"nodeAddressAutodetectionV{one.version}"] = _autodetection(section.address_autodetection)
    if section.mtu:
        network["mtu"] = section.mtu
    spec: Body = {"variant": "Calico", "calicoNetwork": network}
    if section.registry is not None:
        # The operator adds the path of each image itself.
        spec["registry"] = f"{section.registry}/"
    return spec


def _pool(calico: CalicoSettings, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Body:
    pool = calico.section.pool
    return {
        "name": f"default-ipv{network.version}-ippool",
        "cidr": str(network),
        "blockSize": pool.block_size if network.version == 4 else _BLOCK_SIZE_IPV6,
        "encapsulation": _ENCAPSULATIONS[pool.encapsulation],
        "natOutgoing": "Enabled" if pool.nat_outgoing else "Disabled",
        "nodeSelector": "all()",
    }


def _autodetection(method: str) -> Body:
    word, _, value = method.partition("=")
    if word == "first-found":
        return {"firstFound": True}
    if word == "kubernetes-internal-ip":
        return {"kubernetes": "NodeInternalIP"}
    if word == "cidr":
        return {"cidrs": value.split(",")}
    return {
        {"can-reach": "canReach", "interface": "interface", "skip-interface": "skipInterface"}[word]: value
    }
