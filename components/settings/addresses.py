"""Contradictions between addresses: the cluster's ranges, and the nodes among each other and within these. Pure.

An address or range may be a pair with a comma, one of each family, in a dual-stack cluster. Works on what is valid of
the raw values: one that is wrong is reported elsewhere and must not hide what is wrong with the others.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from components.settings import forms, types
from components.settings.draft import NodeDraft
from components.settings.problems import Problem
from components.settings.sections import NodeSection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# The kubelet takes a pair for --node-ip without a cloud provider since this minor release.
_DUAL_STACK_SINCE = 20


def problems_of(cluster: object, drafts: Sequence[NodeDraft]) -> list[Problem]:
    """All of them. `cluster` is the raw section."""
    ranges = _ranges(cluster)
    found = list(_of_ranges(cluster, ranges))
    found += _of_server(cluster, ranges)
    reached: dict[tuple[str, int], str] = {}
    known: dict[str, str] = {}
    for draft in drafts:
        if draft.own is not None and draft.has_address:
            found += _of_node(draft, draft.own, ranges, reached, known)
    return [*found, *_of_host_keys(drafts)]


def _of_host_keys(drafts: Sequence[NodeDraft]) -> Iterator[Problem]:
    """A key is of one host: two with the same are one host, or copies of a disk, of which each can play the other."""
    first: dict[str, str] = {}
    for draft in drafts:
        key = draft.ssh.host_key if draft.ssh else None
        # One that all nodes share stands in one place and is another mistake.
        if key is None or draft.place("ssh", "hostKey")[0] != "nodes":
            continue
        name = first.setdefault(" ".join(key.split()[:2]), draft.name)
        if name != draft.name:
            message = (
                f"is the hostKey of {name} too: each host needs keys of its own. On a copied disk make new ones "
                "(rm /etc/ssh/ssh_host_*; ssh-keygen -A) and collect them with make hostkeys"
            )
            yield Problem(f"nodes.{draft.name}.ssh.hostKey", message)


def node_ip_of(own: NodeSection) -> str | None:
    """The node's address in the cluster: given, or the one that SSH goes to if that is an IP address."""
    if own.node_ip is not None:
        return ",".join(forms.pair(own.node_ip))
    return own.address if _is_valid(types.NodeIp, own.address) else None


def _ranges(cluster: object) -> dict[str, tuple[Network, ...]]:
    if not isinstance(cluster, Mapping):
        return {}
    return {
        key: tuple(ipaddress.ip_network(one) for one in forms.pair(cluster[key]))
        for key in ("podCidr", "serviceCidr")
        if _is_valid(types.Cidr, cluster.get(key))
    }


def _of_ranges(cluster: object, ranges: Mapping[str, tuple[Network, ...]]) -> Iterator[Problem]:
    pods, services = ranges.get("podCidr", ()), ranges.get("serviceCidr", ())
    if pods and services and {one.version for one in pods} != {one.version for one in services}:
        yield Problem("cluster.serviceCidr", "expected the same address families as podCidr")
    for service in services:
        for pod in pods:
            if pod.version == service.version and pod.overlaps(service):
                yield Problem("cluster.serviceCidr", f"overlaps podCidr {pod}")
    dns_section = cluster.get("dns") if isinstance(cluster, Mapping) else None
    address = dns_section.get("address") if isinstance(dns_section, Mapping) else None
    if not services or not isinstance(address, str) or not forms.is_ip(address):
        return
    dns = ipaddress.ip_address(address)
    home = next((one for one in services if dns in one), None)
    if home is None:
        expected = " or ".join(str(one) for one in services)
        yield Problem("cluster.dns.address", f"expected an address inside serviceCidr {expected}")
    elif int(dns) - int(home.network_address) <= 1:
        message = f"expected another address than {dns}, which is the API server's service"
        yield Problem("cluster.dns.address", message)


def _of_server(cluster: object, ranges: Mapping[str, tuple[Network, ...]]) -> Iterator[Problem]:
    """A node reaches the API server before there are pods and services."""
    server = cluster.get("server") if isinstance(cluster, Mapping) else None
    host = forms.host_of(server) if isinstance(server, str) and _is_valid(types.HttpsUrl, server) else ""
    if forms.is_ip(host):
        for key, network in ((key, network) for key, networks in ranges.items() for network in networks):
            if ipaddress.ip_address(host) in network:
                yield Problem(
                    "cluster.server",
                    f"lies inside {key} {network}, which a node reaches only once it serves: set an address outside",
                )


def _of_node(
    draft: NodeDraft,
    own: NodeSection,
    ranges: Mapping[str, tuple[Network, ...]],
    reached: dict[tuple[str, int], str],
    known: dict[str, str],
) -> Iterator[Problem]:
    at = f"nodes.{draft.name}"
    door = (_normal(own.address), draft.ssh.port if draft.ssh else 22)
    first = reached.setdefault(door, draft.name)
    if first != draft.name:
        yield Problem(f"{at}.address", f"is the address of {first} too")
        return
    node_ip = node_ip_of(own)
    if draft.is_wrong("nodeIp"):
        return
    if node_ip is None:
        message = "required: address gives none, so set an IP address of the host, for example 10.0.0.7"
        yield Problem(f"{at}.nodeIp", message)
        return
    where = f"{at}.nodeIp" if own.node_ip else f"{at}.address"
    addresses = [ipaddress.ip_address(one) for one in forms.pair(node_ip)]
    for address in addresses:
        first = known.setdefault(str(address), draft.name)
        if first != draft.name:
            yield Problem(f"{at}.nodeIp", f"is the nodeIp of {first} too")
        for key, networks in ranges.items():
            for network in networks:
                if address in network:
                    yield Problem(where, f"lies inside cluster.{key} {network}")
    families = {one.version for one in ranges.get("podCidr", ())}
    if families and not {one.version for one in addresses} <= families:
        names = " and ".join(f"IPv{version}" for version in sorted(families))
        yield Problem(where, f"expected addresses of the pods' family, which is {names}")
    if len(addresses) > 1 and draft.minor is not None and draft.minor.number < _DUAL_STACK_SINCE:
        yield Problem(where, f"expected one address: the kubelet of {draft.minor.name} takes no pair")


def _normal(address: str) -> str:
    return str(ipaddress.ip_address(address)) if forms.is_ip(address) else address.lower()


def _is_valid(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
