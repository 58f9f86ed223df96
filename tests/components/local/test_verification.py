"""What the proof looks at, and how it says what is wrong."""

from __future__ import annotations

from typing import Any

from components.local.fingerprint import fingerprint
from components.local.verification import (
    address_faults,
    configuration_faults,
    endpoint_faults,
    is_passing,
    placement_faults,
    surplus_pod,
    that_count,
)


def _pod(
    name: str, node: str, address: str = "10.244.1.2", *, ready: bool = True, **status: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"nodeName": node},
        "status": {"podIP": address, "conditions": [{"type": "Ready", "status": str(ready)}], **status},
    }


def _slice(*addresses: str, ready: bool = True) -> dict[str, Any]:
    return {"endpoints": [{"addresses": [address], "conditions": {"ready": ready}} for address in addresses]}


def test_one_ready_pod_on_each_node_is_what_is_wanted() -> None:
    assert placement_faults([_pod("a", "worker-1"), _pod("b", "worker-2")], {"worker-1", "worker-2"}) == []


def test_two_pods_on_one_node_are_two_faults() -> None:
    faults = placement_faults([_pod("a", "worker-1"), _pod("b", "worker-1")], {"worker-1", "worker-2"})
    assert faults == ["2 pods on worker-1", "0 pods on worker-2"]


def test_a_pod_that_cannot_start_is_named_with_the_reason() -> None:
    waiting = [{"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "not present"}}}]
    (fault,) = placement_faults([_pod("a", "worker-1", ready=False, containerStatuses=waiting)], {"worker-1"})
    assert "pod a on worker-1" in fault
    assert "ErrImageNeverPull" in fault


def test_a_pod_that_ends_on_a_node_that_left_does_not_count() -> None:
    ending, staying = _pod("a", "gone"), _pod("b", "worker-1")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    lasting = _pod("c", "gone")
    assert that_count([ending, staying, lasting], {"worker-1"}) == [staying, lasting]


def test_a_pod_that_is_ending_and_one_elsewhere_are_faults() -> None:
    ending = _pod("a", "worker-1")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    faults = placement_faults(
        [ending, _pod("b", "foreign"), _pod("c", "worker-1", "10.244.1.3")], {"worker-1"}
    )
    assert faults == ["pod a is still ending", "pod b runs on foreign, which is none of ours"]


def test_endpoints_are_exactly_the_pods() -> None:
    pods = [_pod("a", "worker-1", "10.244.1.2"), _pod("b", "worker-2", "10.244.2.2")]
    assert endpoint_faults(pods, [_slice("10.244.1.2"), _slice("10.244.2.2")]) == []
    assert endpoint_faults(pods, [_slice("10.244.1.2")])
    assert endpoint_faults(pods, [_slice("10.244.1.2", "10.244.2.2", "10.244.3.3")])
    assert endpoint_faults(pods, [_slice("10.244.1.2", "10.244.2.2", ready=False)])


def test_addresses_are_inside_their_ranges() -> None:
    pods = [_pod("a", "worker-1", "10.244.1.2")]
    assert address_faults(pods, "10.96.0.5", "10.244.0.0/16", "10.96.0.0/16") == []
    faults = address_faults(pods, "10.97.0.5", "10.245.0.0/16", "10.96.0.0/16")
    assert len(faults) == 2
    assert "10.244.1.2" in faults[0]
    assert "10.97.0.5" in faults[1]


def test_the_kubelet_may_add_defaults_but_not_differ() -> None:
    rendered = {
        "kind": "KubeletConfiguration",
        "maxPods": 55,
        "authentication": {"anonymous": {"enabled": False}},
    }
    running = {
        "maxPods": 55,
        "port": 10250,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {}},
    }
    wanted = fingerprint(rendered)
    assert configuration_faults("worker-1", wanted, running) == []
    (fault,) = configuration_faults("worker-1", wanted, {**running, "maxPods": 110})
    assert fault == (
        "worker-1: the kubelet runs with maxPods = 110, and another value is configured: make show NODE=worker-1"
    )
    (fault,) = configuration_faults(
        "worker-1", wanted, {**running, "authentication": {"anonymous": {"enabled": True}}}
    )
    assert "authentication.anonymous.enabled" in fault


def test_a_pod_moved_away_by_a_drain_is_given_back_to_the_empty_node() -> None:
    nodes = {"worker-1", "worker-2"}
    old, new = _pod("old", "worker-2"), _pod("new", "worker-2")
    old["metadata"]["creationTimestamp"], new["metadata"]["creationTimestamp"] = (
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:01:00Z",
    )
    assert surplus_pod([old, new], nodes) == new
    assert surplus_pod([old, _pod("other", "worker-1")], nodes) is None
    assert surplus_pod([old], nodes) is None
    ending = _pod("ending", "worker-2")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert surplus_pod([old, new, ending], nodes) is None
    assert surplus_pod([old, new, _pod("pending", "")], nodes) is None


def test_only_what_a_kubelet_says_that_has_just_started_passes() -> None:
    said = "error: Internal error occurred: unable to upgrade connection: pod does not exist"
    assert is_passing(f"worker-1: the API server does not get through to the kubelet: {said}")
    for lasting in ("Unauthorized", "Forbidden (user=kube-apiserver)", "x509: certificate signed by unknown"):
        assert not is_passing(f"worker-1: the API server does not get through to the kubelet: {lasting}")
    for gone in (
        "error sending request: dial tcp 10.0.0.7:10250: connect: no route to host",
        "did not answer within 15 s",
    ):
        assert is_passing(f"worker-1: the API server does not get through to the kubelet: {gone}")
