"""Calico itself, wherever its manifest and images are: pods over hosts, Services, policies, a node that comes back.

KUBENODE_CALICO_MANIFEST names the manifest, KUBENODE_CALICO_IMAGES the folder with the archives of its images. A
sandbox of its own, because its hosts have no pod network of the sandbox's.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.cluster import Cluster, Json, unfit
from tests.e2e.lab import HOSTS, STACK
from tests.e2e.place import Place
from tests.e2e.stack import Stack

_GIVEN = [os.environ.get(name, "") for name in ("KUBENODE_CALICO_MANIFEST", "KUBENODE_CALICO_IMAGES")]

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.long,
    pytest.mark.skipif(
        not all(_GIVEN),
        reason="Calico's images are in no package registry: set KUBENODE_CALICO_MANIFEST and _IMAGES",
    ),
]
_IMAGE = "docker.io/library/nginx:sandbox"
_NAMESPACE = "calico-test"


class Network:
    """A stack with Calico, and pods to ask each other."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.stack = Stack(place, STACK, [])
        self.cluster = Cluster(place)

    def configure(self) -> None:
        found = yaml.safe_load((self.place.root / ".sandbox/calico.yaml").read_text(encoding="utf-8"))

        def edit(config: Json) -> None:
            config["calico"] = found["calico"]
            config["docker"]["images"] += found["images"]

        self.stack.configure(edit)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return self.cluster.kubectl("-n", _NAMESPACE, *arguments, stdin=stdin, check=check)

    def run_pod(self, name: str, node: str) -> str:
        """A pod with nginx on a node; returns its address once it is ready."""
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": _NAMESPACE, "labels": {"app": name, "all": "web"}},
            "spec": {
                "nodeName": node,
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "web", "image": _IMAGE, "imagePullPolicy": "IfNotPresent"}],
            },
        }
        self.kubectl("create", "-f", "-", stdin=json.dumps(body))
        self.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s")
        return self.kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}")

    def reaches(self, source: str, address: str) -> bool:
        """Whether a pod gets nginx's page from there. The image has no curl: bash opens the connection."""
        script = (
            f"exec 3<>/dev/tcp/{address}/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q nginx <&3"
        )
        said = self.kubectl(
            "exec", source, "--", "timeout", "5", "bash", "-c", f"{script} && echo yes", check=False
        )
        return said.strip().endswith("yes")


def _until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    place = Place("calico")
    with place.held():
        place.fill()
        try:
            options = ("--calico-manifest", str(Path(_GIVEN[0]).resolve()))
            place.up(HOSTS, *options, "--calico-images", str(Path(_GIVEN[1]).resolve()))
            found = Network(place)
            found.stack.init()
            found.configure()
            found.stack.up().demand()
            found.cluster.kubectl("create", "namespace", _NAMESPACE)
            yield found
            found.stack.destroy().demand()
            assert found.cluster.kubectl("get", "crd", "-o", "name").split() == []
        finally:
            place.down()
            place.remove()


@pytest.fixture(scope="module")
def pods(network: Network) -> dict[str, str]:
    """The address of a pod on each node, by the pod's name."""
    return {f"on-{node}": network.run_pod(f"on-{node}", node) for node in sorted(network.cluster.nodes())}


def test_nodes_are_in_service_with_addresses_of_the_pool(network: Network, pods: dict[str, str]) -> None:
    nodes = network.cluster.nodes()
    assert unfit(nodes) == {}
    assert all(address.startswith("10.244.") for address in pods.values())
    affinities = json.loads(network.cluster.kubectl("get", "blockaffinities", "-o", "json"))["items"]
    assert {one["spec"]["node"] for one in affinities} >= set(nodes)
    network.stack.preview("--expect-no-changes").demand()


def test_pods_reach_pods_of_other_hosts(network: Network, pods: dict[str, str]) -> None:
    for source in pods:
        for target, address in pods.items():
            assert source == target or network.reaches(source, address), f"{source} to {target}"


def test_a_service_answers_on_every_node(network: Network, pods: dict[str, str]) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": _NAMESPACE},
        "spec": {"selector": {"all": "web"}, "ports": [{"port": 80}]},
    }
    network.kubectl("create", "-f", "-", stdin=json.dumps(service))
    address = network.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    for source in pods:
        _until(lambda source=source: network.reaches(source, address))  # type: ignore[misc]


def test_a_policy_denies_and_another_allows(network: Network, pods: dict[str, str]) -> None:
    source, target = sorted(pods)[:2]
    deny: Json = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": _NAMESPACE},
        "spec": {"podSelector": {"matchLabels": {"app": target}}, "policyTypes": ["Ingress"]},
    }
    allow = {
        **deny,
        "metadata": {"name": "allow", "namespace": _NAMESPACE},
        "spec": {**deny["spec"], "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": source}}}]}]},
    }
    network.kubectl("create", "-f", "-", stdin=json.dumps(deny))
    _until(lambda: not network.reaches(source, pods[target]))
    network.kubectl("create", "-f", "-", stdin=json.dumps(allow))
    _until(lambda: network.reaches(source, pods[target]))
    network.kubectl("delete", "networkpolicies", "--all")


def test_a_node_goes_and_comes_back(network: Network, pods: dict[str, str]) -> None:
    network.kubectl("delete", "pod", "on-worker-2", "--ignore-not-found")
    before = network.stack.nodes_file.read_text(encoding="utf-8")
    network.stack.configure_nodes(lambda nodes: nodes.pop("worker-2"))
    network.stack.up().demand()
    listed = json.loads(network.cluster.kubectl("get", "blockaffinities", "-o", "json"))["items"]
    assert "worker-2" not in {one["spec"]["node"] for one in listed}
    network.stack.nodes_file.write_text(before, encoding="utf-8")
    network.stack.up().demand()
    address = network.run_pod("again", "worker-2")
    _until(lambda: network.reaches("on-worker-1", address))
