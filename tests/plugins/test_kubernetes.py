"""The kubernetes plugin over gRPC, against a real API server."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import yaml

from sandbox.plugins.values import UNKNOWN, Secret, plain
from tests.plugins.controlplane import TOKEN, ControlPlane
from tests.plugins.rpc import Engine, RefusedError, State, partial

NODE, CONFIG, SECRET = "kubernetes:core/v1:Node", "kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:Secret"
NAMESPACE, DEPLOYMENT = "kubernetes:core/v1:Namespace", "kubernetes:apps/v1:Deployment"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
pytestmark = pytest.mark.sandbox

NO_CHANGE = 1  # DiffResponse.DIFF_NONE


@pytest.fixture
def k8s(kubernetes: Engine, cluster: ControlPlane) -> Iterator[Engine]:
    kubernetes.configure(kubeconfig=Secret(cluster.kubeconfig))
    yield kubernetes
    cluster.kubectl("delete", "nodes,configmaps,secrets,deployments", "--all", "--wait=false")


def node(name: str, annotations: Any = None, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels or None, "annotations": annotations}}


def error_of(call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **more)
    return str(caught.value.details())


def test_life_of_a_node(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(NODE, "n", **node("life", role="worker"))
    assert made.id == "life"
    assert made.outputs["metadata"]["uid"]
    assert k8s.diff(NODE, "n", made, **node("life", role="worker")).changes == NO_CHANGE
    diff = k8s.diff(NODE, "n", made, **node("life", role="other", **{"a.b/c": "1"}))
    assert set(diff.detailedDiff) == {'metadata.labels["a.b/c"]', "metadata.labels.role"}
    assert list(diff.replaces) == []
    k8s.update(NODE, "n", made, **node("life", role="other"))
    assert cluster.kubectl("get", "node", "life", "-o", "jsonpath={.metadata.labels.role}") == "other"
    k8s.delete(NODE, "n", made)
    assert not cluster.exists("node", "life")
    k8s.delete(NODE, "n", made)  # gone already


def test_a_dropped_label_goes_also_right_after_create(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(NODE, "n", **node("drop", a="1", b="2"))
    k8s.update(NODE, "n", made, **node("drop", a="1"))
    assert json.loads(cluster.kubectl("get", "node", "drop", "-o", "jsonpath={.metadata.labels}")) == {
        "a": "1"
    }


def test_create_refuses_what_exists_unless_upsert(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(NODE, "n", **node("twice"))
    assert "already exists" in error_of(k8s.create, NODE, "n", **node("twice"))
    k8s.configure(kubeconfig=cluster.kubeconfig, upsertExistingObjects="true")  # the SDK sends JSON text
    again = k8s.create(NODE, "n", **node("twice", a="1"))
    assert again.outputs["metadata"]["uid"] == made.outputs["metadata"]["uid"]


def test_conflict_names_field_and_manager(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(NODE, "n", **node("conflict", {"kubenode/claim": "one"}))
    made = k8s.update(NODE, "n", made, **node("conflict", {"kubenode/claim": "two"}))
    first = made.outputs["__fieldManager"]
    k8s.configure(kubeconfig=cluster.kubeconfig, upsertExistingObjects=True)
    text = error_of(k8s.create, NODE, "n", **node("conflict", {"kubenode/claim": "three"}))
    assert ".metadata.annotations.kubenode/claim" in text
    assert f'"{first}"' in text
    forced = node("conflict", {"kubenode/claim": "three", "pulumi.com/patchForce": "true"})
    k8s.create(NODE, "n", **forced)
    claim = cluster.kubectl(
        "get", "node", "conflict", "-o", r"jsonpath={.metadata.annotations.kubenode/claim}"
    )
    assert claim == "three"


def test_conflict_in_update_keeps_the_resource_as_not_initialized(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(NODE, "n", **node("contested", a="1"))
    made = k8s.update(NODE, "n", made, **node("contested", a="2"))
    cluster.kubectl("label", "node", "contested", "a=3", "--overwrite", "--field-manager=somebody")
    with pytest.raises(grpc.RpcError) as caught:
        k8s.update(NODE, "n", made, **node("contested", a="4"))
    detail = partial(caught.value)
    assert detail.id == "contested"
    assert 'conflict with "somebody"' in detail.reasons[0]


def test_refresh_looks_at_our_fields_only(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(NODE, "n", **node("drift", ours="1"))
    cluster.kubectl("label", "node", "drift", "foreign=1")
    cluster.kubectl("cordon", "drift")
    seen = k8s.read(NODE, "n", made)
    assert isinstance(seen, State)
    assert seen.inputs["metadata"] == {"name": "drift", "labels": {"ours": "1"}}
    assert k8s.diff(NODE, "n", seen, **node("drift", ours="1")).changes == NO_CHANGE
    cluster.kubectl("label", "node", "drift", "ours=2", "--overwrite")
    seen = k8s.read(NODE, "n", made)
    assert isinstance(seen, State)
    assert list(k8s.diff(NODE, "n", seen, **node("drift", ours="1")).detailedDiff) == ["metadata.labels.ours"]
    cluster.kubectl("delete", "node", "drift")
    assert k8s.read(NODE, "n", made) is None


def test_refresh_ignores_the_servers_defaults_in_lists(k8s: Engine, cluster: ControlPlane) -> None:
    service = "kubernetes:core/v1:Service"
    inputs = {"metadata": {"name": "defaults"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "1"}}}
    made = k8s.create(service, "s", **inputs)
    seen = k8s.read(service, "s", made)
    assert isinstance(seen, State)
    assert seen.outputs["spec"]["ports"][0]["protocol"] == "TCP"
    assert k8s.diff(service, "s", seen, **inputs).changes == NO_CHANGE
    k8s.delete(service, "s", made)


def test_preview_rehearses_on_the_server(k8s: Engine, cluster: ControlPlane) -> None:
    outputs = k8s.preview_create(CONFIG, "c", metadata={"name": "seen"}, data={"a": "1"})
    assert outputs["metadata"]["uid"]
    assert not cluster.exists("configmap", "seen")
    unknown = k8s.preview_create(CONFIG, "c", metadata={"name": UNKNOWN}, data={"a": "1"})
    assert unknown["metadata"]["name"] is UNKNOWN
    made = k8s.create(CONFIG, "c", metadata={"name": "seen"}, data={"a": "1"})
    k8s.preview_update(CONFIG, "c", made, metadata={"name": "seen"}, data={"a": "2"})
    assert cluster.kubectl("get", "configmap", "seen", "-o", "jsonpath={.data.a}") == "1"


def test_config_map_data_replaces_unless_mutable(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(CONFIG, "c", metadata={"name": "data"}, data={"a": "1"})
    diff = k8s.diff(CONFIG, "c", made, metadata={"name": "data"}, data={"a": "2"})
    assert (list(diff.replaces), diff.deleteBeforeReplace) == (["data.a"], True)
    k8s.configure(kubeconfig=cluster.kubeconfig, enableConfigMapMutable=True)
    assert list(k8s.diff(CONFIG, "c", made, metadata={"name": "data"}, data={"a": "2"}).replaces) == []


@pytest.mark.parametrize(
    ("token", "old", "new", "replaced"),
    [
        (NODE, node("r1"), node("r2"), ["metadata.name"]),
        (
            BINDING,
            {
                "metadata": {"name": "b"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "a"},
            },
            {
                "metadata": {"name": "b"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "c"},
            },
            ["roleRef.name"],
        ),
        (
            CONFIG,
            {"metadata": {"name": "c", "namespace": "a"}},
            {"metadata": {"name": "c", "namespace": "b"}},
            ["metadata.namespace"],
        ),
        (CONFIG, {"metadata": {"name": "c"}}, {"metadata": {"name": "c", "namespace": "default"}}, []),
        (
            DEPLOYMENT,
            {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "1"}}, "replicas": 1}},
            {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "2"}}, "replicas": 2}},
            ["spec.selector.matchLabels.a"],
        ),
    ],
)
def test_what_replaces(k8s: Engine, token: str, old: Any, new: Any, replaced: list[str]) -> None:
    inputs = k8s.check(token, "x", old)
    state = State(old["metadata"]["name"], inputs, inputs)
    assert list(k8s.diff(token, "x", state, **new).replaces) == replaced


def test_names_are_made_and_kept(k8s: Engine) -> None:
    made = k8s.create(CONFIG, "auto", data={"a": "1"})
    name = made.outputs["metadata"]["name"]
    assert made.id == f"default/{name}"
    assert re.fullmatch("auto-[0-9a-f]{8}", name)
    diff = k8s.diff(CONFIG, "auto", made, data={"a": "2"})
    assert (list(diff.detailedDiff), diff.deleteBeforeReplace) == (["data.a"], False)


def test_secret_data_is_secret_and_no_false_change(k8s: Engine, cluster: ControlPlane) -> None:
    inputs = {"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}
    made = k8s.create(SECRET, "s", **inputs)
    encoded = base64.b64encode(b"hunter2").decode()
    assert isinstance(made.inputs["stringData"], Secret)
    assert isinstance(made.outputs["data"], Secret)
    assert plain(made.outputs["data"]) == {"password": encoded}
    assert isinstance(made.outputs["__inputs"]["stringData"], Secret)
    assert k8s.diff(SECRET, "s", made, **inputs).changes == NO_CHANGE
    seen = k8s.read(SECRET, "s", made)
    assert isinstance(seen, State)
    assert k8s.diff(SECRET, "s", seen, **inputs).changes == NO_CHANGE
    assert isinstance(seen.inputs["data"], Secret)


def test_secret_marks_of_the_inputs_are_kept(k8s: Engine) -> None:
    made = k8s.create(CONFIG, "c", metadata={"name": "marked"}, data={"open": "1", "hidden": Secret("2")})
    assert (made.outputs["data"]["open"], made.outputs["data"]["hidden"]) == ("1", Secret("2"))
    seen = k8s.read(CONFIG, "c", made)
    assert isinstance(seen, State)
    assert seen.inputs["data"]["hidden"] == seen.outputs["data"]["hidden"] == Secret("2")


def test_wait_for_a_condition(k8s: Engine, cluster: ControlPlane) -> None:
    waiting = node("waits", {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "1"})
    with pytest.raises(grpc.RpcError) as caught:
        k8s.create(NODE, "n", **waiting)
    detail = partial(caught.value)
    assert detail.id == "waits"
    assert list(detail.reasons)[1] == "there is no condition Ready yet"
    made = k8s.create(NODE, "n2", **node("ready"))
    status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    cluster.kubectl("patch", "node", "ready", "--subresource=status", "-p", json.dumps(status))
    for wanted in ("condition=Ready", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True'):
        k8s.update(NODE, "n2", made, **node("ready", {"pulumi.com/waitFor": wanted}))


def test_deployment_is_awaited_unless_skipped(k8s: Engine) -> None:
    labels = {"app": "a"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}},
    }
    short = {"name": "d", "annotations": {"pulumi.com/timeoutSeconds": "1"}}
    with pytest.raises(grpc.RpcError) as caught:
        k8s.create(DEPLOYMENT, "d", metadata=short, spec=spec)
    assert list(partial(caught.value).reasons)[1] == "0 of 1 replicas updated, 0 available"
    k8s.create(
        DEPLOYMENT, "e", metadata={"name": "e", "annotations": {"pulumi.com/skipAwait": "true"}}, spec=spec
    )


def test_delete_waits_until_gone_and_gives_up_in_time(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(CONFIG, "c", metadata={"name": "held", "finalizers": ["test/held"]})
    text = error_of(k8s.delete, CONFIG, "c", made, timeout=1)
    assert text == "timed out waiting for default/held to be deleted: still there"
    cluster.kubectl("patch", "configmap", "held", "-p", '{"metadata": {"finalizers": null}}')
    k8s.delete(CONFIG, "c", made)


def test_unreachable_cluster(k8s: Engine, cluster: ControlPlane) -> None:
    made = k8s.create(CONFIG, "c", metadata={"name": "far"}, data={"a": "1"})
    away = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", cluster.kubeconfig)
    k8s.configure(kubeconfig=away)
    assert k8s.preview_create(NODE, "n", **node("new"))["metadata"]["name"] == "new"
    assert k8s.diff(CONFIG, "c", made, metadata={"name": "far"}, data={"a": "1"}).changes == NO_CHANGE
    assert "unreachable" in error_of(k8s.create, NODE, "n", **node("new"))
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in error_of(k8s.delete, CONFIG, "c", made)
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in error_of(k8s.read, CONFIG, "c", made)
    k8s.configure(kubeconfig=away, deleteUnreachable=True)
    k8s.delete(CONFIG, "c", made)
    assert k8s.read(CONFIG, "c", made) is None


def test_kubeconfig_by_relative_path(
    k8s: Engine, cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cluster.kubeconfig_file.parent)
    k8s.configure(kubeconfig="kubeconfig")
    k8s.create(NODE, "n", **node("by-path"))


def test_token_instead_of_a_certificate(k8s: Engine, cluster: ControlPlane) -> None:
    kubeconfig = yaml.safe_load(cluster.kubeconfig)
    kubeconfig["users"][0]["user"] = {"token": TOKEN}
    k8s.configure(kubeconfig=json.dumps(kubeconfig))
    k8s.create(NODE, "n", **node("by-token"))
    kubeconfig["users"][0]["user"] = {"token": "wrong"}
    k8s.configure(kubeconfig=json.dumps(kubeconfig))
    assert "Unauthorized" in error_of(k8s.create, NODE, "n", **node("refused"))


def test_default_namespace_only_for_namespaced_kinds(k8s: Engine, cluster: ControlPlane) -> None:
    k8s.configure(kubeconfig=cluster.kubeconfig, namespace="kube-system")
    assert k8s.check(CONFIG, "c", {"metadata": {"name": "c"}})["metadata"]["namespace"] == "kube-system"
    assert "namespace" not in k8s.check(NODE, "n", node("n"))["metadata"]
    k8s.configure(kubeconfig=cluster.kubeconfig)
    assert k8s.check(CONFIG, "c", {"metadata": {"name": "c"}})["metadata"]["namespace"] == "default"


def test_cluster_identifier_turns_replace_into_update(kubernetes: Engine) -> None:
    def settings(server: str, identifier: str | None) -> dict[str, Any]:
        cluster = {"name": "c", "cluster": {"server": server}}
        kubeconfig = {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            "clusters": [cluster],
        }
        return {"kubeconfig": Secret(json.dumps(kubeconfig)), "clusterIdentifier": identifier}

    def replaces(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        return list(kubernetes.diff_config(old, new).replaces)

    assert replaces(settings("https://a", None), settings("https://b", None)) == ["kubeconfig"]
    assert replaces(settings("https://a", "id"), settings("https://b", "id")) == []
    assert replaces(settings("https://a", "id"), settings("https://a", "other")) == ["clusterIdentifier"]
    assert replaces(settings("https://a", None), settings("https://a", "id")) == []
    unknown = {"kubeconfig": UNKNOWN, "clusterIdentifier": None}
    assert replaces(settings("https://a", None), unknown) == ["kubeconfig"]
    assert replaces(settings("https://a", "id"), {**unknown, "clusterIdentifier": "id"}) == []


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:core/v1:NodePatch",
        "kubernetes:yaml:ConfigFile",
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:core/v1:PodList",
    ],
)
def test_not_in_the_sandbox(kubernetes: Engine, token: str) -> None:
    assert f"{token} is not in the sandbox's kubernetes plugin" in error_of(kubernetes.check, token, "x", {})


def test_generate_name_is_refused(kubernetes: Engine) -> None:
    with pytest.raises(RefusedError, match="generateName"):
        kubernetes.check(CONFIG, "c", {"metadata": {"generateName": "x-"}})
