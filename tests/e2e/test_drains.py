"""Pods that may not go: a change and a destroy stop at them, name them, and leave node and host as they were; `force`
that an `up` has put into the state goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.cluster import Cluster, is_ready, is_schedulable, unfit
from tests.e2e.hosts import each
from tests.e2e.killing import Running
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_NAMESPACE = "kubenode-e2e-drains"
_IMAGE = "docker.io/library/nginx:sandbox"
_DRAIN = {"timeoutSeconds": 12, "deleteEmptyDirData": False}


def _pod(name: str, **spec: object) -> Json:
    container: Json = {"name": "nginx", "image": _IMAGE, "imagePullPolicy": "Never"}
    volumes = spec.pop("volumes", [])
    if volumes:
        container["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
    return {
        "metadata": {"name": name, "namespace": _NAMESPACE, "labels": {"app": name}},
        "spec": {"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 1, **spec},
    }


def _deployment(name: str, **spec: object) -> Json:
    pod = _pod(name, **spec)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod["spec"]},
        },
    }


@contextmanager
def _there(cluster: Cluster, *objects: Json) -> Iterator[None]:
    """These objects, with their pods running."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    everything = {"apiVersion": "v1", "kind": "List", "items": [namespace, *objects]}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(everything))
    try:
        for one in objects:
            if one["kind"] == "Deployment":
                cluster.kubectl(
                    "rollout",
                    "status",
                    "-n",
                    _NAMESPACE,
                    f"deployment/{one['metadata']['name']}",
                    "--timeout=110s",
                )
        cluster.kubectl("wait", "-n", _NAMESPACE, "--for=condition=Ready", "pods", "--all", "--timeout=110s")
        yield
    finally:
        cluster.kubectl("delete", "namespace", _NAMESPACE, "--ignore-not-found", "--timeout=110s")


def _on(node: str) -> Json:
    return {"nodeSelector": {"kubernetes.io/hostname": node}}


def _stays(lab: Lab, node: str) -> list[Json]:
    """One pod that a budget keeps, one that nobody made, one with data that goes with it."""
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "kept", "namespace": _NAMESPACE},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}},
    }
    return [
        budget,
        _deployment("kept", **_on(node)),
        {"apiVersion": "v1", "kind": "Pod", **_pod("bare", **_on(node))},
        _deployment("scratch", volumes=[{"name": "scratch", "emptyDir": {}}], **_on(node)),
    ]


def _disturb(config: Json) -> None:
    config["docker"]["extraConfig"] = {"max-concurrent-downloads": 5}
    config["rollout"] = {"batchSize": 1}


def _demand_untouched(lab: Lab, started: dict[str, int]) -> None:
    assert each(lab.hosts, lambda host: host.started("docker.service")) == started
    assert unfit(lab.cluster.nodes()) == {}


def test_what_stands_in_the_way_is_named_and_nothing_after_it_happens(deployed: Lab) -> None:
    lab = deployed
    first = lab.hosts[0]
    lab.stack.configure(lambda config: config.update({"drain": dict(_DRAIN)}))
    # Patience is no reason to drain anybody.
    lab.stack.up().demand()
    started = each(lab.hosts, lambda host: host.started("docker.service"))
    daemon = each(lab.hosts, lambda host: host.run("cat /etc/docker/daemon.json"))
    lab.note_unknown()
    with _there(lab.cluster, *_stays(lab, first.name)):
        lab.stack.configure(_disturb)
        failed = lab.stack.up().demand_failure()
        MEASURED.add("up that a drain of 12 s stops", failed.seconds, "s")
        assert f"{first.name}: nothing was drained; pods in the way: " in failed.text
        for pod in ("bare", "scratch-"):
            assert f"{_NAMESPACE}/{pod}" in failed.text
        assert "uncordoned again" in failed.text
        _demand_untouched(lab, started)
        assert each(lab.hosts, lambda host: host.run("cat /etc/docker/daemon.json")) == daemon

        # What goes away with the whole stack is no different.
        failed = lab.stack.destroy().demand_failure()
        assert f"{_NAMESPACE}/scratch-" in failed.text
        assert first.name in lab.cluster.nodes()
        assert first.unit("kubelet.service") == "active"
        node = lab.cluster.nodes()[first.name]
        assert is_ready(node)
        assert is_schedulable(node)

        # Force is said in the configuration, and an up puts it where a destroy finds it.
        lab.stack.configure(lambda config: config.update({"drain": {"timeoutSeconds": 12, "force": True}}))
        result = lab.stack.up().demand()
        assert "force: deleting what eviction did not move in 12 s" in result.text
        assert first.started("docker.service") > started[first.name]
        assert unfit(lab.cluster.nodes()) == {}
        result = lab.stack.destroy().demand()
        MEASURED.add("destroy of the last nodes by force", result.seconds, "s")
        assert lab.cluster.nodes() == {}
        # What a controller made waits for other nodes.
        phases = {
            pod["metadata"]["labels"]["app"]: pod["status"]["phase"]
            for pod in lab.cluster.items("pods", "-n", _NAMESPACE)
        }
        assert phases == {"kept": "Pending", "scratch": "Pending"}
    assert lab.differences() == {}
    lab.stack.restore_configuration()


def test_a_killed_drain_whose_change_is_taken_back_leaves_no_node_out_of_service(deployed: Lab) -> None:
    """Nothing of the node differs from the state then, and its cordon would stay for ever."""
    lab = deployed
    first = lab.hosts[0]
    with _there(lab.cluster, *_stays(lab, first.name)[:2]):
        lab.note_unknown()
        lab.stack.configure(_disturb)
        run = Running(lab.stack)
        try:
            run.wait_for_step(
                f"{first.name}-out-of-service",
                lambda: not is_schedulable(lab.cluster.nodes()[first.name]),
            )
            run.kill()
        finally:
            # With the program that drains: it would put the node back.
            run.end_leftovers()
        lab.stack.cancel().demand()
        lab.stack.restore_configuration()
        assert not is_schedulable(lab.cluster.nodes()[first.name])
        result = lab.stack.up().demand()
        assert f"nodes.{first.name}: out of service, left so by a run that ended in between" in result.text
        assert unfit(lab.cluster.nodes()) == {}
        lab.stack.preview("--expect-no-changes").demand()
    lab.note_deployed()
