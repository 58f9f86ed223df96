"""How objects are written, and when two ways to write one are the same.

One program in two phases. Between them somebody else, who is not kubectl, writes on the same objects.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.plugins.behaviours import behaviour
from tests.plugins.controlplane import ControlPlane
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_PROGRAM = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig), upsert_existing_objects=True,
        enable_config_map_mutable=True)
    own = ResourceOptions(provider=provider)
    AWAITED = {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "1"}
    # One that comes to be what it waits for; its deletion has the same time, beside all others.
    IN_TIME = {**AWAITED, "pulumi.com/timeoutSeconds": "60"}

    definition = k8s.apiextensions.v1.CustomResourceDefinition("definition",
        metadata={"name": "things.example.com", "labels": {"a": at("1", "2")}},
        spec={"group": "example.com", "scope": "Cluster", "preserve_unknown_fields": False,
            "names": {"kind": "Thing", "plural": "things", "singular": "thing"},
            "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"open_apiv3_schema": {"type": "object",
                    "x_kubernetes_preserve_unknown_fields": True}}}]}, opts=own)
    def thing(name, spec, **annotations):
        return k8s.apiextensions.CustomResource(name, api_version="example.com/v1", kind="Thing",
            metadata={"name": name, "annotations": {**annotations, "k/a": "b"}}, spec=spec,
            opts=ResourceOptions(provider=provider, depends_on=[definition]))
    thing("thing", {"kept": "1"})
    thing("thing-empty", at({"a": "1"}, {"a": "1", "b": {}}))
    thing("thing-stale", {"a": at("1", "2")}, **at({}, AWAITED))
    thing("thing-stale-path", {"a": at("1", "2")}, **at({}, {**AWAITED, "pulumi.com/waitFor":
        "jsonpath={.status.phase}=Done"}))
    thing("thing-fresh", {"a": at("1", "2")}, **at({}, IN_TIME))

    def config_map(name, data, ignored=(), annotations=None, **labels):
        k8s.core.v1.ConfigMap(name, metadata={"name": name, "labels": labels, "annotations": annotations}, data=data,
            opts=ResourceOptions(provider=provider, ignore_changes=list(ignored)))
    config_map("ignored", {"a": at("1", "3")}, ["data"], a=at("1", "2"))
    config_map("ignored-shared", {"a": at("1", "3")}, ["data"], a=at("1", "2"))
    config_map("contested", {"a": at("1", "3")}, a=at("1", "2"))
    config_map("manager", {"a": "1"}, annotations=at({}, {"pulumi.com/patchFieldManager": "mine"}))
    config_map("manager-same", {"a": at("1", "2")})
    config_map("wrong-wait", {"a": "1"}, annotations=at({}, {"pulumi.com/waitFor": "Ready"}))
    for word in ("Background", "whatever"):
        config_map(f"propagation-{word.lower()}", {"a": "1"},
            annotations={"pulumi.com/deletionPropagationPolicy": word})

    def deployment(name, cpu, app="a"):
        k8s.apps.v1.Deployment(name, metadata={"name": name, "annotations": {"pulumi.com/skipAwait": "true"}},
            opts=own,
            spec={"replicas": 0, "selector": {"match_labels": {"app": app}}, "template": {
                "metadata": {"labels": {"app": app}}, "spec": {"host_network": False, "containers": [
                    {"name": "c", "image": "i", "resources": {"limits": {"cpu": cpu, "memory": "1024Mi"}}}]}}})
    deployment("selector", "1", app=at("a", "b"))
    deployment("quantity", at("1000m", "1"))
    deployment("quantity-changed", at("1000m", "2"))
    def policy(name, ingress):
        k8s.networking.v1.NetworkPolicy(name, metadata={"name": name}, opts=own,
            spec={"pod_selector": {}, "policy_types": ["Ingress"], "ingress": ingress})
    policy("rule", at([], [{}]))
    policy("no-rule", at(None, []))
    theirs = {"namespace_selector": {"match_labels": {"a": "b"}}}
    policy("all-pods", [{"from_": [at(theirs, {**theirs, "pod_selector": {}})]}])
"""
_THINGS = ("thing-stale", "thing-stale-path", "thing-fresh")


@dataclass(frozen=True)
class Life:
    """The phases, and what was on the cluster after them."""

    rehearsed: Phase
    created: Phase
    made: dict[str, Any]
    refreshed: Phase
    settled: Phase
    previewed: Phase
    changed: Phase
    after: dict[str, Any]
    failed_preview: Phase
    destroyed: Phase
    left: dict[str, Any]


def objects(cluster: ControlPlane) -> dict[str, Any]:
    kinds = "customresourcedefinitions,configmaps,deployments,networkpolicies"
    if cluster.exists("customresourcedefinition", "things.example.com"):
        kinds += ",things.example.com"
    listed = json.loads(cluster.kubectl("get", kinds, "-o", "json", "--show-managed-fields"))["items"]
    return {
        each["metadata"]["name"]: each for each in listed if each["metadata"]["name"] != "kube-root-ca.crt"
    }


def patch(cluster: ControlPlane, kind: str, name: str, what: dict[str, Any], *arguments: str) -> None:
    given = ("-p", json.dumps(what), "--type=merge", "--field-manager=somebody")
    cluster.kubectl("patch", kind, name, *given, *arguments)


def somebody_writes(cluster: ControlPlane) -> None:
    patch(cluster, "crd", "things.example.com", {"metadata": {"labels": {"a": "9", "theirs": "1"}}})
    patch(cluster, "configmap", "ignored", {"data": {"a": "9"}})
    patch(cluster, "configmap", "ignored-shared", {"data": {"b": "9"}})
    ready = {"type": "Ready", "status": "True"}
    status: dict[str, Any] = {"conditions": [ready], "phase": "Done"}
    for name in _THINGS:
        observed = {} if name == "thing-fresh" else {"observedGeneration": 1}
        patch(cluster, "thing", name, {"status": {**status, **observed}}, "--subresource=status")


@pytest.fixture(scope="module")
def life(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Life:
    directory = tmp_path_factory.mktemp("writes")
    values = {"kubeconfig": cluster.kubeconfig}
    scenario = Scenario(new_project(directory, directory / "home"), values=values)
    scenario.write(_PROGRAM)
    rehearsed = scenario.preview()
    created, made = scenario.up(), objects(cluster)
    refreshed, settled = scenario.refresh(), scenario.again()
    somebody_writes(cluster)
    previewed = scenario.preview()
    patch(cluster, "configmap", "contested", {"metadata": {"labels": {"a": "9"}}})
    changed, after = scenario.up("--continue-on-error", fails=True), objects(cluster)
    # Else the server would refuse the rehearsal too.
    patch(cluster, "configmap", "contested", {"metadata": {"labels": {"a": None}}})
    failed_preview = scenario.again()
    destroyed, left = scenario.destroy(), objects(cluster)
    return Life(
        rehearsed,
        created,
        made,
        refreshed,
        settled,
        previewed,
        changed,
        after,
        failed_preview,
        destroyed,
        left,
    )


def managers(obj: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["manager"], each["operation"]) for each in obj["metadata"]["managedFields"]}


@behaviour(
    "a changed definition of a kind (CustomResourceDefinition) is replaced as a whole: what others wrote is gone, and "
    "nobody conflicts",
    source="await/await.go `updateResource`",
    but="any other object is applied, and keeps what others wrote; a field of theirs is a conflict",
)
def test_definitions(life: Life) -> None:
    assert life.previewed.ops("definition") == life.changed.ops("definition") == ["update"]
    assert life.after["things.example.com"]["metadata"]["labels"] == {"a": "2"}
    assert 'conflict with "somebody"' in life.changed.error("contested")
    assert life.after["contested"]["metadata"]["labels"] == {"a": "9"}
    assert life.after["ignored-shared"]["data"]["b"] == "9"


@behaviour(
    "`x_kubernetes_…` of the SDK reaches the server with hyphens, and comes back with underscores",
    source="provider.go `propMapToUnstructured`, `checkpointObject`",
    but="what is no word of a schema is left as it is",
)
def test_words_with_hyphens(life: Life) -> None:
    (version,) = life.made["things.example.com"]["spec"]["versions"]
    assert version["schema"]["openAPIV3Schema"]["x-kubernetes-preserve-unknown-fields"] is True
    assert life.made["thing"]["spec"] == {"kept": "1"}
    (stored,) = life.created.outputs("definition")["spec"]["versions"]
    assert stored["schema"]["openAPIV3Schema"]["x_kubernetes_preserve_unknown_fields"] is True
    assert life.made["thing"]["metadata"]["annotations"]["k/a"] == "b"


@behaviour(
    "a preview knows the scope of a kind that the program itself defines",
    source="provider.go `Check`, clients/cache.go `CRDCache`",
    but="an object of a kind with namespaces is in one",
)
def test_scope_of_a_kind(life: Life) -> None:
    assert "namespace" not in life.rehearsed.step("thing").new["inputs"]["metadata"]
    assert life.rehearsed.step("ignored").new["inputs"]["metadata"]["namespace"] == "default"
    assert life.created.state["thing"]["id"] == "thing"


@behaviour(
    "of a path in `ignore_changes` an update sends what stands in the cluster, or nothing if only others manage it",
    source="await/await.go `handleSSAIgnoreFields`",
    but="of another path it sends the program's own, which may conflict",
)
def test_ignored_changes(life: Life) -> None:
    for name in ("ignored", "ignored-shared"):
        assert life.previewed.ops(name) == life.changed.ops(name) == ["update"]
        assert life.after[name]["metadata"]["labels"] == {"a": "2"}
        assert life.changed.messages(name, "error") == []
    assert life.after["ignored"]["data"] == {"a": "9"}
    assert life.after["ignored-shared"]["data"] == {"a": "1", "b": "9"}
    assert life.after["contested"]["data"] == {"a": "1"}


@behaviour(
    "with `upsertExistingObjects` a preview rehearses a replacement under another name, as the server refuses it under "
    "the old one; the run deletes the old object first",
    source="await/await.go `Creation`",
    but="an update in place is rehearsed under its own name",
)
def test_rehearsed_replacement(life: Life) -> None:
    assert "replace" in life.previewed.ops("selector")
    (told,) = life.previewed.messages("selector", "info", "info#err")
    assert 'Preview creation failed due to immutable fields; retrying with name "selector' in told
    assert life.previewed.messages("quantity-changed") == []
    assert life.after["selector"]["spec"]["selector"]["matchLabels"] == {"app": "b"}
    assert life.changed.messages("selector") == []


@behaviour(
    "quantities are numbers: `1000m` of cpu is `1`, in the program, in the cluster and after a refresh",
    source="clients/unstructured.go `Normalize`",
    but="another number is an update",
)
def test_quantities(life: Life) -> None:
    assert life.made["quantity"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "1",
        "memory": "1Gi",
    }
    assert life.settled.ops("quantity") == life.settled.ops("quantity-changed") == ["same"]
    assert life.previewed.ops("quantity") == life.changed.ops("quantity") == ["same"]
    assert life.previewed.ops("quantity-changed") == ["update"]


@behaviour(
    "after a refresh there is no change in what the server leaves out as it says nothing: `hostNetwork: false`, "
    "`preserveUnknownFields: false` of a definition",
    source="clients/unstructured.go `Normalize`, `normalizeCRD`",
    but="what is changed in the program is one",
)
def test_what_says_nothing(life: Life) -> None:
    assert "hostNetwork" not in life.made["quantity"]["spec"]["template"]["spec"]
    for name in ("definition", "quantity", "selector", "thing", "rule"):
        assert life.settled.ops(name) == ["same"]
    assert life.previewed.ops("definition") == ["update"]


@behaviour(
    "an empty map in a custom resource is something, and so are an empty item of a list, and an empty struct: "
    "`ingress: [{}]` lets all in, `podSelector: {}` is all pods",
    source="provider.go `Diff`, `normalizeInputs`",
    but="an empty list in an object of Kubernetes' own is as good as none",
)
def test_what_is_empty(life: Life) -> None:
    for name in ("thing-empty", "rule", "all-pods"):
        assert life.previewed.ops(name) == life.changed.ops(name) == ["update"]
    assert life.after["thing-empty"]["spec"] == {"a": "1", "b": {}}
    assert life.after["rule"]["spec"]["ingress"] == [{}]
    assert life.after["all-pods"]["spec"]["ingress"][0]["from"][0]["podSelector"] == {}
    assert life.previewed.ops("no-rule") == ["same"]


@behaviour(
    "`pulumi.com/waitFor` does not believe a status of an earlier generation, where the status says its generation",
    source="await/condition/kubectl.go, await/condition/jsonpath.go",
    but="a status that does not say it is believed",
)
def test_generations(life: Life) -> None:
    for name in ("thing-stale", "thing-stale-path"):
        assert "timed out waiting for the condition" in life.changed.error(name)
        assert life.changed.state[name]["initErrors"]
    assert life.changed.messages("thing-fresh", "error") == []
    assert not life.changed.state["thing-fresh"].get("initErrors")


@behaviour(
    "another `pulumi.com/patchFieldManager` takes the fields over, and the old manager gives them up",
    source="provider.go `Update`, ssa/actions.go `Relinquish`",
    but="without one the manager stays the same",
)
def test_field_manager(life: Life) -> None:
    (old,) = managers(life.made["manager"])
    assert managers(life.after["manager"]) == {("mine", "Apply")} != {old}
    assert managers(life.after["manager-same"]) == managers(life.made["manager-same"])
    assert life.after["manager"]["data"] == {"a": "1"}


@behaviour(
    "an update that fails has in state what the cluster has by then: the next preview shows what differs from that",
    source="provider.go `Update`, `Diff`",
    but="of an update that only was not ready in time nothing differs",
)
def test_failed_update(life: Life) -> None:
    assert life.changed.outputs("contested")["metadata"]["labels"] == {"a": "9"}
    assert set(life.failed_preview.step("contested").paths) == {"data.a", "metadata.labels.a"}
    assert life.failed_preview.step("thing-stale").op == "update"
    assert life.failed_preview.step("thing-stale").paths == {}


@behaviour(
    "a wrong `pulumi.com/waitFor` that comes in an update fails it, once it is made",
    source="await/await.go `Update`",
    but="it is in state, so that the next run tries again",
)
def test_wrong_wait_in_an_update(life: Life) -> None:
    assert 'expected a "jsonpath=" or "condition=" prefix, got "Ready"' in life.changed.error("wrong-wait")
    assert life.after["wrong-wait"]["metadata"]["annotations"]["pulumi.com/waitFor"] == "Ready"
    assert life.changed.state["wrong-wait"]["initErrors"]
    assert life.failed_preview.ops("wrong-wait") == ["update"]


@behaviour(
    "a word of `pulumi.com/deletionPropagationPolicy` that means nothing is no error: it is `foreground`",
    source="metadata/overrides.go `DeletionPropagation`",
    but="`Background` means something, in whatever letters it is",
)
def test_deletion_policy(life: Life) -> None:
    for word in ("background", "whatever"):
        assert life.destroyed.messages(f"propagation-{word}", "error") == []
        assert f"propagation-{word}" not in life.left
