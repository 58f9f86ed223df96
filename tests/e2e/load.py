"""A web service that must not notice what is done to its nodes, and somebody who asks it all the time.

Owns the service (a budget allows one replica to be away, and each pauses before it ends) and the asking: from the
control plane's host, through every node's port, several times a second, each request on a connection of its own.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import Host
from tests.e2e.place import Place
from tests.e2e.stack import Json

NAMESPACE = "e2e-load"
_LABELS = {"app": "web"}
_READY = "--timeout=120s"


@dataclass
class Answers:
    """What came of the requests: how many there were, and each that was not answered with 200."""

    asked: int = 0
    failed: list[str] = field(default_factory=list)


def serve(cluster: Cluster, replicas: int, image: str) -> int:
    """Have the service there, with all of its replicas ready; returns the port on every node."""
    objects = {"apiVersion": "v1", "kind": "List", "items": _objects(replicas, image)}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(objects))
    cluster.kubectl("rollout", "status", "-n", NAMESPACE, "deployment/web", _READY)
    (port,) = cluster.get("service", "-n", NAMESPACE, "web")["spec"]["ports"]
    return int(port["nodePort"])


def remove(cluster: Cluster) -> None:
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", _READY)


@contextmanager
def asking(place: Place, hosts: Sequence[Host], port: int) -> Iterator[Answers]:
    """Ask through each of these nodes until the block ends; then `Answers` is complete.

    A kube-proxy hears of a service some time after the API does, so each node has to answer once before it begins.
    """
    answers = Answers()
    script = f"""
        for host in {" ".join(host.address for host in hosts)}; do
            curl -fsS -m 5 --retry 60 --retry-delay 1 --retry-all-errors -o /dev/null "http://$host:{port}/" || exit 1
        done
        echo begins
        while read -r -t 0.1 _; [ $? -gt 128 ]; do
            for host in {" ".join(host.address for host in hosts)}; do
                code=$(curl -sS -m 5 -o /dev/null -w '%{{http_code}}' "http://$host:{port}/" 2>&1) || :
                printf '%s %s %s\\n' "$(date +%T)" "$host" "$code"
            done
        done
    """
    process = subprocess.Popen(
        ["docker", "exec", "-i", place.checkout.name("control-plane"), "bash", "-c", script],
        env=place.env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n", "a node does not answer at all"
    try:
        yield answers
    finally:
        said, _ = process.communicate("\n", timeout=60)
        lines = said.splitlines()
        answers.asked = len(lines)
        answers.failed = [line for line in lines if not line.endswith(" 200")]


def _objects(replicas: int, image: str) -> list[Json]:
    container: Json = {
        "name": "nginx",
        "image": image,
        "imagePullPolicy": "Never",
        "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1},
        # Until every node has heard that this endpoint goes.
        "lifecycle": {"preStop": {"sleep": {"seconds": 8}}},
    }
    spread: Json = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": _LABELS},
    }
    pod: Json = {"containers": [container], "topologySpreadConstraints": [spread]}
    selector: Json = {"matchLabels": _LABELS}
    metadata: Json = {"name": "web", "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": replicas,
                "selector": selector,
                "template": {"metadata": {"labels": _LABELS}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"type": "NodePort", "selector": _LABELS, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata,
            "spec": {"minAvailable": replicas - 1, "selector": selector},
        },
    ]
