"""Reading Nodes and Leases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.local import nodes
from components.local.in_service import Proof, shortcomings

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def lease(age_seconds: float) -> dict[str, Any]:
    return {"spec": {"renewTime": stamp(NOW - timedelta(seconds=age_seconds))}}


def node(
    ready: str = "True",
    version: str = "v1.37.2",
    heartbeat_age: float = 5,
    message: str = "not now",
    taints: tuple[tuple[str, str], ...] = (),
) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "Because",
        "message": message,
        "lastHeartbeatTime": (NOW - timedelta(seconds=heartbeat_age)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {
        "metadata": {"name": "w", "uid": "u"},
        "spec": {"taints": [{"key": key, "effect": effect} for key, effect in taints]},
        "status": {"nodeInfo": {"kubeletVersion": version}, "conditions": [condition]},
    }


@pytest.mark.parametrize(
    ("found", "its_lease", "joined"),
    [
        (None, None, False),
        (node(version=""), lease(1), False),
        (node(), None, False),
        (node(), lease(1), True),
        (node("Unknown"), lease(30), True),
        (node("Unknown"), lease(600), False),
        (node("False"), lease(5), True),
        (node("False"), lease(600), False),
    ],
)
def test_is_joined(found: Any, its_lease: Any, joined: bool) -> None:
    assert nodes.is_joined(found, its_lease, NOW) is joined


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", NOW),
        ("2026-01-31T12:00:00.5Z", NOW + timedelta(seconds=0.5)),
        ("2026-01-31T12:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
        ("2026-01-31T13:00:00+01:00", NOW),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_read_time(text: Any, expected: datetime | None) -> None:
    assert nodes.read_time(text) == expected


def test_conditions_name_only_what_is_wrong() -> None:
    conditions = [
        {"type": "MemoryPressure", "status": "False", "message": "fine"},
        {"type": "DiskPressure", "status": "True", "reason": "Full", "message": "disk"},
        {"type": "Ready", "status": "False", "reason": "NotReady", "message": "cni"},
    ]
    assert nodes.describe_conditions(conditions) == "DiskPressure=True Full disk; Ready=False NotReady cni"
    assert "no kubelet has reported" in nodes.describe_conditions([])


@pytest.mark.parametrize("text", ["org/project/stack", "x" * 200, "ü", "-", "a b", "ends-"])
def test_label_values_are_valid_and_differ(text: str) -> None:
    value = nodes.label_value(text)
    assert nodes._LABEL_VALUE.fullmatch(value)
    assert value != nodes.label_value(text + "x")


def test_a_text_that_may_be_a_label_stays_itself() -> None:
    assert nodes.label_value("worker-1.example.com") == "worker-1.example.com"


NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"

# The node was Ready and its Lease renewed 5 s ago; what counts is whether that was the kubelet of now.
STARTED_BEFORE = Proof(NOW - timedelta(seconds=5), NOW - timedelta(seconds=60))
STARTED_AFTER = Proof(NOW - timedelta(seconds=5), NOW - timedelta(seconds=1))
UNKNOWN_START = Proof(NOW - timedelta(seconds=5), None)
NO_LEASE_AT_FIRST = Proof(None, None)


@pytest.mark.parametrize(
    ("found", "its_lease", "proof", "version", "missing"),
    [
        (node(), lease(5), STARTED_BEFORE, "1.37.2", ""),
        (node(), lease(5), STARTED_BEFORE, "", ""),
        (node(), lease(5), UNKNOWN_START, "", "was last renewed at 11:59:55 UTC, not since"),
        (node(), lease(0), UNKNOWN_START, "", ""),
        (node(), lease(5), NO_LEASE_AT_FIRST, "", ""),
        # The kubelet was started after its last Lease: that renewal was another's.
        (node(), lease(5), STARTED_AFTER, "", "was last renewed"),
        (node(heartbeat_age=0), lease(0), STARTED_AFTER, "", ""),
        # Lease already renewed by the new kubelet, Ready still the old one's word.
        (node(heartbeat_age=30), lease(0), STARTED_AFTER, "", "has not reported its status since"),
        (node("False"), lease(0), STARTED_BEFORE, "", "Ready=False Because not now"),
        (node("Unknown"), lease(0), STARTED_BEFORE, "", "Ready=Unknown"),
        (node(version="v1.36.3"), lease(0), STARTED_BEFORE, "1.37.2", "kubelet 1.37.2 has not reported"),
        (node(), None, STARTED_BEFORE, "", "Lease kube-node-lease/w does not exist"),
        (None, None, NO_LEASE_AT_FIRST, "", "no such Node"),
        # Ready, but no pod would come yet.
        (
            node(taints=((NOT_READY, "NoSchedule"), ("rack", "NoExecute"))),
            lease(5),
            STARTED_BEFORE,
            "",
            f"(its taint {NOT_READY}:NoSchedule)",
        ),
        (
            node(taints=((UNREACHABLE, "NoExecute"),)),
            lease(5),
            STARTED_BEFORE,
            "",
            f"{UNREACHABLE}:NoExecute",
        ),
        (
            node(taints=(("node.kubernetes.io/memory-pressure", "NoSchedule"),)),
            lease(5),
            STARTED_BEFORE,
            "",
            "",
        ),
    ],
)
def test_shortcomings(found: Any, its_lease: Any, proof: Proof, version: str, missing: str) -> None:
    reasons = shortcomings(found, its_lease, proof, version)
    if missing:
        assert missing in "; ".join(reasons)
    else:
        assert reasons == []


def test_of_a_node_that_is_not_ready_its_taint_is_no_reason_of_its_own() -> None:
    reasons = shortcomings(node("False", taints=((NOT_READY, "NoExecute"),)), lease(5), STARTED_BEFORE, "")
    assert reasons == ["the node is not Ready (Ready=False Because not now)"]
