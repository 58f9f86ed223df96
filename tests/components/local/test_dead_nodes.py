"""Pods on nodes that died: who is dead, and how the proof goes while one is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.local.dead_nodes import given_up, on_nodes
from tests.components.local.conftest import FakeKubectl, refused

_PODS = "get /api/v1/namespaces/proof/pods?labelSelector=app%3Dnginx"
_HEALTH = "get /api/v1/nodes/{}/proxy/healthz"
_PROOF = {"namespace": "proof", "selector": "app=nginx", "service": "nginx"}


def _node(name: str, ready: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def _pod(name: str, node: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "proof", "uid": f"uid-{name}"}
    return {"metadata": metadata, "spec": {"nodeName": node} if node else {}}


def _list(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"out": {"items": list(objects)}}


def test_a_node_that_the_control_plane_has_given_up_is_dead_and_no_other() -> None:
    there = [_node("worker-1", "True"), _node("worker-2", "Unknown"), _node("worker-3", "False")]
    assert given_up([*there, _node("foreign", "Unknown")], {"worker-1", "worker-2", "worker-3"}) == [
        "worker-2"
    ]
    pods = [_pod("a", "worker-1"), _pod("b", "worker-2"), _pod("c", "")]
    assert on_nodes(pods, ["worker-2"]) == [pods[1]]
    assert on_nodes(pods, []) == []


@pytest.mark.parametrize(
    "said",
    [
        'Error from server: Get "https://10.0.0.7:10250/healthz": dial tcp 10.0.0.7:10250: connect: no route to host',
        'Error from server: Get "https://10.0.0.7:10250/healthz": dial tcp 10.0.0.7:10250: i/o timeout',
        'Error from server: Get "https://10.0.0.7:10250/healthz": dial tcp 10.0.0.7:10250: connect: connection refused',
    ],
)
def test_the_proof_goes_while_a_host_is_dead(fake_kubectl: FakeKubectl, said: str) -> None:
    """Its Deployment would wait for a pod that no kubelet ends; those of living nodes end by themselves."""
    fake_kubectl.answer(_PODS, _list(_pod("a", "worker-1"), _pod("b", "worker-2"), _pod("c", "")))
    fake_kubectl.answer(_HEALTH.format("worker-1"), {"out": "ok"})
    fake_kubectl.answer(_HEALTH.format("worker-2"), refused(said))
    # It has just died: the control plane gives it up a little later.
    alive = _node("worker-1", "True")
    fake_kubectl.answer(
        "get /api/v1/nodes",
        _list(alive, _node("worker-2", "True")),
        _list(alive, _node("worker-2", "True")),
        _list(alive, _node("worker-2", "Unknown")),
    )
    fake_kubectl.answer("delete /api/v1/namespaces/proof/pods/b", {"out": {}})
    outcome = fake_kubectl.run("verification", "remove", **_PROOF)
    (deleted,) = fake_kubectl.asked("delete")
    assert json.loads(deleted["stdin"])["gracePeriodSeconds"] == 0
    assert json.loads(deleted["stdin"])["preconditions"] == {"uid": "uid-b"}
    assert "deleted pod proof/b of worker-2, whose kubelet is given up" in outcome.stderr


def test_a_kubelet_that_answers_again_ends_its_pods_itself(fake_kubectl: FakeKubectl) -> None:
    fake_kubectl.answer(_PODS, _list(_pod("a", "worker-1")))
    fake_kubectl.answer(_HEALTH.format("worker-1"), refused("connection refused"), {"out": "ok"})
    fake_kubectl.answer("get /api/v1/nodes", _list(_node("worker-1", "True")))
    fake_kubectl.run("verification", "remove", **_PROOF)
    assert fake_kubectl.asked("delete") == []


@pytest.mark.parametrize(
    "pods", [_list(), refused("Error from server (NotFound): namespaces proof not found")]
)
def test_no_pods_and_no_namespace_are_no_reason_to_wait(
    fake_kubectl: FakeKubectl, pods: dict[str, Any]
) -> None:
    fake_kubectl.answer(_PODS, pods)
    fake_kubectl.run("verification", "remove", **_PROOF)
    assert len(fake_kubectl.calls) == 1


def test_who_may_not_ask_a_kubelet_has_nothing_to_wait_for(fake_kubectl: FakeKubectl) -> None:
    fake_kubectl.answer(_PODS, _list(_pod("a", "worker-1")))
    fake_kubectl.answer(_HEALTH.format("worker-1"), refused("Error from server (Forbidden): no"))
    fake_kubectl.run("verification", "remove", **_PROOF)
    assert fake_kubectl.asked("delete") == []
