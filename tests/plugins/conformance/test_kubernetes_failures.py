"""Objects that cannot be made, or that are not ready in time.

One program whose first run fails; then somebody else, in the place of kubelets and controllers, makes ready what was
waited for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.plugins.behaviours import behaviour, bug
from tests.plugins.controlplane import ControlPlane
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_PROGRAM = """
    import pulumi_kubernetes as k8s
    secret = Output.secret(kubeconfig)
    plain = k8s.Provider("plain", kubeconfig=secret)
    upsert = k8s.Provider("upsert", kubeconfig=secret, upsert_existing_objects=True)

    def node(name, object_name=None, provider=plain, after=(), labels=None, timeouts=None, **annotations):
        annotations = {f"pulumi.com/{key}": value for key, value in annotations.items() if key != "claim"} | {
            "k/claim": annotations.get("claim", "none")}
        return k8s.core.v1.Node(name, metadata={"name": object_name or name, "labels": labels,
            "annotations": annotations}, opts=ResourceOptions(provider=provider, depends_on=list(after),
            custom_timeouts=timeouts))
    def config_map(name, namespace="default", after=(), **metadata):
        return k8s.core.v1.ConfigMap(name, metadata={"name": name, "namespace": namespace, **metadata},
            opts=ResourceOptions(provider=plain, depends_on=list(after)))
    def deployment(name, **annotations):
        return k8s.apps.v1.Deployment(name, metadata={"name": name, "finalizers": ["test/held"],
            "annotations": {f"pulumi.com/{key}": value for key, value in annotations.items()}},
            spec={"selector": {"match_labels": {"a": name}}, "template": {"metadata": {"labels": {"a": name}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}}, opts=ResourceOptions(provider=plain))

    first = node("first", "contested", upsert, claim="one")
    if PHASE == 0:
        node("there-already")
        node("conflict", "contested", upsert, after=[first], claim="two")
        k8s.apiextensions.CustomResource("no-kind", api_version="example.com/v1", kind="Nothing",
            metadata={"name": "x"}, opts=ResourceOptions(provider=plain))
        node("wrong-wait", waitFor="Ready", timeoutSeconds="1")
    node("forced", "contested-too", upsert, claim="two", patchForce="true")
    node("taken", labels={"a": at("1", "2")})
    node("waits", waitFor="condition=Ready", timeoutSeconds="1")
    node("waits-by-option", waitFor="condition=Ready", timeouts=pulumi.CustomTimeouts(create="1s", update="1s"))
    node("ready", provider=upsert, waitFor=json.dumps(["condition=Ready",
        'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True']))
    node("skips", waitFor="condition=Ready", skipAwait="true")
    deployment("unready", timeoutSeconds="1")
    deployment("skipped", skipAwait="true", timeoutSeconds="5")
    def service(name, type="ClusterIP", **annotations):
        k8s.core.v1.Service(name, metadata={"name": name,
            "annotations": {f"pulumi.com/{key}": value for key, value in annotations.items()}},
            spec={"selector": {"a": "b"}, "ports": [{"port": 80}], "type": type, "external_name":
                "a.example" if type == "ExternalName" else None}, opts=ResourceOptions(provider=plain))
    service("service-pending", timeoutSeconds="1")
    service("service-settles")
    service("service-unsettled", timeoutSeconds="1")
    service("service-external", type="ExternalName", timeoutSeconds="20")
    service("service-skips", skipAwait="true")
    service("service-balances", type="LoadBalancer", timeoutSeconds="1")

    # Its namespace comes later, as that waits for other things.
    config_map("early", namespace="later")
    k8s.core.v1.Namespace("later", metadata={"name": "later"}, opts=ResourceOptions(provider=plain,
        depends_on=[config_map("before", after=[config_map("before-that")])]))
    config_map("held", finalizers=["test/held"], annotations={"pulumi.com/timeoutSeconds": "1",
        "pulumi.com/skipAwait": "true"})
"""
_REFUSED = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig))
    options = ResourceOptions(provider=provider)
    k8s.core.v1.Node("good", metadata={"name": "good-one"}, opts=options)
    k8s.core.v1.Node("invalid", metadata={"name": "refused", "labels": {"a": "not/a label"}}, opts=options)
"""
_HIDDEN = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig))
    k8s.core.v1.Node("secret", metadata={"name": "refused", "labels": {"a": at("right", Output.secret(CANARY))}},
        opts=ResourceOptions(provider=provider))
"""
_GENERATED = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig))
    options = ResourceOptions(provider=provider)
    k8s.core.v1.ConfigMap("generated", metadata={"generate_name": "x-"}, opts=options)
"""
_PATCH = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig))
    k8s.core.v1.NodePatch("patch", metadata={"name": "ghost", "labels": {"a": "1"}},
        opts=ResourceOptions(provider=provider))
"""
_POD = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig))
    k8s.core.v1.Pod("pod", metadata={"name": "pod", "annotations": ANNOTATIONS},
        spec={"containers": [{"name": "c", "image": "i"}]}, opts=ResourceOptions(provider=provider))
"""
_CANARY = "no label: a secret of a test"
_SERVICES = ("pending", "settles", "unsettled", "external", "skips", "balances")
_NOT_READY = "failed to fully initialize or become live"
_CREATE = "await/await.go `Creation`"
_WAIT = "metadata/overrides.go `ReadyCondition`"


@dataclass(frozen=True)
class Run:
    """The phases, and whose word the cluster had."""

    failed: Phase
    claims: dict[str, str]
    repaired: Phase
    refreshed: Phase
    previewed: Phase
    held: Phase
    left: set[str]
    destroyed: Phase


def set_status(cluster: ControlPlane, kind: str, name: str, status: object) -> None:
    cluster.kubectl(
        "patch", kind, name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )


def set_ready(cluster: ControlPlane, *nodes: str) -> None:
    for node in nodes:
        set_status(cluster, "node", node, {"conditions": [{"type": "Ready", "status": "True"}]})


def set_endpoints(cluster: ControlPlane, which: str, *services: str) -> None:
    """As the controller does, whose place the test has: `addresses` of ready pods, or `notReadyAddresses`."""
    subsets = [{which: [{"ip": "10.9.9.9"}], "ports": [{"port": 80}]}]
    endpoints = [
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": f"service-{name}", "namespace": "default"},
            "subsets": subsets,
        }
        for name in services
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": endpoints})
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=listed)


def roll_out(cluster: ControlPlane, deployment: str) -> None:
    """As its controller does, whose place the test has: a first revision, with its ReplicaSet."""
    revision = {"deployment.kubernetes.io/revision": "1"}
    annotated = ("-p", json.dumps({"metadata": {"annotations": revision}}), "--field-manager=controller")
    cluster.kubectl("patch", "deployment", deployment, "--type=merge", *annotated)
    owner = json.loads(cluster.kubectl("get", "deployment", deployment, "-o", "json"))
    reference = {key: owner["metadata"][key] for key in ("name", "uid")}
    replicas = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{deployment}-1",
            "namespace": "default",
            "annotations": revision,
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "controller": True, **reference}
            ],
        },
        "spec": {key: owner["spec"][key] for key in ("replicas", "selector", "template")},
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(replicas))
    set_rollout(cluster, deployment, ready=True)


def set_rollout(cluster: ControlPlane, deployment: str, *, ready: bool) -> None:
    pods = {"replicas": 1, "readyReplicas": int(ready), "availableReplicas": int(ready)}
    set_status(cluster, "replicaset", f"{deployment}-1", {**pods, "observedGeneration": 1})
    conditions = [
        {"type": "Available", "status": str(ready), "reason": "MinimumReplicas", "message": "as it is"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "as it is"},
    ]
    # An annotation is a new generation of a Deployment.
    generation = cluster.kubectl("get", "deployment", deployment, "-o", "jsonpath={.metadata.generation}")
    rolled_out = {
        "observedGeneration": int(generation),
        "updatedReplicas": 1,
        "unavailableReplicas": int(not ready),
    }
    set_status(cluster, "deployment", deployment, {**pods, **rolled_out, "conditions": conditions})


def let_go(cluster: ControlPlane, kind: str, *names: str) -> None:
    for name in names:
        cluster.kubectl("patch", kind, name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')


def scenario(
    cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory, name: str, program: str
) -> Scenario:
    directory = tmp_path_factory.mktemp(name)
    made = Scenario(new_project(directory, directory / "home"), values={"kubeconfig": cluster.kubeconfig})
    made.write(program)
    return made


@pytest.fixture(scope="module")
def run(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Run:
    project = scenario(cluster, tmp_path_factory, "failures", _PROGRAM)
    nodes = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "annotations": {"k/claim": claim}}}
        for name, claim in (
            ("there-already", "somebody's"),
            ("ready", "none"),
            ("contested-too", "somebody's"),
        )
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes})
    cluster.kubectl("create", "-f", "-", "--field-manager=somebody", stdin=listed)
    set_ready(cluster, "ready")
    set_endpoints(cluster, "addresses", "settles", "unsettled", "balances")
    set_endpoints(cluster, "notReadyAddresses", "pending", "external", "skips")
    failed = project.up("--continue-on-error", fails=True)
    listed = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    claims = {
        each["metadata"]["name"]: each["metadata"].get("annotations", {}).get("k/claim", "")
        for each in listed
    }
    set_ready(cluster, "waits", "waits-by-option")
    set_endpoints(cluster, "addresses", "pending")
    set_status(cluster, "service", "service-balances", {"loadBalancer": {"ingress": [{"ip": "10.9.9.8"}]}})
    roll_out(cluster, "unready")
    cluster.kubectl("label", "node", "taken", "a=9", "--overwrite", "--field-manager=somebody")
    repaired = project.up("--continue-on-error", fails=True)
    set_rollout(cluster, "unready", ready=False)
    set_endpoints(cluster, "notReadyAddresses", "settles", "external", "skips")
    refreshed = project.refresh()
    cluster.kubectl("label", "node", "taken", "a-", "--field-manager=somebody")
    previewed = project.preview()
    let_go(cluster, "deployment", "unready")
    held = project.destroy("--continue-on-error", fails=True)
    left = set(cluster.kubectl("get", "nodes,configmaps,deployments", "-o", "name").split())
    let_go(cluster, "deployment", "skipped")
    let_go(cluster, "configmap", "held")
    cluster.kubectl("delete", "endpoints", *(f"service-{name}" for name in _SERVICES), "--ignore-not-found")
    destroyed = project.destroy()
    return Run(failed, claims, repaired, refreshed, previewed, held, left, destroyed)


@pytest.fixture(scope="module")
def refused(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Phase:
    return scenario(cluster, tmp_path_factory, "refused", _REFUSED).preview(fails=True)


@behaviour(
    "an object that is there already fails the create, and is not in state",
    source=f"{_CREATE}, changelog of 4.29.0; seen",
    but="with `upsertExistingObjects` it is adopted",
)
def test_already_exists(run: Run) -> None:
    error = run.failed.error("there-already")
    assert 'nodes "there-already" already exists' in error
    assert "was not successfully created by the Kubernetes API server" in error
    assert "upsertExistingObjects" in error
    assert "there-already" not in run.failed.state
    assert run.claims["there-already"] == "somebody's"
    assert "ready" in run.failed.state


@behaviour(
    "two resources, or two stacks, that give one annotation different values conflict under server-side apply; the "
    "error names field and manager, and nothing is changed or stored",
    source=f"{_CREATE}; seen",
    but="`pulumi.com/patchForce` takes the field over",
)
def test_conflict(run: Run) -> None:
    error = run.failed.error("conflict")
    manager = run.failed.outputs("first")["__fieldManager"]
    assert "Apply failed with 1 conflict" in error
    assert f'conflict with "{manager}": .metadata.annotations.k/claim' in error
    assert "server-side apply field conflict detected" in error
    assert "conflict" not in run.failed.state
    assert run.claims["contested"] == "one"
    assert run.claims["contested-too"] == "two"


@behaviour(
    "an update of a field that somebody else has set since is a conflict; the resource stays in state, and the "
    "next run updates it again",
    source="await/await.go `ssaUpdate`",
    but="other resources of the run are updated",
)
def test_conflict_in_an_update(run: Run) -> None:
    error = run.repaired.error("taken")
    assert 'conflict with "somebody"' in error
    assert ".metadata.labels.a" in error
    assert run.repaired.state["taken"]["id"] == "taken"
    assert run.previewed.ops("taken") == ["update"]
    assert run.repaired.messages("waits", "error") == []


@behaviour(
    "a kind that the server does not know fails the create, after some tries",
    source="provider.go `Create`",
    but="an object whose namespace comes a little later is made then",
)
def test_unknown_kind(run: Run) -> None:
    error = run.failed.error("no-kind")
    assert "the apiVersion for this resource does not exist" in error
    assert 'no matches for kind "Nothing" in version "example.com/v1"' in error
    assert "no-kind" not in run.failed.state
    assert run.failed.state["early"]["id"] == "later/early"


@behaviour(
    "`pulumi.com/waitFor` waits for a condition; an object that does not have it in time fails, but is in state",
    source=f"{_WAIT}, await/await.go `Creation`",
    but="one that has it is not waited for, nor with `pulumi.com/skipAwait`",
)
def test_wait(run: Run) -> None:
    for resource in ("waits", "waits-by-option"):
        assert _NOT_READY in run.failed.error(resource)
        assert "timed out waiting for the condition" in run.failed.error(resource)
        assert run.failed.state[resource]["initErrors"]
        assert run.failed.state[resource]["id"] == resource
    for resource in ("ready", "skips"):
        assert run.failed.messages(resource, "error") == []
        assert not run.failed.state[resource].get("initErrors")


@behaviour(
    "what was not ready is updated by the next run, which waits again",
    source="the engine, step_generator.go",
    but="what was ready is left",
)
def test_wait_again(run: Run) -> None:
    for resource in ("waits", "waits-by-option", "unready"):
        assert run.repaired.ops(resource) == ["update"]
        assert not run.repaired.state[resource].get("initErrors")
    for resource in ("ready", "skips", "first", "early"):
        assert run.repaired.ops(resource) == ["same"]


@behaviour(
    "`pulumi.com/waitFor` is `condition=` or `jsonpath=`, or a JSON list of them",
    source=_WAIT,
    but="anything else fails; the object is made all the same",
)
def test_wrong_wait(run: Run) -> None:
    assert 'expected a "jsonpath=" or "condition=" prefix, got "Ready"' in run.failed.error("wrong-wait")
    assert "wrong-wait" in run.claims
    assert run.failed.messages("ready", "error") == []


@behaviour(
    "a Deployment is awaited until it is rolled out",
    source="await/deployment.go",
    but="not with `pulumi.com/skipAwait`; a Node without `waitFor` neither",
)
def test_deployment(run: Run) -> None:
    assert _NOT_READY in run.failed.error("unready")
    assert run.failed.state["unready"]["id"] == "default/unready"
    assert run.failed.state["unready"]["initErrors"]
    assert "'unready' timed out waiting to be Ready" in run.failed.error("unready")
    for resource in ("skipped", "first"):
        assert run.failed.messages(resource, "error") == []


@behaviour(
    "a Service is awaited until its Endpoints have been the same for ten seconds, and none of its pods is unready; a "
    "LoadBalancer until it has an address",
    source="await/service.go",
    but="not one without a selector, a headless one, or one of the type ExternalName, nor with `pulumi.com/skipAwait`; "
    "if only the ten seconds are missing when time is up, it succeeds",
)
def test_service(run: Run) -> None:
    assert _NOT_READY in run.failed.error("service-pending")
    assert "Service does not target any Pods" in run.failed.error("service-pending")
    assert "'service-pending' timed out waiting to be Ready" in run.failed.error("service-pending")
    assert "Service was not allocated an IP address" in run.failed.error("service-balances")
    for name in ("pending", "balances"):
        assert run.failed.state[f"service-{name}"]["initErrors"]
        assert run.repaired.ops(f"service-{name}") == ["update"]
        assert not run.repaired.state[f"service-{name}"].get("initErrors")
    for name in ("settles", "unsettled", "external", "skips"):
        assert run.failed.messages(f"service-{name}", "error") == []
        assert not run.failed.state[f"service-{name}"].get("initErrors")
    assert run.failed.seconds("service-settles") >= 9  # of whole seconds
    for name in ("unsettled", "external", "skips"):
        assert run.failed.seconds(f"service-{name}") < run.failed.seconds("service-settles")


@behaviour(
    "a refresh that finds a Deployment or a Service not ready succeeds with a warning, and the next run updates it",
    source="await/await.go `Read`; the engine, step.go",
    but="what `waitFor` asks for is not looked at",
)
def test_refresh_of_what_is_not_ready(run: Run) -> None:
    assert run.refreshed.state["unready"]["initErrors"]
    assert run.previewed.ops("unready") == ["update"]
    assert not run.refreshed.state["skips"].get("initErrors")
    assert not run.refreshed.state["skipped"].get("initErrors")
    assert run.refreshed.state["service-settles"]["initErrors"]
    assert run.previewed.ops("service-settles") == ["update"]
    assert not run.refreshed.state["service-external"].get("initErrors")
    assert not run.refreshed.state["service-skips"].get("initErrors")
    assert run.previewed.ops("skips") == run.previewed.ops("waits") == ["same"]


@behaviour(
    "a delete that takes too long fails with a warning that names the finalizers; the object stays in state",
    source="await/condition/deleted.go",
    but="once they are gone the next run ends it",
)
def test_held_delete(run: Run) -> None:
    assert "timed out waiting for the condition" in run.held.error("held")
    assert "finalizers might be preventing deletion (test/held)" in run.held.messages("held", "warning")
    assert set(run.held.state) & {"held", "first", "unready"} == {"held"}
    assert "configmap/held" in run.left
    assert "held" not in run.destroyed.state


@behaviour(
    "`pulumi.com/skipAwait` on a Deployment reaches its delete too, which ends while the object is still there",
    source="metadata/overrides.go `allowsSkipAwaitWithDelete`",
    but="of a ConfigMap it does not",
)
def test_skipped_delete(run: Run) -> None:
    assert run.held.messages("skipped", "error") == []
    assert "skipped" not in run.held.state
    assert "deployment.apps/skipped" in run.left
    assert run.held.error("held")


@behaviour(
    "what the server refuses fails a preview",
    source="provider.go `Create`",
    but="and neither that nor anything else of the program is made",
)
def test_refused_by_the_server(refused: Phase, cluster: ControlPlane) -> None:
    error = refused.error("invalid")
    assert "metadata.labels: Invalid value" in error
    assert not cluster.exists("node", "refused")
    assert not cluster.exists("node", "good-one")


@bug(
    "what the API server says of a value that it refuses shows the value, also if it is secret",
    source="await/await.go `Creation`, `Update`",
    decision="not copied",
    here="a mark in its place",
)
def test_refused_secrets(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = scenario(cluster, tmp_path_factory, "hidden", _HIDDEN)
    made.phase = 1
    created = made.up(fails=True, CANARY=_CANARY)
    made.phase = -1
    made.up()
    for phase in (created, made.up(fails=True)):
        assert 'metadata.labels: Invalid value: "[secret]"' in phase.output
        assert _CANARY not in phase.output
    made.destroy()


@bug(
    "a `...Patch` makes the object if there is none, and at its end makes an empty one if it is gone",
    source="await/await.go `Creation`, ssa/actions.go `Relinquish`; seen",
    decision="refused",
    here="no Patch kind; the error says what the official plugin would do",
)
def test_patch_kinds(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> None:
    phase = scenario(cluster, tmp_path_factory, "patch", _PATCH).preview(fails=True)
    assert "makes an empty object if there is none any more" in phase.output
    assert not cluster.exists("node", "ghost")


@bug(
    "a Job, an Ingress, a PersistentVolume, a PersistentVolumeClaim, a Pod, a ReplicationController, a ResourceQuota "
    "and a Secret of a service account's token are awaited, each in its own way",
    source="await/awaiters.go",
    decision="refused",
    here="an error that says what the official plugin waits for; with `pulumi.com/skipAwait` or `pulumi.com/waitFor` "
    "they are made",
)
def test_kinds_that_are_not_awaited(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = scenario(cluster, tmp_path_factory, "pod", _POD)
    refused = run.preview(fails=True, ANNOTATIONS={})
    assert "does not wait for a Pod; the official one waits until it is ready." in refused.output
    skipped = run.preview(ANNOTATIONS={"pulumi.com/skipAwait": "true"})
    assert skipped.ops("pod") == ["create"]


@behaviour(
    "`generateName` is refused under server-side apply",
    source="provider.go `Check`",
    but="an object without any name is named by the provider",
)
def test_generated_names(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = scenario(cluster, tmp_path_factory, "generated", _GENERATED)
    assert (
        "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
        in run.preview(fails=True).output
    )
    run.write(_GENERATED.replace('metadata={"generate_name": "x-"}, ', ""))
    assert run.preview().ops("generated") == ["create"]
