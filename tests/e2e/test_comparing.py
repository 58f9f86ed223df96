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


_NEW = {"custom": True, "type": "command:remote:Command"}
_MARK = "4dabf18193072939515e22adb298388d"


def _lines(state: dict[str, Any]) -> same.Ends:
    return {"state": frozenset(same.of_state(state))}


def _life(number: int, **changed: Any) -> same.Ends:
    """Ids, secrets and times of its own."""
    run = _ID.replace("9", str(number))
    inputs = {"create": "docker apply", "stdin": f"run | {run}\nmaxPods: 55", "key": {_MARK: str(number)}}
    return _lines(_state(**({"id": run, "created": f"202{number}-01-31", "inputs": inputs} | changed)))


def test_what_is_made_anew_is_no_difference() -> None:
    anew = same.made_anew(_life(1), _life(2))
    assert len(anew) == 1
    assert same.differences(_life(1), _life(2)) != []
    assert same.differences(_life(1), _life(3), anew) == []
    assert same.differences(_life(1), _life(3, dependencies=["urn:b", "urn:a"]), anew) == []


def test_a_time_and_an_address_that_two_lives_have_anew_may_differ_in_a_third() -> None:
    def life(second: int, address: str) -> same.Ends:
        text = f'"notBefore": "2026-01-31T12:00:{second:02}.5Z",\n"clusterIp": "{address}",'
        return _life(1, inputs={"stdin": text})

    anew = same.made_anew(life(1, "10.96.1.2"), life(2, "10.96.21.102"))
    assert same.differences(life(1, "10.96.1.2"), life(13, "10.96.7.8"), anew) == []
    assert same.differences(life(1, "10.96.1.2"), life(13, "none"), anew) != []


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
    anew = same.made_anew(_life(1), _life(2))
    assert same.differences(_life(1), _lines(_state(**changed)), anew) != []


def test_of_a_host_the_files_that_are_ours_count() -> None:
    kept = [
        "/etc/kubernetes/kubelet.yaml sha256 0123456789abcdef",
        "/var/lib/kubelet/config.json f 600 root:root",
    ]
    runs = ["/var/lib/docker/overlay2/x f 600 root:root", "/var/lib/kubelet/pods/y d 750 root:root"]
    assert set(same.of_host("files", {"files": frozenset([*kept, *runs])})) == set(kept)


def test_a_file_with_a_key_may_differ_and_one_without_may_not() -> None:
    def host(key: str, config: str) -> same.Ends:
        lines = [f"/etc/k/key.pem sha256 {key}", f"/etc/k/kubelet.yaml sha256 {config}"]
        return {"files": frozenset(lines)}

    one = host("0123456789abcdef", "aaaa456789abcdef")
    anew = same.made_anew(one, host("1123456789abcdef", "aaaa456789abcdef"))
    assert same.differences(one, host("2123456789abcdef", "aaaa456789abcdef"), anew) == []
    assert len(same.differences(one, host("2123456789abcdef", "bbbb456789abcdef"), anew)) == 2


def test_the_engine_s_moments_are_read_while_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "events"
    log = EventLog(path)
    assert log.read() == []
    component = {"op": "create", "urn": _URN, "new": {"type": "kubenode:index:Docker"}}
    other: dict[str, Any] = {"sequence": 2, "resourcePreEvent": {"metadata": component}}
    begins: dict[str, Any] = {
        "sequence": 1,
        "resourcePreEvent": {"metadata": {"op": "create", "urn": _URN, "new": _NEW}},
    }
    idle = {"sequence": 2, "resourcePreEvent": {"metadata": {"op": "same", "urn": _URN, "new": _NEW}}}
    ends = {"sequence": 3, "resOutputsEvent": {"metadata": {"op": "create", "urn": _URN, "new": _NEW}}}
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
