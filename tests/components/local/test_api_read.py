"""What the program is told of the cluster: always an answer, quickly."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from components.local.api_read import facts, looks_like_proxy, may_run_on
from tests.components.local.conftest import FakeKubectl, refused

VERSION = {"gitVersion": "v1.37.2+k3s1"}


def node(name: str, claim: str | None = None, **more: Any) -> dict[str, Any]:
    annotations = {"kubenode/in-service": "d"} | ({"kubenode/claim": claim} if claim else {})
    return {
        "metadata": {"name": name, "uid": "u", "annotations": annotations, **more},
        "spec": {},
        "status": {},
    }


def daemon_set(name: str = "kube-proxy", image: str = "kube-proxy:v1", **spec: Any) -> dict[str, Any]:
    containers = [{"image": image, "command": spec.pop("command", ["/bin/x"])}]
    template = {"metadata": {"labels": spec.pop("labels", {})}, "spec": {"containers": containers, **spec}}
    return {"metadata": {"name": name, "namespace": "kube-system"}, "spec": {"template": template}}


def answer(**given: Any) -> dict[str, Any]:
    values = {"version": VERSION, "node_list": [], "daemon_sets": [], "requests": [], "labels": {}, **given}
    return facts(["w1", "w2"], "o/p/dev", **values)


def test_nodes_claims_and_foreign_ones() -> None:
    found = answer(node_list=[node("w1", "o/p/dev"), node("w2", "o/p/prod"), node("other", "o/p/prod")])
    assert found["serverVersion"] == "1.37.2"
    assert set(found["nodes"]) == {"w1", "w2"}
    assert found["nodes"]["w1"]["inService"] == "d"
    assert found["foreign"] == {"w2": "claimed by the stack o/p/prod"}


def test_a_node_that_nobody_claims_is_foreign() -> None:
    assert answer(node_list=[node("w1")])["foreign"] == {"w1": "exists, and no stack of kubenode claims it"}


def _on_machine(name: str, machine: str) -> dict[str, Any]:
    return {**node(name, "o/p/dev"), "status": {"nodeInfo": {"machineID": machine}}}


def test_clones_of_our_nodes_are_named_and_others_are_not_our_business() -> None:
    found = answer(
        node_list=[
            _on_machine("w1", "a"),
            _on_machine("w2", "b"),
            _on_machine("other", "a"),
            _on_machine("third", "a"),
            _on_machine("x", "c"),
            _on_machine("y", "c"),
        ]
    )
    assert found["sameMachine"] == {"w1": ["other", "third"]}


def test_nodes_that_have_not_reported_are_no_clones() -> None:
    assert answer(node_list=[node("w1"), node("w2"), _on_machine("x", "")])["sameMachine"] == {}


def test_pending_requests_of_our_nodes_only() -> None:
    def request(name: str, user: str, decided: bool = False) -> dict[str, Any]:
        status = {"conditions": [{"type": "Approved"}]} if decided else {}
        return {"metadata": {"name": name}, "spec": {"username": user}, "status": status}

    requests = [
        request("a", "system:node:w1"),
        request("b", "system:node:w1", decided=True),
        request("c", "system:node:w9"),
        request("d", "system:node:w1"),
    ]
    assert answer(requests=requests)["pendingRequests"] == {"w1": ["a", "d"]}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (daemon_set(image="registry.k8s.io/kube-proxy:v1.37.2"), True),
        (daemon_set(image="registry.k8s.io/kube-proxy@sha256:abc"), True),
        (daemon_set(image="k8s.gcr.io/kube-proxy-amd64:v1.10"), True),
        (daemon_set(image="registry:5000/own:1", command=["/usr/local/bin/kube-proxy"]), True),
        (daemon_set(image="x", labels={"k8s-app": "kube-proxy"}), True),
        (daemon_set(name="kube-proxy-metrics", image="exporter:1"), False),
        (daemon_set(image="watch-kube-proxy-logs:1"), False),
        (daemon_set(image="calico/node:v3"), False),
    ],
)
def test_looks_like_proxy(found: dict[str, Any], expected: bool) -> None:
    assert looks_like_proxy(found) is expected


def affinity(*expressions: dict[str, Any]) -> dict[str, Any]:
    terms = [{"matchExpressions": list(expressions)}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, True),
        ({"nodeSelector": {"kubernetes.io/os": "linux"}}, True),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, False),
        ({"nodeSelector": {"kubernetes.io/arch": "arm64"}}, True),
        ({"nodeSelector": {"proxy": "yes"}}, False),
        ({"affinity": affinity({"key": "proxy", "operator": "DoesNotExist"})}, True),
        ({"affinity": affinity({"key": "proxy", "operator": "Exists"})}, False),
        (
            {"affinity": affinity({"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["w1"]})},
            False,
        ),
        ({"affinity": affinity({"key": "kubernetes.io/hostname", "operator": "In", "values": ["w1"]})}, True),
    ],
)
def test_may_run_on(spec: dict[str, Any], expected: bool) -> None:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": "w1"}
    assert may_run_on(daemon_set(**spec), labels) is expected


def test_a_proxy_for_a_node_that_does_not_exist_yet_and_one_that_keeps_off() -> None:
    kept_off = daemon_set("keeps-off", nodeSelector={"node-role.kubernetes.io/control-plane": ""})
    found = answer(daemon_sets=[daemon_set(), kept_off])["daemonSetProxies"]
    assert found == {"kube-system/kube-proxy": ["w1", "w2"]}


def test_the_labels_that_a_new_node_will_have_keep_a_proxy_away() -> None:
    away = daemon_set("away", affinity=affinity({"key": "proxy", "operator": "NotIn", "values": ["ours"]}))
    found = answer(daemon_sets=[away], labels={"w1": {"proxy": "ours"}})["daemonSetProxies"]
    assert found == {"kube-system/away": ["w2"]}


def read(fake_kubectl: FakeKubectl, **values: Any) -> dict[str, Any]:
    outcome = fake_kubectl.run("api-read", "apply", nodes=["w1"], stack="o/p/dev", **values)
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_unreachable_is_an_answer(fake_kubectl: FakeKubectl) -> None:
    text = "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?"
    fake_kubectl.answer("get /version", refused(text))
    fake_kubectl.answer("get /api/v1/nodes", refused(text))
    found = read(fake_kubectl)
    assert found["reachable"] is False
    assert "10.0.0.1:6443 was refused" in found["error"]
    assert len(fake_kubectl.asked("get --raw /version")) == 1, "no retries: a preview must not wait"


def test_a_missing_kubeconfig_is_an_answer(fake_kubectl: FakeKubectl, tmp_path: Path) -> None:
    found = read(fake_kubectl, kubeconfigFile=str(tmp_path / "nope"))
    assert found["reachable"] is False
    assert "nope does not exist" in found["error"]


def test_without_kubectl_there_is_an_answer(fake_kubectl: FakeKubectl) -> None:
    found = read(fake_kubectl, env={"PATH": only_coreutils(fake_kubectl.directory)})
    assert found["reachable"] is False
    assert "kubectl was not found on PATH" in found["error"]


def only_coreutils(directory: Path) -> str:
    """A PATH with what the launcher uses, and no kubectl."""
    folder = directory / "bin"
    folder.mkdir()
    for name in ("sh", "env", "sed", "dirname"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    return str(folder)


def test_a_hanging_api_is_bounded_and_an_answer(fake_kubectl: FakeKubectl) -> None:
    fake_kubectl.answer("get /version", {"sleep": 30})
    fake_kubectl.answer("get /api/v1/nodes", {"sleep": 30})
    started = time.monotonic()
    found = read(fake_kubectl, timeoutSeconds=1)
    assert time.monotonic() - started < 8
    assert found["reachable"] is False
    assert "did not answer within 1 s" in found["error"]


def test_daemon_sets_that_may_not_be_read_do_not_spoil_the_answer(fake_kubectl: FakeKubectl) -> None:
    fake_kubectl.answer("get /version", {"out": VERSION})
    fake_kubectl.answer("get /api/v1/nodes", {"out": {"items": [node("w1", "o/p/dev")]}})
    fake_kubectl.answer("get /apis/apps/v1/daemonsets", refused("Error from server (Forbidden): no"))
    found = read(fake_kubectl)
    assert found["reachable"] is True
    assert found["nodes"]["w1"]["exists"] is True
    assert found["daemonSetProxies"] == {}


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        (None, None),
        ({}, None),
        ({"metadata": {"name": "proof", "annotations": {"kubenode/claim": "o/p/dev"}}}, None),
        ({"metadata": {"name": "proof", "deletionTimestamp": "2026-01-01T00:00:00Z"}}, None),
        ({"metadata": {"name": "proof"}}, {"name": "proof", "claim": None}),
        (
            {"metadata": {"name": "proof", "annotations": {"kubenode/claim": "o/p/x"}}},
            {"name": "proof", "claim": "o/p/x"},
        ),
    ],
)
def test_whose_the_proof_s_namespace_is(namespace: Any, expected: Any) -> None:
    assert answer(namespace=namespace)["foreignNamespace"] == expected
