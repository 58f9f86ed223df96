"""Objects in the cluster: made, changed, drifted, refreshed and deleted.

One program: every resource is named after what becomes of it in the second phase. Between the phases somebody else
works on the cluster. The cluster is a real API server without any kubelet.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.plugins.behaviours import behaviour, bug, counter
from tests.plugins.controlplane import ControlPlane
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_PROGRAM = """
    import pulumi_kubernetes as k8s
    secret = Output.secret(kubeconfig)
    plain = k8s.Provider("plain", kubeconfig=secret)
    upsert = k8s.Provider("upsert", kubeconfig=secret, cluster_identifier="one", upsert_existing_objects=True)
    mutable = k8s.Provider("mutable", kubeconfig=secret, enable_config_map_mutable=True, namespace="kube-public")

    def node(name, object_name=None, provider=plain, **metadata):
        return k8s.core.v1.Node(name, metadata={"name": object_name or name, **metadata},
            opts=ResourceOptions(provider=provider))
    same = node("same", labels={"a": "1", "node-role.kubernetes.io/worker": ""}, annotations={"k/claim": "one"})
    node("labels", labels=at({"a": "1", "b": "1"}, {"a": "2"}))
    node("annotation", provider=upsert, annotations={"k/claim": at("one", "two")})
    node("kubectl-wrote", labels={"a": at("1", "2")})
    node("kubectl-wrote-ours", labels={"a": "1", "b": at("1", "2")})
    node("drifted", labels={"a": "1"})
    node("gone", labels={"a": "1"})
    node("vanished")
    node("renamed", object_name=at("old-name", "new-name"))
    node("adopted", provider=upsert, labels={"a": "1"})
    node("kubelet", labels={"a": at("1", "2"), "node-role.kubernetes.io/worker": ""})

    def config_map(name, data=None, provider=plain, options=None, **metadata):
        return k8s.core.v1.ConfigMap(name, metadata={"name": name, **metadata}, data=data or {"a": "1"},
            opts=ResourceOptions(provider=provider))
    config_map("data", data={"a": at("1", "2")})
    config_map("data-label", labels={"a": at("1", "2")})
    config_map("data-mutable", data={"a": at("1", "2")}, provider=mutable)
    config_map("marked", data={"open": "visible", "hidden": Output.secret("canary-of-a-map")})
    config_map("namespace", namespace=at("default", "kube-system"))
    config_map("namespace-written-out", namespace=at(None, "default"))
    config_map("empty-map", labels=at(None, {}))
    config_map("owner")
    config_map("owner-orphans", annotations={"pulumi.com/deletionPropagationPolicy": "orphan"})
    automatic = k8s.core.v1.ConfigMap("automatic", data={"a": at("1", "2")}, opts=ResourceOptions(provider=plain))
    k8s.core.v1.ConfigMap("automatic-same", data={"a": "1"}, opts=ResourceOptions(provider=plain))
    k8s.core.v1.Secret("password", metadata={"name": "password"}, string_data={"password": "canary-of-a-secret"},
        opts=ResourceOptions(provider=plain))

    def binding(name, role="view", group="x"):
        return k8s.rbac.v1.ClusterRoleBinding(name, metadata={"name": name},
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            subjects=[{"api_group": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
            opts=ResourceOptions(provider=plain))
    binding("role", role=at("view", "edit"))
    binding("subject", group=at("x", "y"))
    def deployment(name, replicas=0, app="a"):
        # No controller makes it ready.
        at_once = {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}
        k8s.apps.v1.Deployment(name, metadata={"name": name, "annotations": at_once}, spec={"replicas": replicas,
            "selector": {"match_labels": {"app": app}}, "template": {"metadata": {"labels": {"app": app}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}}, opts=ResourceOptions(provider=plain))
    deployment("selector", app=at("a", "b"))
    deployment("replicas", replicas=at(0, 1))
    k8s.core.v1.Service("service", metadata={"name": "service"}, spec={"ports": [{"port": 80}]},
        opts=ResourceOptions(provider=plain))
    from pulumi_command import local
    later = local.Command("later", create="cat", stdin=at("one", "two"), logging="none")
    annotations = later.stdout.apply(lambda word: {"k/word": word})
    config_map("annotated", annotations=annotations)
    k8s.core.v1.ConfigMap("annotated-automatic", metadata={"annotations": annotations}, data={"a": "1"},
        opts=ResourceOptions(provider=plain))
    k8s.core.v1.ConfigMap("described", data={"a": "1"}, opts=ResourceOptions(provider=plain),
        metadata=later.stdout.apply(lambda word: {"name": "described", "labels": {"word": word}}))
    at_plain = ResourceOptions(provider=plain)
    k8s.core.v1.Node.get("got", "theirs", opts=at_plain)
    lease = k8s.coordination.v1.Lease.get("got-lease", "default/theirs", opts=at_plain)
    pulumi.export("holder", lease.spec.apply(lambda spec: spec.holder_identity))
    if MISSING:
        k8s.core.v1.Node.get("got-none", "nowhere", opts=at_plain)
    pulumi.export("uid", same.metadata.apply(lambda each: each.get("uid")))
"""
_CREATE = "await/await.go `Creation`"
_UPDATE = "await/await.go `ssaUpdate`"
_DIFF = "provider.go `Diff`"
_FORCE_NEW = "provider/diff.go"
_READ = "provider.go `Read`"
_DELETE = "await/await.go `Deletion`"
_REPLACED = {"create-replacement", "replace", "delete-replaced"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Life:
    """The phases, and the cluster's objects after some of them."""

    rehearsed: Phase
    empty: Json
    created: Phase
    made: Json
    unchanged: Phase
    refreshed: Phase
    previewed: Phase
    elsewhere: Phase
    worked_on: Json
    missing: Phase
    changed: Phase
    after: Json
    destroyed: Phase
    left: Json


def objects(cluster: ControlPlane) -> Json:
    """What there is, by kind and name."""
    kinds = "nodes,configmaps,secrets,clusterrolebindings,deployments,services"
    listed = json.loads(cluster.kubectl("get", kinds, "-A", "-o", "json", "--show-managed-fields"))["items"]
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in listed}


def owned(name: str, owner: Json) -> Json:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
    metadata = {
        "name": name,
        "namespace": "default",
        "ownerReferences": [{**reference, "uid": owner["metadata"]["uid"], "blockOwnerDeletion": True}],
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def somebody_works(cluster: ControlPlane, made: Json) -> None:
    """kubectl under its own names, somebody under another, and a kubelet that registers."""
    cluster.kubectl("label", "node", "same", "kubectl-wrote", "foreign=1")
    cluster.kubectl("label", "node", "kubectl-wrote", "other=1", "--field-manager=somebody")
    cluster.kubectl("label", "node", "kubectl-wrote-ours", "a=9", "--overwrite")
    cluster.kubectl("cordon", "same")
    cluster.kubectl("cordon", "kubectl-wrote")
    cluster.kubectl("label", "node", "drifted", "a=9", "--overwrite")
    cluster.kubectl("delete", "node", "gone")
    cluster.kubectl("label", "node", "theirs", "word=two", "--overwrite")
    registered = {"kubernetes.io/hostname": "kubelet", "kubernetes.io/os": "linux"}
    patch = json.dumps({"metadata": {"labels": registered}, "spec": {"podCIDR": "10.244.0.0/24"}})
    cluster.kubectl("patch", "node", "kubelet", "-p", patch, "--field-manager=kubelet")
    ready = json.dumps({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    cluster.kubectl(
        "patch", "node", "kubelet", "--subresource=status", "-p", ready, "--field-manager=kubelet"
    )
    children = [
        owned("child", made["ConfigMap/owner"]),
        owned("orphan", made["ConfigMap/owner-orphans"]),
    ]
    cluster.kubectl(
        "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": children})
    )


@pytest.fixture(scope="module")
def life(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Life:
    directory = tmp_path_factory.mktemp("objects")
    values = {"kubeconfig": cluster.kubeconfig, "MISSING": False}
    scenario = Scenario(new_project(directory, directory / "home"), values=values)
    scenario.write(_PROGRAM)
    theirs = {"metadata": {"name": "theirs", "labels": {"word": "one"}}}
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        **theirs,
        "spec": {"holderIdentity": "one"},
    }
    for each in ({"apiVersion": "v1", "kind": "Node", **theirs}, lease):
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(each))
    adopted = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "adopted", "labels": {"theirs": "1"}}}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(adopted))
    rehearsed, empty = scenario.preview(), objects(cluster)
    created, made = scenario.up(), objects(cluster)
    somebody_works(cluster, made)
    unchanged = scenario.run("preview", "--diff")
    refreshed = scenario.refresh()
    other_name = cluster.kubeconfig.replace("127.0.0.1", "localhost")
    elsewhere = scenario.run("preview", "--diff", kubeconfig=other_name)
    previewed = scenario.preview(kubeconfig=cluster.kubeconfig)
    worked_on = objects(cluster)
    missing = scenario.preview(fails=True, MISSING=True)
    changed, after = scenario.up(MISSING=False), objects(cluster)
    cluster.kubectl("delete", "node", "vanished")
    destroyed, left = scenario.destroy(), objects(cluster)
    return Life(
        rehearsed=rehearsed,
        empty=empty,
        created=created,
        made=made,
        unchanged=unchanged,
        refreshed=refreshed,
        previewed=previewed,
        elsewhere=elsewhere,
        worked_on=worked_on,
        missing=missing,
        changed=changed,
        after=after,
        destroyed=destroyed,
        left=left,
    )


def labels(objects: Json, node: str) -> Json:
    found: Json = objects[f"Node/{node}"]["metadata"].get("labels") or {}
    return found


def uid(objects: Json, name: str) -> str:
    return str(objects[name]["metadata"]["uid"])


def managers(obj: Json) -> list[tuple[str, str]]:
    return [(each["manager"], each["operation"]) for each in obj["metadata"]["managedFields"]]


def assert_updated(life: Life, resource: str, name: str) -> None:
    assert life.previewed.ops(resource) == life.changed.ops(resource) == ["update"]
    assert uid(life.made, name) == uid(life.after, name)


def assert_replaced(life: Life, resource: str, *, deleted_first: bool) -> None:
    assert set(life.previewed.ops(resource)) >= {"replace"}
    ops = life.changed.ops(resource)
    assert set(ops) == _REPLACED
    assert (ops.index("delete-replaced") < ops.index("create-replacement")) is deleted_first


@behaviour(
    "annotations, or all of `metadata`, may be unknown in a preview",
    source="provider.go `Check`, `Diff`",
    but="once they are known, what changed of them is an update in place",
)
def test_unknown_metadata(life: Life) -> None:
    for name in ("annotated", "annotated-automatic", "described"):
        assert life.rehearsed.ops(name) == ["create"]
        assert life.previewed.ops(name) != ["same"]
    for name in ("annotated", "annotated-automatic", "described"):
        assert life.changed.ops(name) == ["update"]
    after = life.after["ConfigMap/annotated"]["metadata"]
    assert after["annotations"]["k/word"] == "two"
    assert life.after["ConfigMap/described"]["metadata"]["labels"] == {"word": "two"}


@behaviour(
    "a preview has the server rehearse a create or an update, and knows what comes of it",
    source=f"{_CREATE}, {_UPDATE}",
    but="nothing is made or changed",
)
def test_rehearsal(life: Life) -> None:
    assert life.rehearsed.ops("same") == ["create"]
    assert re.search(r'uid *: "[0-9a-f]{8}-[0-9a-f-]{27}"', life.rehearsed.output)
    assert not {"Node/same", "Node/labels"} & set(life.empty)
    assert life.previewed.ops("labels") == ["update"]
    assert labels(life.worked_on, "labels") == labels(life.made, "labels") == {"a": "1", "b": "1"}


@behaviour(
    "a create is a POST by the manager `pulumi-kubernetes`",
    source=_CREATE,
    but="with `upsertExistingObjects` it is an apply by a manager of the resource's own",
)
def test_manager_of_a_create(life: Life) -> None:
    assert managers(life.made["Node/labels"]) == [("pulumi-kubernetes", "Update")]
    ((manager, operation),) = managers(life.made["Node/annotation"])
    assert operation == "Apply"
    assert re.fullmatch(r"pulumi-kubernetes-[0-9a-f]{8}", manager)
    assert manager == life.created.outputs("annotation")["__fieldManager"]


@behaviour(
    "the id of an object is its name, or namespace and name",
    source="provider.go `fqObjName`",
    but="the name of the resource does not matter",
)
def test_ids(life: Life) -> None:
    assert life.created.state["labels"]["id"] == "labels"
    assert life.created.state["renamed"]["id"] == "old-name"
    assert life.created.state["data"]["id"] == "default/data"


@behaviour(
    "with `upsertExistingObjects` an object that is there is adopted silently, and deleted at the end",
    source=f"{_CREATE}; seen",
    but="what others wrote on it stays until then",
)
def test_adoption(life: Life) -> None:
    assert life.created.ops("adopted") == ["create"]
    assert uid(life.empty, "Node/adopted") == uid(life.made, "Node/adopted")
    assert labels(life.made, "adopted") == {"a": "1", "theirs": "1"}
    assert "Node/adopted" not in life.left


@behaviour(
    "what the server adds, and what others write, is no change",
    source=_DIFF,
    but="nor does an `up` or a refresh take it away",
)
def test_foreign_fields_are_no_change(life: Life) -> None:
    for resource in ("same", "kubelet", "service", "kubectl-wrote", "password", "automatic-same"):
        assert life.unchanged.ops(resource) == ["same"]
    assert life.previewed.ops("same") == life.changed.ops("same") == ["same"]
    assert life.made["Service/service"]["spec"]["ports"][0]["protocol"] == "TCP"
    assert labels(life.after, "same")["foreign"] == "1"
    assert life.after["Node/same"]["spec"]["unschedulable"] is True


@behaviour(
    "a changed label or annotation is one update in place",
    source=f"{_DIFF}, {_UPDATE}; seen",
    but="a label that the program drops is removed",
)
def test_label_change(life: Life) -> None:
    assert_updated(life, "labels", "Node/labels")
    assert life.previewed.step("labels").paths == {
        "metadata.labels.a": "update",
        "metadata.labels.b": "delete",
    }
    assert labels(life.after, "labels") == {"a": "2"}
    assert_updated(life, "annotation", "Node/annotation")
    assert life.after["Node/annotation"]["metadata"]["annotations"] == {"k/claim": "two"}


@behaviour(
    "an update hands the fields of the create's manager to the resource's own",
    source="await/await.go `fixCSAFieldManagers`",
    but="without an update they stay where they are",
)
def test_manager_of_an_update(life: Life) -> None:
    ((manager, operation),) = managers(life.after["Node/labels"])
    assert operation == "Apply"
    assert re.fullmatch(r"pulumi-kubernetes-[0-9a-f]{8}", manager)
    assert ("pulumi-kubernetes", "Update") in managers(life.after["Node/same"])


@bug(
    "an update takes over every field that a manager whose name begins with `kubectl` wrote: what the program does not "
    "have of it, a label, a taint, a cordon, is removed",
    source="await/await.go `fixCSAFieldManagers`, pulumi-kubernetes#2640",
    decision="copied",
    here="the same",
)
def test_update_takes_over_what_kubectl_wrote(life: Life) -> None:
    assert labels(life.worked_on, "kubectl-wrote") == {"a": "1", "foreign": "1", "other": "1"}
    assert life.worked_on["Node/kubectl-wrote"]["spec"]["unschedulable"] is True
    assert life.changed.ops("kubectl-wrote") == ["update"]
    # What another manager wrote stays, and so does all of it without an update.
    assert labels(life.after, "kubectl-wrote") == {"a": "2", "other": "1"}
    assert "unschedulable" not in life.after["Node/kubectl-wrote"]["spec"]
    assert life.after["Node/same"]["spec"]["unschedulable"] is True


@behaviour(
    "a value that kubectl changed meanwhile is set back by an update of anything on the object",
    source="await/await.go `fixCSAFieldManagers`",
    but="without a refresh or an update nobody sees it",
)
def test_update_sets_back_what_kubectl_changed(life: Life) -> None:
    assert life.unchanged.ops("kubectl-wrote-ours") == ["same"]
    assert labels(life.worked_on, "kubectl-wrote-ours") == {"a": "9", "b": "1"}
    assert labels(life.after, "kubectl-wrote-ours") == {"a": "1", "b": "2"}


@behaviour(
    "a Node can be made before its kubelet, which adopts it",
    source="seen",
    but="what the kubelet writes is neither a change nor lost by an update",
)
def test_node_before_its_kubelet(life: Life) -> None:
    assert life.unchanged.ops("kubelet") == ["same"]
    assert_updated(life, "kubelet", "Node/kubelet")
    assert labels(life.after, "kubelet") == {
        "a": "2",
        "node-role.kubernetes.io/worker": "",
        "kubernetes.io/hostname": "kubelet",
        "kubernetes.io/os": "linux",
    }
    assert life.after["Node/kubelet"]["spec"]["podCIDR"] == "10.244.0.0/24"
    assert "Node/kubelet" not in life.left


@behaviour(
    "a refresh finds what drifted of the program's own fields, and the next run sets it back",
    source=_READ,
    but="without a refresh there is no change",
)
def test_drift(life: Life) -> None:
    assert life.unchanged.ops("drifted") == ["same"]
    assert life.refreshed.inputs("drifted")["metadata"]["labels"] == {"a": "9"}
    assert life.previewed.step("drifted").paths == {"metadata.labels.a": "update"}


@counter(test_drift, "labels of others do not come into the inputs")
def test_refresh_leaves_foreign_fields_out(life: Life) -> None:
    for resource in ("same", "kubelet", "kubectl-wrote", "service"):
        assert life.refreshed.inputs(resource) == life.created.inputs(resource)
    assert life.refreshed.outputs("same")["metadata"]["labels"]["foreign"] == "1"


@behaviour(
    "an object that is gone is taken out of state by a refresh, and made again",
    source=_READ,
    but="one that is there stays",
)
def test_gone(life: Life) -> None:
    assert "gone" not in life.refreshed.state
    assert life.previewed.ops("gone") == life.changed.ops("gone") == ["create"]
    assert {"same", "drifted", "password"} <= set(life.refreshed.state)


@behaviour(
    "a changed name or namespace replaces, the new object first",
    source=_DIFF,
    but="the default namespace written out is no change",
)
def test_changed_identity(life: Life) -> None:
    assert_replaced(life, "renamed", deleted_first=False)
    assert "Node/new-name" in life.after
    assert "Node/old-name" not in life.after
    assert_replaced(life, "namespace", deleted_first=False)
    assert life.changed.state["namespace"]["id"] == "kube-system/namespace"
    assert life.changed.ops("namespace-written-out") == ["same"]


@behaviour(
    "changed data of a ConfigMap replaces it, the old one goes first",
    source=f"{_FORCE_NEW}, {_DIFF}",
    but="in place with `enableConfigMapMutable`, and other fields always",
)
def test_config_map_data(life: Life) -> None:
    assert_replaced(life, "data", deleted_first=True)
    assert life.after["ConfigMap/data"]["data"] == {"a": "2"}
    assert_updated(life, "data-mutable", "ConfigMap/data-mutable")
    assert_updated(life, "data-label", "ConfigMap/data-label")


@behaviour(
    "a changed `roleRef` replaces a binding, a changed selector a Deployment; the old one goes first",
    source=_FORCE_NEW,
    but="subjects and replicas change in place",
)
def test_fields_that_cannot_change(life: Life) -> None:
    for resource in ("role", "selector"):
        assert_replaced(life, resource, deleted_first=True)
    assert_updated(life, "subject", "ClusterRoleBinding/subject")
    assert_updated(life, "replicas", "Deployment/replicas")


@behaviour(
    "an object without a name gets one from its resource and eight hexadecimal digits; it is kept",
    source="metadata/naming.go",
    but="a replacement gets another one, and the old object goes last",
)
def test_automatic_names(life: Life) -> None:
    for resource in ("automatic", "automatic-same"):
        name = life.created.state[resource]["id"]
        assert re.fullmatch(rf"default/{resource}-[0-9a-f]{{8}}", name)
    assert life.changed.ops("automatic-same") == ["same"]
    assert_replaced(life, "automatic", deleted_first=False)
    assert life.changed.state["automatic"]["id"] != life.created.state["automatic"]["id"]


@behaviour(
    "an object without a namespace goes where the provider says",
    source="provider.go `Check`",
    but="to default if it says nothing; a Node to none",
)
def test_default_namespace(life: Life) -> None:
    assert life.created.state["data-mutable"]["id"] == "kube-public/data-mutable"
    assert life.created.state["data"]["id"] == "default/data"
    assert "namespace" not in life.made["Node/same"]["metadata"]


@behaviour(
    "an empty map is as good as none",
    source=_DIFF,
    but="a label with an empty value is a label",
)
def test_empty_maps(life: Life) -> None:
    assert life.previewed.ops("empty-map") == life.changed.ops("empty-map") == ["same"]
    assert labels(life.made, "same")["node-role.kubernetes.io/worker"] == ""


@behaviour(
    "data of a Secret is encrypted in state and hidden on the screen, marked as secret or not",
    source="provider/util.go `annotateSecrets`",
    but="of another kind only what is marked",
)
def test_secret_data(life: Life) -> None:
    for phase in (life.rehearsed, life.created, life.refreshed, life.changed, life.destroyed):
        for canary in ("canary-of-a-secret", "Y2FuYXJ5LW9mLWEtc2VjcmV0", "canary-of-a-map"):
            assert canary not in phase.output
            assert canary not in phase.text_of_state
    assert life.created.outputs("marked")["data"]["open"] == "visible"
    assert life.changed.ops("password") == ["same"]


@behaviour(
    "a secret kubeconfig is encrypted in state",
    source="the engine; the provider does not mark it",
    but="a cluster identifier is plain",
)
def test_secret_kubeconfig(life: Life, cluster: ControlPlane) -> None:
    key = re.findall(r"client-key-data: (\S+)", cluster.kubeconfig)[0]
    assert key not in life.created.text_of_state + life.created.output
    assert life.created.inputs("upsert")["clusterIdentifier"] == "one"


@behaviour(
    "another server in the kubeconfig replaces the provider, and all its objects",
    source="provider.go `DiffConfig`",
    but="with an unchanged `clusterIdentifier` the provider is updated, and its objects stay",
)
def test_cluster_identifier(life: Life) -> None:
    assert "replace" in life.elsewhere.ops("plain")
    assert "replace" in life.elsewhere.ops("same")
    assert life.elsewhere.ops("upsert") == ["update"]
    assert life.elsewhere.ops("annotation") == life.elsewhere.ops("adopted") == ["same"]


@behaviour(
    "a delete takes dependents along, and ends when they are gone",
    source=_DELETE,
    but="with `pulumi.com/deletionPropagationPolicy: orphan` they stay",
)
def test_delete_in_the_foreground(life: Life) -> None:
    assert {"ConfigMap/child", "ConfigMap/orphan"} <= set(life.after)
    assert "ConfigMap/child" not in life.left
    assert "ConfigMap/orphan" in life.left


@behaviour(
    "a delete ends when the object is gone; that it is gone already is a success",
    source=_DELETE,
    but="what was not of the program stays",
)
def test_delete(life: Life) -> None:
    assert life.destroyed.state == {}
    assert life.destroyed.ops("vanished") == ["delete"]
    gone = {"same", "labels", "kubectl-wrote", "kubelet", "new-name", "adopted", "gone"}
    assert not {f"Node/{name}" for name in gone} & set(life.left)
    assert "ClusterRoleBinding/cluster-admin" in life.left


@behaviour(
    "`Node.get` and `Lease.get` read what there is, anew in every run, and never touch it",
    source="provider.go `Read`; engine",
    but="what is not there ends the run",
)
def test_get(life: Life) -> None:
    for phase, word in ((life.created, "one"), (life.changed, "two")):
        got = phase.outputs("got")
        assert (got["metadata"]["labels"], got["kind"]) == ({"word": word}, "Node")
        assert phase.ops("got")[0].startswith("read")
        assert phase.state["got"]["external"] is True
        assert phase.outputs("test-test")["holder"] == "one"
    assert "Node/theirs" in life.left
    assert "'nowhere' does not exist" in life.missing.output
