"""The tools of these tests: what tells two lives of a node apart, and the engine's list of steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import same
from tests.e2e.moments import BEGINS, ENDS, EventLog, Moment, spread

_URN = "urn:pulumi:dev::kubenode::kubenode:index:Node$command:remote:Command::worker-1-docker"
_ID = "9f1c7a0e-1d2b-4c3d-8e4f-5a6b7c8d9e0f"


def _state(**changed: Any) -> dict[str, Any]:
    resource = {
        "urn": _URN,
        "type": "command:remote:Command",
        "id": _ID,
        "created": "2026-01-31T12:00:00Z",
        "inputs": {"create": "docker apply", "stdin": f"run | {_ID}\nmaxPods: 55", "key": {_MARK: "1b47"}},
        "dependencies": ["urn:a", "urn:b"],
    }
    return {"deployment": {"resources": [resource | changed]}}


_MARK = "4dabf18193072939515e22adb298388d"


def _lines(state: dict[str, Any]) -> same.Ends:
    return {"state": frozenset(same.of_state(state))}


def test_what_is_made_anew_is_no_difference() -> None:
    other = _state(
        id=_ID.replace("9", "8"),
        created="2026-02-01T12:00:00Z",
        dependencies=["urn:b", "urn:a"],
        inputs={
            "create": "docker apply",
            "stdin": f"run | {_ID.replace('9', '8')}\nmaxPods: 55",
            "key": {_MARK: "ffff"},
        },
    )
    assert same.differences(_lines(_state()), _lines(other)) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"dependencies": ["urn:a"]},
        {"inputs": {"create": "docker apply", "stdin": f"run | {_ID}\nmaxPods: 56", "key": {_MARK: "1b47"}}},
        {"inputs": {"create": "docker apply", "stdin": f"run | {_ID}\nmaxPods: 55", "key": "plain"}},
        {"urn": _URN.replace("docker", "calico")},
        {"parent": "urn:another"},
        {"protect": True},
    ],
)
def test_everything_else_in_a_state_is_one(changed: dict[str, Any]) -> None:
    assert same.differences(_lines(_state()), _lines(_state(**changed))) != []


def test_of_a_host_the_files_that_are_ours_count() -> None:
    kept = [
        "/etc/kubernetes/kubelet.yaml sha256 0123456789abcdef",
        "/var/lib/kubelet/config.json f 600 root:root",
    ]
    anew = "/etc/kubernetes/kubelet.kubeconfig sha256 0123456789abcdef"
    runs = ["/var/lib/docker/overlay2/x f 600 root:root", "/var/lib/kubelet/pods/y d 750 root:root"]
    found = set(same.of_host("files", {"files": frozenset([*kept, anew, *runs])}))
    assert found == {*kept, "/etc/kubernetes/kubelet.kubeconfig sha256"}


def test_the_engine_s_moments_are_read_while_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "events"
    log = EventLog(path)
    assert log.read() == []
    other: dict[str, Any] = {"sequence": 2, "summaryEvent": {}}
    begins: dict[str, Any] = {"sequence": 1, "resourcePreEvent": {"metadata": {"op": "create", "urn": _URN}}}
    idle = {"sequence": 2, "resourcePreEvent": {"metadata": {"op": "same", "urn": _URN}}}
    ends = {"sequence": 3, "resOutputsEvent": {"metadata": {"op": "create", "urn": _URN}}}
    text = "".join(f"{json.dumps(event)}\n" for event in [begins, other, idle, ends])
    half = len(text) - 30
    path.write_text(text[:half], encoding="utf-8")
    assert log.read() == [Moment(BEGINS, "create", _URN)]
    with path.open("a", encoding="utf-8") as file:
        file.write(text[half:])
    assert [str(one) for one in log.read()] == [
        "create of worker-1-docker (command:remote:Command) begins",
        "create of worker-1-docker (command:remote:Command) ends",
    ]
    assert log.read()[1] == Moment(ENDS, "create", _URN)


def test_moments_are_spread_over_all_of_them() -> None:
    moments = [Moment(BEGINS, "create", f"a::b::c::{number}") for number in range(50)]
    picked = spread(moments, 20)
    assert len(set(picked)) == 20
    assert picked[0] == moments[0]
    assert picked[-1] in moments[-3:]
    assert spread(moments[:5], 20) == moments[:5]
