"""`up` from nothing: two nodes of a real cluster."""

from __future__ import annotations

import pytest

from tests.e2e.cluster import is_ready, is_schedulable
from tests.e2e.lab import Creation, Lab

pytestmark = pytest.mark.sandbox


@pytest.fixture
def creation(deployed: Lab) -> Creation:
    assert deployed.creation is not None
    return deployed.creation


def test_every_host_is_a_ready_node(deployed: Lab) -> None:
    nodes = deployed.cluster.nodes()
    assert sorted(nodes) == [host.name for host in deployed.hosts]
    for name, node in nodes.items():
        info = node["status"]["nodeInfo"]
        assert is_ready(node), name
        assert is_schedulable(node), name
        assert info["containerRuntimeVersion"].startswith("docker://"), name
        assert info["kubeletVersion"] == "v1.37.2", name
        assert node["metadata"]["labels"]["node-role.kubernetes.io/worker"] == "", name
        assert node["metadata"]["annotations"]["kubenode/claim"] == "organization/kubenode/dev", name
        addresses = {one["type"]: one["address"] for one in node["status"]["addresses"]}
        assert addresses["InternalIP"] == deployed.host(name).address


def test_the_proof_ran_on_the_cluster_and_on_every_host(creation: Creation, deployed: Lab) -> None:
    assert "2 pods ready, one on each node; logs, exec, endpoints" in creation.result.text
    for host in deployed.hosts:
        assert f"{host.name}: " + '"3 addresses answer; kube-proxy in mode iptables"' in creation.result.text
    assert {pod["spec"]["nodeName"] for pod in deployed.cluster.pods().values()} == {
        host.name for host in deployed.hosts
    }


def test_a_host_sees_at_most_eight_logins(creation: Creation) -> None:
    assert all(0 < count <= 8 for count in creation.connections.values()), creation.connections
    assert creation.open_afterwards == {name: [] for name in creation.connections}


def test_the_tree_is_as_it_was(deployed: Lab) -> None:
    assert deployed.place.changed_files() == []
    probe = deployed.place.root / "Pulumi.yaml"
    text = probe.read_text(encoding="utf-8")
    probe.write_text(f"{text}#\n", encoding="utf-8")
    try:
        assert deployed.place.changed_files() == ["Pulumi.yaml"], "the look at the tree sees nothing"
    finally:
        probe.write_text(text, encoding="utf-8")
