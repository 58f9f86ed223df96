"""The way to the API server: as whom, by which way, and what is asked again if it does not answer well.

One program, whose objects meet an API server that is not always well, or are made by users and ways of a kubeconfig.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.plugins.apiproxy import ApiProxy, Hiccup, api_proxy
from tests.plugins.behaviours import behaviour
from tests.plugins.controlplane import ControlPlane
from tests.plugins.engine import Process, new_project
from tests.plugins.processes import eventually
from tests.plugins.scenario import Phase, Scenario

_PROGRAM = """
    import pulumi_kubernetes as k8s
    def provider(name, text):
        return k8s.Provider(name, kubeconfig=Output.secret(text), upsert_existing_objects=True)
    unwell = provider("unwell", unwell_kubeconfig)
    def config_map(name, provider, **annotations):
        k8s.core.v1.ConfigMap(name, metadata={"name": name, "annotations": annotations}, data={"a": "1"},
            opts=ResourceOptions(provider=provider))
    config_map("busy", unwell)
    config_map("refused", unwell)
    config_map("lost", unwell)
    config_map("awaited", unwell, **{"pulumi.com/waitFor": "jsonpath={.metadata.uid}",
        "pulumi.com/timeoutSeconds": "60"})
    k8s.core.v1.ConfigMap.get("lost-read", "default/theirs", opts=ResourceOptions(provider=unwell))
    for name, text in WAYS.items():
        config_map(name, provider(f"provider-{name}", text))
"""
_AWAITED = """
    import pulumi_kubernetes as k8s
    provider = k8s.Provider("provider", kubeconfig=Output.secret(kubeconfig))
    def config_map(name, **annotations):
        k8s.core.v1.ConfigMap(name, metadata={"name": name, "annotations": annotations}, data={"a": "1"},
            opts=ResourceOptions(provider=provider))
    config_map("never", **{"pulumi.com/waitFor": "jsonpath={.data.never}"})
    config_map("at-once")
"""
_CLIENT = "k8s.io/client-go rest/with_retry.go, rest/request.go"
_CONFIG = "k8s.io/client-go tools/clientcmd/client_config.go"


@dataclass(frozen=True)
class Run:
    """What came of it, and how often each hiccup's request was made."""

    phase: Phase
    seen: Mapping[str, int]
    there: set[str]


def hiccups() -> dict[str, Hiccup]:
    return {
        "busy": Hiccup("PATCH", "/configmaps/busy", 429, times=2, retry_after="1"),
        "refused": Hiccup("PATCH", "/configmaps/refused", 503, times=1),
        "lost": Hiccup("PATCH", "/configmaps/lost", None, times=1),
        "lost-read": Hiccup("GET", r"/configmaps/theirs", None, times=1),
        # By its name, or in a list of all.
        "awaited": Hiccup("GET", r"/configmaps(/awaited)?(\?|$)", 500, times=2),
    }


def ways(cluster: ControlPlane, proxy: ApiProxy) -> dict[str, str]:
    """Kubeconfigs: of other users, and with other ways to the same server."""

    def changed(kind: str, **more: Any) -> str:
        parsed = yaml.safe_load(cluster.kubeconfig)
        parsed[f"{kind}s"][0][kind].update({key.replace("_", "-"): value for key, value in more.items()})
        return yaml.safe_dump(parsed)

    forwarded = yaml.safe_load(proxy.kubeconfig)
    forwarded["clusters"][0]["cluster"] = {
        "server": "http://nowhere.invalid",
        "proxy-url": f"http://127.0.0.1:{proxy.port}",
    }
    masters = {"as": "somebody", "as-groups": ["system:masters"]}
    return {
        "as-masters": changed("user", **masters),
        "as-nobody": changed("user", **{"as": "somebody"}),
        "server-name": changed("cluster", tls_server_name="localhost"),
        "server-name-wrong": changed("cluster", tls_server_name="nowhere.example"),
        "forwarded": yaml.safe_dump(forwarded),
        "forwarded-nowhere": changed("cluster", proxy_url="http://127.0.0.1:1"),
    }


@pytest.fixture(scope="module")
def run(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Run:
    directory = tmp_path_factory.mktemp("requests")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "default"}}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(theirs))
    with api_proxy(cluster) as proxy:
        values = {"unwell_kubeconfig": proxy.kubeconfig, "WAYS": ways(cluster, proxy)}
        scenario = Scenario(new_project(directory, directory / "home"), values=values)
        scenario.write(_PROGRAM)
        met = hiccups()
        proxy.hiccups = list(met.values())
        phase = scenario.up("--continue-on-error", fails=True)
    listed = cluster.kubectl("get", "configmaps", "-o", "name").split()
    cluster.kubectl("delete", "configmaps", "--all", "--wait=false")
    there = {name.removeprefix("configmap/") for name in listed}
    return Run(phase, {name: each.seen for name, each in met.items()}, there)


@behaviour(
    "a request that the server puts off (429, or 500 and more, with Retry-After) is sent again after that time",
    source=_CLIENT,
    but="without Retry-After it fails, and nothing is in state",
)
def test_requests_that_are_put_off(run: Run) -> None:
    assert run.seen["busy"] == 3
    assert run.phase.messages("busy", "error") == []
    assert run.phase.seconds("busy") >= 1
    assert run.seen["refused"] == 1
    assert "was not successfully created by the Kubernetes API server" in run.phase.error("refused")
    assert "refused" not in run.phase.state


@behaviour(
    "a read whose connection is lost is sent again",
    source=_CLIENT,
    but="what writes is not: nobody knows whether it was done",
)
def test_lost_connections(run: Run) -> None:
    assert run.seen["lost-read"] >= 2
    assert run.phase.messages("lost-read", "error") == []
    assert run.seen["lost"] == 1
    assert run.phase.error("lost")
    assert "lost" not in run.phase.state


@behaviour(
    "while an object is waited for, an error of the server is no failure: the wait goes on",
    source="await/internal/awaiter.go; k8s.io/client-go tools/cache/reflector.go",
    but="of the request that makes the object it is one",
)
def test_errors_during_a_wait(run: Run) -> None:
    assert run.seen["awaited"] >= 1
    assert run.phase.messages("awaited", "error") == []
    assert run.phase.state["awaited"]["id"] == "default/awaited"
    assert run.phase.error("refused")


@behaviour(
    "a user of a kubeconfig acts as another with `as` and `as-groups`",
    source=_CONFIG,
    but="who may not make the object is told so, by that name",
)
def test_impersonation(run: Run) -> None:
    assert "as-masters" in run.there
    assert 'User "somebody" cannot' in run.phase.error("as-nobody")
    assert "as-nobody" not in run.there


@behaviour(
    "`tls-server-name` is the name that the server's certificate must have",
    source=_CONFIG,
    but="with one that it does not have the cluster cannot be reached",
)
def test_server_name(run: Run) -> None:
    assert "server-name" in run.there
    assert "configured Kubernetes cluster is unreachable" in run.phase.error("server-name-wrong")


@behaviour(
    "`proxy-url` is the way to the server",
    source=_CONFIG,
    but="with a proxy that is not there the cluster cannot be reached, though it is there itself",
)
def test_proxy(run: Run) -> None:
    assert "forwarded" in run.there
    assert "configured Kubernetes cluster is unreachable" in run.phase.error("forwarded-nowhere")


@behaviour(
    "an interrupt of pulumi ends a wait: the object is in state as one that is not ready, and updated by the next run",
    source="provider.go `Cancel`, await/internal/awaiter.go",
    but="what is ready is left",
)
def test_interrupted_wait(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("interrupted")
    scenario = Scenario(new_project(directory, directory / "home"), values={"kubeconfig": cluster.kubeconfig})
    scenario.write(_AWAITED)

    def interrupt(pulumi: Process) -> None:
        eventually(lambda: cluster.exists("configmap", "never") and cluster.exists("configmap", "at-once"))
        pulumi.send_signal(signal.SIGINT)

    phase = scenario.up(fails=True, meanwhile=interrupt)
    assert "timed out waiting for the condition" in phase.output
    assert phase.state["never"]["initErrors"]
    assert cluster.exists("configmap", "never")
    again = scenario.again()
    assert again.ops("never") == ["update"]
    assert again.ops("at-once") == ["same"]
    scenario.destroy()
