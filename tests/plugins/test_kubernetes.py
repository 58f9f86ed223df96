"""The kubernetes plugin over gRPC, against a real API server: what a program seldom meets. What it meets is in
`conformance`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import yaml

from sandbox.plugins.values import UNKNOWN, Secret
from tests.plugins.controlplane import ControlPlane
from tests.plugins.rpc import Engine

NODE, CONFIG = "kubernetes:core/v1:Node", "kubernetes:core/v1:ConfigMap"
pytestmark = pytest.mark.sandbox


@pytest.fixture
def k8s(kubernetes: Engine, cluster: ControlPlane) -> Iterator[Engine]:
    kubernetes.configure(kubeconfig=Secret(cluster.kubeconfig))
    yield kubernetes
    cluster.kubectl("delete", "nodes,configmaps", "--all", "--wait=false")


def error_of(call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **more)
    return str(caught.value.details())


def test_what_is_unknown_is_not_rehearsed(k8s: Engine, cluster: ControlPlane) -> None:
    seen = k8s.preview_create(CONFIG, "c", metadata={"name": "seen"}, data={"a": "1"})
    assert seen["metadata"]["uid"]
    unknown = k8s.preview_create(CONFIG, "c", metadata={"name": UNKNOWN}, data={"a": "1"})
    assert unknown["metadata"]["name"] is UNKNOWN
    assert not cluster.exists("configmap", "seen")


def test_a_wrong_token(k8s: Engine, cluster: ControlPlane) -> None:
    kubeconfig = yaml.safe_load(cluster.kubeconfig)
    kubeconfig["users"][0]["user"] = {"token": "wrong"}
    k8s.configure(kubeconfig=json.dumps(kubeconfig))
    assert "Unauthorized" in error_of(k8s.create, NODE, "n", metadata={"name": "refused"})


@pytest.mark.parametrize("token", ["kubernetes:yaml:ConfigFile", "kubernetes:helm.sh/v3:Release"])
def test_not_in_the_sandbox(kubernetes: Engine, token: str) -> None:
    assert f"{token} is not in the sandbox's kubernetes plugin" in error_of(kubernetes.check, token, "x", {})


def test_lists_are_refused_as_the_official_plugin_does(kubernetes: Engine) -> None:
    refused = error_of(kubernetes.check, "kubernetes:core/v1:PodList", "x", {})
    assert "Use the underlying resource type instead" in refused
