"""Addresses of dual-stack clusters and IPv6; the other contradictions are in test_problems.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.kube_proxy import files as kube_proxy_files
from components.kubelet import files as kubelet_files
from tests.components import example

DUAL: dict[str, Any] = {
    "cluster/podCidr": "10.244.0.0/16, fd00:244::/56",
    "cluster/serviceCidr": "10.96.0.0/16,fd00:96::/112",
    "nodes/worker-1/nodeIp": "10.0.0.7, fd00::7",
}
SIX: dict[str, Any] = {
    "cluster/podCidr": "fd00:244::/56",
    "cluster/serviceCidr": "fd00:96::/112",
    "cluster/dns/address": "fd00:96::a",
    "nodes/worker-1/nodeIp": "fd00::7",
    "nodes/worker-2/nodeIp": "fd00::8",
}


def test_a_dual_stack_node_has_both_addresses_and_listens_on_the_first(tmp_path: Path) -> None:
    node = example.stack(tmp_path, DUAL).nodes["worker-1"]
    assert node.node_ip == "10.0.0.7,fd00::7"
    assert kubelet_files.configuration(node)["address"] == "10.0.0.7"
    unit = next(file for file in kubelet_files.files(node) if file.name == "kubelet.service")
    assert "--node-ip=10.0.0.7,fd00::7 " in unit.content
    assert kube_proxy_files.configuration(node)["clusterCIDR"] == "10.244.0.0/16,fd00:244::/56"


def test_a_single_stack_of_ipv6(tmp_path: Path) -> None:
    node = example.stack(tmp_path, SIX).nodes["worker-1"]
    assert kubelet_files.configuration(node)["address"] == "fd00::7"
    assert kubelet_files.configuration(node)["clusterDNS"] == ["fd00:96::a"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"cluster/serviceCidr": "10.96.0.0/16"},
            "cluster.serviceCidr: expected the same address families as podCidr",
        ),
        (
            {"cluster/serviceCidr": "10.96.0.0/16,fd00:244::/112"},
            "cluster.serviceCidr: overlaps podCidr fd00:244::/56",
        ),
        (
            {"cluster/dns/address": "fd01::a"},
            "cluster.dns.address: expected an address inside serviceCidr 10.96.0.0/16 or fd00:96::/112",
        ),
        (
            {"cluster/dns/address": "fd00:96::1"},
            "cluster.dns.address: expected another address than fd00:96::1, which is the API server's service",
        ),
        (
            {"nodes/worker-2/nodeIp": "10.0.0.8,fd00::7"},
            "nodes.worker-2.nodeIp: is the nodeIp of worker-1 too",
        ),
        (
            {"nodes/worker-1/nodeIp": "10.0.0.7,fd00:244::7"},
            "nodes.worker-1.nodeIp: lies inside cluster.podCidr fd00:244::/56",
        ),
        (
            {"nodes/worker-1/nodeIp": "10.0.0.7,10.0.0.9"},
            "nodes.worker-1.nodeIp: expected an IP address of the host that other hosts reach "
            "(no loopback, broadcast or multicast), or one of each family with a comma, for example 10.0.0.7",
        ),
        (
            {"cluster/podCidr": "10.244.0.0/16,10.245.0.0/16"},
            "cluster.podCidr: expected an address range without host bits, or one of each family with a comma, "
            "for example 10.244.0.0/16",
        ),
    ],
)
def test_one_thing_wrong(changes: dict[str, Any], line: str, tmp_path: Path) -> None:
    assert example.problems(tmp_path, {**DUAL, **changes}) == [line]


def test_a_node_of_a_family_without_pods(tmp_path: Path) -> None:
    assert example.problems(tmp_path, {"nodes/worker-1/nodeIp": "fd00::7"}) == [
        "nodes.worker-1.nodeIp: expected addresses of the pods' family, which is IPv4"
    ]


def test_an_old_kubelet_takes_no_pair(tmp_path: Path) -> None:
    (line,) = example.problems(tmp_path, DUAL, "1.10.2")
    assert line == "nodes.worker-1.nodeIp: expected one address: the kubelet of 1.10 takes no pair"
