"""The cluster that a provider talks to: how it is found, and when it is away.

One program with a provider for each way to name the cluster; the kubeconfig of one is a file, whose server goes away
while the state stays.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
import yaml

from tests.plugins.behaviours import behaviour, bug, counter
from tests.plugins.controlplane import TOKEN, ControlPlane
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_WAYS = """
    import pulumi_kubernetes as k8s, pulumi_tls as tls
    def node(name, provider):
        k8s.core.v1.Node("node-" + name, metadata={"name": "way-" + name}, opts=ResourceOptions(provider=provider))
    def provider(name, **arguments):
        made = k8s.Provider(name, **arguments)
        node(name, made)
    changes = tls.PrivateKey("changes", algorithm="ED25519", ecdsa_curve=at("P256", "P384"))
    computed = changes.public_key_pem.apply(lambda _: kubeconfig)
    provider("contents", kubeconfig=kubeconfig)
    provider("path", kubeconfig="kubeconfig.yaml")
    provider("context", kubeconfig=contexts, context="good")
    provider("cluster", kubeconfig=contexts, context="bad", cluster="good")
    provider("token", kubeconfig=by_token)
    provider("computed", kubeconfig=computed)
    provider("computed-identified", kubeconfig=computed, cluster_identifier="one")
    provider("identifier", kubeconfig=kubeconfig, cluster_identifier=at("one", "two"))
    provider("identifier-added", kubeconfig=kubeconfig, cluster_identifier=at(None, "one"))
    provider("other-setting", kubeconfig=kubeconfig, enable_secret_mutable=at(None, True))
    provider("said-nothing", kubeconfig=at(kubeconfig, said_nothing))
    provider("moved", kubeconfig=at(kubeconfig, moved))
    k8s.core.v1.Node("node-ambient", metadata={"name": "way-ambient"})
"""
_AWAY = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig="kubeconfig.yaml")
    options = ResourceOptions(provider=provider)
    k8s.core.v1.Node("there", metadata={"name": "there", "labels": {"a": at("1", "1", "2")}}, opts=options)
    k8s.core.v1.ConfigMap("map", metadata={"name": "away"}, data={"a": "1"}, opts=options)
    if PHASE > 0:
        k8s.core.v1.Node("new", metadata={"name": "new"}, opts=options)
"""
_SETTINGS = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig), **SETTINGS)
    k8s.core.v1.ConfigMap("map", data={"a": "1"}, opts=ResourceOptions(provider=provider))
"""
_CONFIGURE = "provider.go `Configure`"
_DIFF_CONFIG = "provider.go `DiffConfig`"
_MALFORMED = """
    import pulumi_kubernetes as k8s
    for name, text in CONFIGS.items():
        provider = k8s.Provider(f"provider-{name}", kubeconfig=Output.secret(text))
        k8s.core.v1.ConfigMap(name, data={"a": "1"}, opts=ResourceOptions(provider=provider))
"""
_CANARY = "canary-of-a-kubeconfig"
_UNREACHABLE = "configured Kubernetes cluster is unreachable"
_WAY_OUT = 'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'


@dataclass(frozen=True)
class Ways:
    created: Phase
    there: set[str]
    previewed: Phase


@dataclass(frozen=True)
class Away:
    """`back`: the objects on the cluster at the end, when it could be reached again."""

    created: Phase
    unchanged: Phase
    previewed: Phase
    failed: Phase
    refresh: Phase
    skipped: Phase
    destroy: Phase
    forgotten: Phase
    back: set[str]


def nodes(cluster: ControlPlane) -> set[str]:
    return {name.removeprefix("node/") for name in cluster.kubectl("get", "nodes", "-o", "name").split()}


def with_contexts(kubeconfig: str) -> str:
    """A kubeconfig whose current context leads nowhere, and one that is good."""
    parsed = yaml.safe_load(kubeconfig)
    parsed["clusters"][0]["name"] = "good"
    parsed["clusters"].append({"name": "bad", "cluster": {"server": "https://127.0.0.1:1"}})
    parsed["contexts"] = [
        {"name": name, "context": {"cluster": name, "user": "admin"}} for name in ("good", "bad")
    ]
    parsed["current-context"] = "bad"
    return yaml.safe_dump(parsed)


def by_token(kubeconfig: str) -> str:
    parsed = yaml.safe_load(kubeconfig)
    parsed["users"][0]["user"] = {"token": TOKEN}
    return json.dumps(parsed)


@pytest.fixture(scope="module")
def ways(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Ways:
    directory = tmp_path_factory.mktemp("ways")
    scenario = Scenario(new_project(directory, directory / "home"))
    scenario.values = {
        "kubeconfig": cluster.kubeconfig,
        "contexts": with_contexts(cluster.kubeconfig),
        "by_token": by_token(cluster.kubeconfig),
        "said_nothing": cluster.kubeconfig.replace(
            "    server:", "    insecure-skip-tls-verify: false\n    server:"
        ),
        "moved": cluster.kubeconfig.replace("127.0.0.1", "localhost"),
    }
    (scenario.project.directory / "kubeconfig.yaml").write_text(cluster.kubeconfig)
    scenario.project.environment["KUBECONFIG"] = str(cluster.kubeconfig_file)
    scenario.write(_WAYS)
    created, there = scenario.up(), nodes(cluster)
    previewed = scenario.preview()
    cluster.kubectl("delete", "node", *[name for name in there if name.startswith("way-")], "--wait=false")
    return Ways(created, there, previewed)


@pytest.fixture(scope="module")
def away(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Away:
    directory = tmp_path_factory.mktemp("away")
    scenario = Scenario(new_project(directory, directory / "home"))
    file = scenario.project.directory / "kubeconfig.yaml"
    file.write_text(cluster.kubeconfig)
    scenario.write(_AWAY)
    created = scenario.up()
    file.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", cluster.kubeconfig))
    unchanged = scenario.run("up", "--yes", "--skip-preview")
    scenario.phase += 1
    previewed = scenario.preview()
    failed = scenario.up("--continue-on-error", fails=True)
    refresh = scenario.refresh(fails=True)
    scenario.project.environment["PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"] = "true"
    skipped = scenario.refresh()
    del scenario.project.environment["PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"]
    destroy = scenario.destroy("--continue-on-error", fails=True)
    scenario.project.environment["PULUMI_K8S_DELETE_UNREACHABLE"] = "true"
    forgotten, back = scenario.destroy(), nodes(cluster)
    cluster.kubectl("delete", "node/there", "configmap/away", "--wait=false")
    return Away(created, unchanged, previewed, failed, refresh, skipped, destroy, forgotten, back)


@behaviour(
    "a kubeconfig is its contents or the path of a file, relative to the project",
    source=_CONFIGURE,
    but="without one the ambient KUBECONFIG counts",
)
def test_kubeconfig(ways: Ways) -> None:
    assert {"way-contents", "way-path", "way-ambient"} <= ways.there


@behaviour(
    "the current context counts, or the one named by `context`",
    source=_CONFIGURE,
    but="`cluster` overrides where it leads",
)
def test_context_and_cluster(ways: Ways) -> None:
    assert {"way-context", "way-cluster"} <= ways.there
    assert ways.created.messages("node-context", "error") == []


@behaviour(
    "a user is known by certificate or by token",
    source="client-go",
    but="a kubeconfig in JSON is as good as one in YAML",
)
def test_users(ways: Ways) -> None:
    assert {"way-contents", "way-token"} <= ways.there


@behaviour(
    "a kubeconfig that is computed anew replaces its provider, and all its objects",
    source=_DIFF_CONFIG,
    but="with an unchanged `clusterIdentifier` they are shown as updated, as a preview cannot ask such a provider",
)
def test_computed_kubeconfig(ways: Ways) -> None:
    assert "replace" in ways.previewed.ops("computed")
    assert "replace" in ways.previewed.ops("node-computed")
    assert ways.previewed.ops("computed-identified") == ["update"]
    assert ways.previewed.ops("node-computed-identified") == ["update"]


@behaviour(
    "what is said in other words of the same cluster, as a switch that is off anyway, is an update of the provider",
    source=_DIFF_CONFIG,
    but="another server is another cluster, which replaces",
)
def test_same_cluster_in_other_words(ways: Ways) -> None:
    assert ways.previewed.ops("said-nothing") == ["update"]
    assert ways.previewed.ops("node-said-nothing") == ["same"]
    assert "replace" in ways.previewed.ops("moved")
    assert "replace" in ways.previewed.ops("node-moved")


@behaviour(
    "a changed `clusterIdentifier` replaces",
    source=_DIFF_CONFIG,
    but="one that is added does not",
)
def test_changed_identifier(ways: Ways) -> None:
    assert "replace" in ways.previewed.ops("identifier")
    assert "replace" in ways.previewed.ops("node-identifier")
    assert ways.previewed.ops("identifier-added") == ["update"]
    assert ways.previewed.ops("node-identifier-added") == ["same"]


@behaviour(
    "another setting of a provider is an update of it",
    source=_DIFF_CONFIG,
    but="its objects stay",
)
def test_changed_setting(ways: Ways) -> None:
    assert ways.previewed.ops("other-setting") == ["update"]
    assert ways.previewed.ops("node-other-setting") == ["same"]
    assert ways.previewed.ops("contents") == ["same"]


@behaviour(
    "a preview works without the cluster, and does not say so",
    source="provider.go `Create`, `Diff`; seen",
    but="what is new is to be created, what changed to be updated, by the inputs alone",
)
def test_preview_without_the_cluster(away: Away) -> None:
    assert away.previewed.ops("new") == ["create"]
    assert away.previewed.ops("there") == ["update"]
    assert away.previewed.ops("map") == ["same"]
    assert "unreachable" not in away.previewed.output


@behaviour(
    "an `up` without changes works without the cluster",
    source="provider.go `Diff`",
    but="a create or an update fails, and state keeps what was",
)
def test_up_without_the_cluster(away: Away) -> None:
    assert away.unchanged.ops("there") == away.unchanged.ops("map") == ["same"]
    for name in ("new", "there"):
        assert _UNREACHABLE in away.failed.error(name)
    assert "new" not in away.failed.state
    assert away.failed.outputs("there") == away.created.outputs("there")
    assert away.failed.inputs("there") == away.created.inputs("there")


@behaviour(
    "a refresh without the cluster fails, and says how to forget",
    source="provider.go `Read`",
    but="with PULUMI_K8S_SKIP_UPDATE_UNREACHABLE it leaves the state as it is",
)
def test_refresh_without_the_cluster(away: Away) -> None:
    assert "failed to read resource state due to unreachable cluster" in away.refresh.output
    assert _WAY_OUT in away.refresh.output
    assert away.skipped.outputs("there") == away.created.outputs("there")
    assert {"there", "map"} <= set(away.skipped.state)


@behaviour(
    "a delete without the cluster fails, and says how to forget",
    source="provider.go `Delete`",
    but="with PULUMI_K8S_DELETE_UNREACHABLE or `deleteUnreachable` the state forgets",
)
def test_delete_without_the_cluster(away: Away) -> None:
    for name in ("there", "map"):
        assert f"{_UNREACHABLE}. If the cluster was deleted" in away.destroy.error(name)
        assert _WAY_OUT in away.destroy.error(name)
        assert name in away.destroy.state
    assert away.forgotten.state == {}


@counter(test_delete_without_the_cluster, "what is forgotten is still there")
def test_forgotten_objects_stay(away: Away) -> None:
    assert "there" in away.back


# Malformed


@pytest.fixture(scope="module")
def malformed(tmp_path_factory: pytest.TempPathFactory) -> Phase:
    """A run with kubeconfigs with which nothing can be done."""
    directory = tmp_path_factory.mktemp("malformed")
    scenario = Scenario(new_project(directory, directory / "home"))
    scenario.write(_MALFORMED)
    nowhere = {"current-context": "none", "users": [{"name": "u", "user": {"token": _CANARY}}]}
    kubeconfigs = {
        "no-yaml": f"{{{_CANARY}",
        "no-mapping": _CANARY,
        "no-list": json.dumps({**nowhere, "clusters": _CANARY}),
        "no-base64": json.dumps({"users": [{"name": "u", "user": {"client-key-data": _CANARY}}]}),
        "no-cluster": json.dumps(nowhere),
    }
    return scenario.up("--continue-on-error", fails=True, CONFIGS=kubeconfigs)


@behaviour(
    "a kubeconfig that is none makes the cluster one that cannot be reached",
    source="provider.go `Configure`",
    but="one whose context leads to no cluster is told in other words",
)
def test_malformed_kubeconfig(malformed: Phase) -> None:
    parse = f"{_UNREACHABLE}: failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- "
    for name in ("no-yaml", "no-mapping", "no-list", "no-base64"):
        assert parse in malformed.error(name)
    load = f"{_UNREACHABLE}: unable to load Kubernetes client configuration from kubeconfig file"
    assert load in malformed.error("no-cluster")


@bug(
    "what is said of a kubeconfig that is none can quote it, though it is secret",
    source="k8s.io/client-go tools/clientcmd",
    decision="not copied",
    here="it says what is wrong and where",
)
def test_malformed_kubeconfig_is_not_shown(malformed: Phase) -> None:
    assert _CANARY not in malformed.output
    assert "clusters is no list" in malformed.error("no-list")
    assert "users[0].user.client-key-data: illegal base64 data" in malformed.error("no-base64")


# Settings


@bug(
    "`kubeClientSettings`, `strictMode`, `renderYamlToDirectory`, `enableServerSideApply` off and PULUMI_K8S_AWAIT_ALL "
    "change what comes of a program",
    source=_CONFIGURE,
    decision="refused",
    here="an error that names the setting; without it a preview works",
)
def test_settings_that_are_not_here(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("settings")
    scenario = Scenario(new_project(directory, directory / "home"), values={"kubeconfig": cluster.kubeconfig})
    scenario.write(_SETTINGS)
    assert scenario.preview(SETTINGS={}).ops("map") == ["create"]
    for setting, told in (
        (
            {"kube_client_settings": {"timeout": 1}},
            "kubeClientSettings is not in the sandbox's kubernetes plugin",
        ),
        ({"enable_server_side_apply": False}, "client-side apply is not in the sandbox's kubernetes plugin"),
    ):
        assert told in scenario.preview(fails=True, SETTINGS=setting).output
    scenario.project.environment["PULUMI_K8S_AWAIT_ALL"] = "true"
    assert "PULUMI_K8S_AWAIT_ALL is not in" in scenario.preview(fails=True, SETTINGS={}).output
