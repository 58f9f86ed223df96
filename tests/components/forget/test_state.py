"""One node in an exported state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.forget import state

_SECRET = "4dabf18193072939515e22adb298388d"
_START = "urn:pulumi:prod::kubenode::"
_NODE = "kubenode:index:Node"


def _secret(value: object) -> dict[str, str]:
    return {_SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(value)}


def _urn(name: str, kind: str) -> str:
    return f"{_START}{kind}::{name}"


def _node(name: str) -> dict[str, Any]:
    return {"urn": _urn(name, _NODE), "type": _NODE, "custom": False}


def _remote(node: str, part: str, **more: Any) -> dict[str, Any]:
    bundle = f"kubenode bundle 1\npart | {'claim' if part == 'release' else part}\nclaim | acme/kubenode/prod\nend\n"
    return {
        "urn": _urn(f"{node}-{part}", f"{_NODE}$command:remote:Command"),
        "type": "command:remote:Command",
        "parent": _urn(node, _NODE),
        "inputs": {
            "stdin": bundle,
            "connection": _secret({"host": "10.0.0.11", "port": 2222, "proxy": None}),
        },
        **more,
    }


def _local(node: str, step: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "urn": _urn(f"{node}-{step}", f"{_NODE}$command:local:Command"),
        "type": "command:local:Command",
        "parent": _urn(node, _NODE),
        "inputs": {"stdin": _secret(json.dumps({"kubeconfigFile": "admin", "node": node, **arguments}))},
        **more,
    }


def _exported(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": 3, "deployment": {"manifest": {}, "resources": list(resources), **more}}


def _whole() -> dict[str, Any]:
    report = {"clientCertificateExpires": "2027-11-23T00:00:00Z"}
    served = _local("worker-1", "in-service", {}, outputs={"stdout": _secret(json.dumps(report))})
    return _exported(
        _node("worker-1"),
        _remote("worker-1", "release"),
        _remote("worker-1", "claim"),
        _local("worker-1", "bootstrap-token", {"tokenId": "abcdef", "tokenSecret": "0123456789abcdef"}),
        _remote("worker-1", "kubelet"),
        served,
        _node("worker-10"),
        _remote("worker-10", "release"),
        _local(
            "worker-10",
            "out-of-service",
            {},
            dependencies=[_urn("worker-10-node", "x"), served["urn"]],
            propertyDependencies={"stdin": [served["urn"]], "create": None},
            deletedWith=served["urn"],
        ),
        pending_operations=[
            {"resource": _remote("worker-1", "docker"), "type": "creating"},
            {"resource": _remote("worker-10", "docker"), "type": "creating"},
        ],
    )


def test_what_the_state_knows_of_a_node() -> None:
    lost = state.find(_whole(), "worker-1")
    assert len(lost.urns) == 6
    assert lost.door == state.Door("10.0.0.11", 2222, bastion=False)
    assert lost.claim == "acme/kubenode/prod"
    assert lost.operator == {"kubeconfigFile": "admin"}
    assert lost.token_ids == ("abcdef",)
    assert lost.parts == ("claim", "kubelet")
    assert lost.certificate_ends == "2027-11-23T00:00:00Z"


def test_a_node_whose_host_never_answered_has_only_its_release() -> None:
    exported = _exported(_node("w"), _remote("w", "release"), _local("other", "in-service", {"context": "c"}))
    lost = state.find(exported, "w")
    assert lost.parts == ()
    assert lost.claim == "acme/kubenode/prod"
    assert lost.operator == {"kubeconfigFile": "admin", "context": "c"}
    alone = state.find(_exported(_node("w"), _remote("w", "release")), "w")
    assert alone.operator is None


def test_behind_a_bastion() -> None:
    connection = _secret({"host": "10.0.0.11", "proxy": {"host": "10.0.0.1"}})
    release = _remote("w", "release", inputs={"stdin": "claim | a/b/c\n", "connection": connection})
    assert state.find(_exported(_node("w"), release), "w").door == state.Door("10.0.0.11", 22, bastion=True)


@pytest.mark.parametrize(
    ("exported", "words"),
    [
        (_exported(_node("worker-2")), "there is no node worker-1 in the state. Its nodes are: worker-2."),
        ({"version": 3}, "Its nodes are: none."),
        (_exported(_node("worker-1")), "no command of it"),
    ],
)
def test_a_state_without_it(exported: dict[str, Any], words: str) -> None:
    with pytest.raises(state.StateError) as caught:
        state.find(exported, "worker-1")
    assert words in caught.value.args[0]


def test_who_waited_for_it_stays_and_waits_no_longer() -> None:
    whole = _whole()
    found = state.without(whole, state.find(whole, "worker-1").urns)
    assert "worker-1-" not in json.dumps(found)
    resources = found["deployment"]["resources"]
    assert [one["urn"].split("::")[-1] for one in resources] == [
        "worker-10",
        "worker-10-release",
        "worker-10-out-of-service",
    ]
    waits = resources[-1]
    assert waits["dependencies"] == [_urn("worker-10-node", "x")]
    assert waits["propertyDependencies"] == {"stdin": [], "create": []}
    assert "deletedWith" not in waits
    assert [one["resource"]["urn"].split("::")[-1] for one in found["deployment"]["pending_operations"]] == [
        "worker-10-docker"
    ]
    # The export that was read is as it was.
    assert whole == _whole()
