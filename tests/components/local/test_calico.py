"""Calico as the programs see it, on a real API server with Calico's kinds of objects and no Calico."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.local.calico_ipam import handle_without, share_of
from components.local.calico_node import short
from components.local.calico_read import tolerates
from tests.components.local.cluster import STACK, is_cordoned, make_node, new_name, until
from tests.components.local.conftest import FakeKubectl, Run
from tests.support.apiserver import ApiError, ApiServer
from tests.support.would_be_kubelet import WouldBeKubelet

FIXTURE = Path(__file__).parents[2] / "support/calico.yaml"
GROUP = "/apis/crd.projectcalico.org/v1"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_PODS = "/api/v1/namespaces/kube-system/pods"
on_a_real_api_server = pytest.mark.sandbox


@pytest.fixture(scope="module")
def definitions(api_server: ApiServer) -> Iterator[None]:
    """Calico's kinds, as long as these tests run."""
    found = [
        one for one in yaml.safe_load_all(FIXTURE.read_text()) if one["kind"] == "CustomResourceDefinition"
    ]
    for one in found:
        api_server.admin.post(_DEFINITIONS, one)
    for one in found:
        until(partial(_is_served, api_server, one["spec"]["names"]["plural"]))
    yield
    for one in found:
        api_server.admin.delete(f"{_DEFINITIONS}/{one['metadata']['name']}")


def _is_served(server: ApiServer, plural: str) -> bool:
    """A kind that was defined just now is answered with 404, then with 429 while its storage begins."""
    try:
        return server.admin.find(f"{GROUP}/{plural}") is not None
    except ApiError as error:
        if error.code != 429:
            raise
        return False


def _make(server: ApiServer, plural: str, kind: str, name: str, **spec: Any) -> None:
    body = {"apiVersion": "crd.projectcalico.org/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    server.admin.post(f"{GROUP}/{plural}", body)


def _there(server: ApiServer, plural: str) -> dict[str, Any]:
    listed = server.admin.get(f"{GROUP}/{plural}")["items"]
    return {one["metadata"]["name"]: one["spec"] for one in listed}


def _attribute(handle: str, node: str) -> dict[str, Any]:
    return {"handle_id": handle, "secondary": {"node": node, "namespace": "default"}}


@on_a_real_api_server
def test_what_calico_keeps_for_a_node_goes_and_nothing_of_others(
    api_server: ApiServer, run: Run, definitions: None
) -> None:
    mine, theirs = new_name(), new_name()
    # A block of the node's own, one of the other's in which a pod of the node borrowed an address, and the other way.
    _make(
        api_server, "ipamblocks", "IPAMBlock", f"own-{mine}", cidr="10.244.1.0/30", affinity=f"host:{mine}",
        allocations=[0, 1, None, None], unallocated=[2, 3],
        attributes=[_attribute(f"pod-{mine}", mine), _attribute(f"vxlan-tunnel-addr-{mine}", mine)],
    )  # fmt: skip
    _make(
        api_server, "ipamblocks", "IPAMBlock", f"lent-{mine}", cidr="10.244.2.0/30", affinity=f"host:{theirs}",
        allocations=[0, 1, None, 0], unallocated=[2],
        attributes=[_attribute(f"pod-{theirs}", theirs), _attribute(f"both-{mine}", mine)],
    )  # fmt: skip
    _make(
        api_server, "ipamblocks", "IPAMBlock", f"shared-{mine}", cidr="10.244.3.0/30", affinity=f"host:{mine}",
        allocations=[0, 1, None, None], unallocated=[2, 3],
        attributes=[_attribute(f"both-{mine}", mine), _attribute(f"pod-{theirs}", theirs)],
    )  # fmt: skip
    handles = {
        f"pod-{mine}": {"10.244.1.0/30": 1},
        f"vxlan-tunnel-addr-{mine}": {"10.244.1.0/30": 1},
        f"both-{mine}": {"10.244.2.0/30": 1, "10.244.3.0/30": 1},
        f"pod-{theirs}": {"10.244.2.0/30": 2, "10.244.3.0/30": 1},
    }
    for name, block in handles.items():
        _make(api_server, "ipamhandles", "IPAMHandle", name, handleID=name, block=block)
    for node in (mine, theirs):
        _make(
            api_server, "blockaffinities", "BlockAffinity", f"affinity-{node}",
            node=node, cidr="10.244.1.0/30", state="confirmed", deleted="false",
        )  # fmt: skip
        _make(api_server, "bgppeers", "BGPPeer", f"peer-{node}", node=node, peerIP="10.0.0.1", asNumber=64512)
    assert run("calico-leftovers", "apply", node=mine).stderr == ""
    said = run("calico-leftovers", "remove", node=mine).stderr
    assert f"{mine}: released in Calico: 4 addresses, 1 blockaffinities, 1 bgppeers" in said
    blocks = _there(api_server, "ipamblocks")
    assert f"own-{mine}" not in blocks
    assert blocks[f"lent-{mine}"]["allocations"] == [0, None, None, 0]
    assert blocks[f"lent-{mine}"]["unallocated"] == [2, 1]
    assert blocks[f"lent-{mine}"]["attributes"] == [_attribute(f"pod-{theirs}", theirs)]
    assert blocks[f"lent-{mine}"]["affinity"] == f"host:{theirs}"
    assert blocks[f"shared-{mine}"]["allocations"] == [None, 0, None, None]
    assert "affinity" not in blocks[f"shared-{mine}"]
    left = _there(api_server, "ipamhandles")
    assert {name for name in left if mine in name} == set()
    assert left[f"pod-{theirs}"]["block"] == handles[f"pod-{theirs}"]
    assert {f"affinity-{theirs}"} == {
        name for name in _there(api_server, "blockaffinities") if mine in name or theirs in name
    }
    assert f"peer-{theirs}" in _there(api_server, "bgppeers")
    # Again there is nothing to do, and nothing said.
    assert run("calico-leftovers", "remove", node=mine).stderr == ""


def test_without_calico_s_kinds_there_is_nothing_to_do(fake_kubectl: FakeKubectl) -> None:
    """Whatever is asked for is NotFound."""
    outcome = fake_kubectl.run("calico-leftovers", "remove", node="worker-1")
    assert (outcome.stdout, outcome.stderr) == ("", "")
    assert not fake_kubectl.asked("delete")


def test_a_block_of_an_old_release_does_not_say_whose_an_address_is() -> None:
    spec = {
        "cidr": "10.244.1.0/30",
        "affinity": "host:worker-1",
        "allocations": [0],
        "attributes": [{"handle_id": "h"}],
    }
    share = share_of({"spec": spec}, "worker-1")
    assert share is not None
    assert (share.freed, share.rest) == ({"h": 1}, None)
    assert share_of({"spec": {**spec, "affinity": "host:worker-2"}}, "worker-1") is None


def test_sequence_numbers_of_freed_addresses_go() -> None:
    spec = {
        "cidr": "10.244.1.0/30", "affinity": "host:worker-2", "allocations": [0, 1],
        "attributes": [_attribute("a", "worker-1"), _attribute("b", "worker-2")],
        "sequenceNumberForAllocation": {"0": 5, "1": 6},
    }  # fmt: skip
    share = share_of({"spec": spec}, "worker-1")
    assert share is not None
    assert share.rest is not None
    assert share.rest["spec"]["sequenceNumberForAllocation"] == {"1": 6}


def test_a_handle_with_addresses_of_others_stays() -> None:
    handle = {"metadata": {"name": "h"}, "spec": {"handleID": "h", "block": {"a": 2, "b": 1}}}
    rest = handle_without(handle, {"a": 1, "b": 1})
    assert rest is not None
    assert rest["spec"]["block"] == {"a": 1}
    assert handle_without(handle, {"a": 2, "b": 1}) is None


# In service


def _pod(server: ApiServer, node: str, *, status: dict[str, Any]) -> str:
    name = new_name("calico-node")
    body = {
        "metadata": {"name": name, "labels": {"k8s-app": "calico-node"}},
        "spec": {
            "nodeName": node,
            "hostNetwork": True,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "calico-node", "image": "quay.io/calico/node:v3.33.1"}],
            "terminationGracePeriodSeconds": 0,
        },
    }
    server.admin.post(_PODS, body)
    server.admin.merge(f"{_PODS}/{name}/status", {"status": status})
    return name


def _waiting(reason: str, message: str) -> dict[str, Any]:
    container = {
        "name": "calico-node", "image": "quay.io/calico/node:v3.33.1", "imageID": "", "ready": False, "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}},
    }  # fmt: skip
    return {
        "phase": "Pending",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [container],
    }


@pytest.fixture
def ready_node(api_server: ApiServer, run: Run) -> Iterator[str]:
    """A new node whose kubelet is healthy, out of service as every new one."""
    name = new_name()
    make_node(api_server, name)
    run("out-of-service", "apply", node=name, digest="d")
    with WouldBeKubelet(api_server, name) as kubelet:
        kubelet.adopt()
        yield name


def _in_service(run: Run, node: str, *, expect: int = 0, seconds: int = 4) -> str:
    values = {"digest": "d", "runId": "r", "stack": STACK, "network": "calico", "timeoutSeconds": seconds}
    return run("in-service", "apply", node=node, expect=expect, **values).stderr


@on_a_real_api_server
def test_a_node_waits_for_calico_and_says_that_nobody_makes_it(
    api_server: ApiServer, run: Run, ready_node: str
) -> None:
    said = _in_service(run, ready_node, expect=1)
    assert "the cluster has no DaemonSet of calico-node, so nobody makes the pod network here" in said
    assert is_cordoned(api_server, ready_node)


@on_a_real_api_server
def test_a_node_says_which_image_cannot_be_pulled_and_goes_on_when_calico_is_ready(
    api_server: ApiServer, run: Run, ready_node: str
) -> None:
    pod = _pod(api_server, ready_node, status=_waiting("ImagePullBackOff", "Back-off pulling image"))
    said = _in_service(run, ready_node, expect=1)
    assert "image pull: quay.io/calico/node:v3.33.1: Back-off pulling image" in said
    assert f"(kubectl -n kube-system describe pod {pod})" in said
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    api_server.admin.merge(f"{_PODS}/{pod}/status", {"status": ready})
    assert _in_service(run, ready_node) == ""
    assert not is_cordoned(api_server, ready_node)


@on_a_real_api_server
def test_a_node_says_that_its_address_lies_in_a_pool(
    api_server: ApiServer, run: Run, ready_node: str, definitions: None
) -> None:
    addresses = [{"type": "InternalIP", "address": "172.31.9.9"}]
    api_server.admin.merge(f"/api/v1/nodes/{ready_node}/status", {"status": {"addresses": addresses}})
    pool = new_name("pool")
    _make(api_server, "ippools", "IPPool", pool, cidr="172.31.0.0/16")
    _pod(api_server, ready_node, status=_waiting("CrashLoopBackOff", "back-off 10s"))
    said = _in_service(run, ready_node, expect=1)
    api_server.admin.delete(f"{GROUP}/ippools/{pool}")
    assert f"pool overlap: the node's address 172.31.9.9 lies in the IPPool {pool} (172.31.0.0/16)" in said
    assert "calico-node: CrashLoopBackOff (back-off 10s)" in said


def _reasons(fake: FakeKubectl, log: str, state: dict[str, Any], events: list[dict[str, Any]]) -> str:
    """What in-service says of a pod, without a kubelet to ask for its log."""
    pod = {
        "metadata": {"name": "calico-node-x", "namespace": "kube-system", "uid": "u"},
        "status": {
            "containerStatuses": [
                {"name": "calico-node", "image": "i", "ready": False, "restartCount": 1, "state": state}
            ]
        },
    }
    node = {
        "metadata": {"name": "worker-1", "uid": "n"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    fake.answer("get /api/v1/nodes/worker-1", {"out": node})
    selected = "labelSelector=k8s-app%3Dcalico-node&fieldSelector=spec.nodeName%3Dworker-1"
    fake.answer(f"get /api/v1/pods?{selected}", {"out": {"items": [pod]}})
    place = "get /api/v1/namespaces/kube-system/pods/calico-node-x/log?container=calico-node&tailLines=40"
    for request in (place, f"{place}&previous=true"):
        fake.answer(request, {"out": log})
    fake.answer(
        "get /api/v1/namespaces/kube-system/events?fieldSelector=involvedObject.uid%3Du",
        {"out": {"items": events}},
    )
    values = {"digest": "d", "runId": "r", "network": "calico", "timeoutSeconds": 1}
    return fake.run("in-service", "apply", node="worker-1", expect=1, **values).stderr


def test_a_log_tells_of_the_datastore(fake_kubectl: FakeKubectl) -> None:
    log = "INFO starting\nERROR Error getting cluster information: dial tcp 10.96.0.1:443: i/o timeout\nWARN exiting\n"
    said = _reasons(fake_kubectl, log, {"waiting": {"reason": "CrashLoopBackOff"}}, [])
    assert "datastore: ERROR Error getting cluster information: dial tcp 10.96.0.1:443: i/o timeout" in said


def test_a_log_tells_of_a_pool(fake_kubectl: FakeKubectl) -> None:
    log = "ERROR IPPool(a) CIDR overlaps with IPPool(b)\n"
    said = _reasons(fake_kubectl, log, {"waiting": {"reason": "CrashLoopBackOff"}}, [])
    assert "pool overlap: ERROR IPPool(a) CIDR overlaps with IPPool(b)" in said


def test_a_running_calico_node_that_is_not_ready_tells_its_probe_s_words(fake_kubectl: FakeKubectl) -> None:
    event = {
        "reason": "Unhealthy",
        "message": "Readiness probe failed: BIRD is not ready:\n BGP not established with 10.0.0.8",
    }
    said = _reasons(fake_kubectl, "", {"running": {}}, [event])
    assert "Readiness probe failed: BIRD is not ready: BGP not established with 10.0.0.8" in said


def test_in_a_few_words_without_asking() -> None:
    assert short([]) == "calico-node has no pod here"


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([{"operator": "Exists"}], True),
        ([{"effect": "NoSchedule", "operator": "Exists"}], True),
        ([{"key": "kubenode/out-of-service", "operator": "Exists", "effect": "NoSchedule"}], True),
        ([{"effect": "NoExecute", "operator": "Exists"}], False),
        ([{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}], False),
        ([], False),
    ],
)
def test_whether_pods_come_to_a_node_that_is_out_of_service(tolerations: list[Any], expected: bool) -> None:
    assert tolerates({"spec": {"template": {"spec": {"tolerations": tolerations}}}}) is expected


# Reading


@on_a_real_api_server
def test_the_one_read_tells_of_calico_only_when_asked(
    api_server: ApiServer, run: Run, definitions: None
) -> None:
    name = new_name("pool")
    _make(api_server, "ippools", "IPPool", name, cidr="10.99.0.0/16", blockSize=26, vxlanMode="Always")
    assert json.loads(run("api-read", "apply", nodes=[], stack=STACK).stdout)["calico"] is None
    found = json.loads(run("api-read", "apply", nodes=[], stack=STACK, calico=True).stdout)["calico"]
    api_server.admin.delete(f"{GROUP}/ippools/{name}")
    assert next(one for one in found["pools"] if one["name"] == name) == {
        "name": name,
        "claim": None,
        "cidr": "10.99.0.0/16",
        "blockSize": 26,
        "ipipMode": "Never",
        "vxlanMode": "Always",
        "natOutgoing": False,
        "disabled": False,
    }
    assert found["installation"] is None
    assert found["version"] is None
