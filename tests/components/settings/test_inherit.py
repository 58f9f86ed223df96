"""What a node of another kind than the others takes over of the shared sections."""

# ruff: noqa: E501 - a case a line

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.settings.inherit import inherited
from tests.components import example

SHARED: dict[str, Any] = {
    "kubeProxy": {
        "mode": "iptables",
        "extraConfig": {"conntrack": {"maxPerCore": 1}},
        "healthyTimeoutSeconds": 60,
    },
    "docker": {"package": "docker.io=20.10.24+dfsg1-1", "dataRoot": "/data/docker", "logMaxFile": 3},
}
PROXY, DOCKER = "nodes/worker-1/kubeProxy", "nodes/worker-1/docker"


@pytest.mark.parametrize(
    "changes",
    [
        {PROXY: {"mode": "existing"}},
        {DOCKER: {"source": "existing"}},
        {DOCKER: {"source": "docker"}},
        {DOCKER: {"source": "docker", "repository": {"channel": "test"}}},
    ],
    ids=str,
)
def test_shared_keys_that_a_node_has_no_use_for_do_not_apply_to_it(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    assert example.problems(tmp_path, {**SHARED, **changes}) == []


def test_what_a_node_can_use_still_applies(tmp_path: Path) -> None:
    changes = {PROXY: {"mode": "existing"}, DOCKER: {"source": "existing"}, "nodes/worker-2/docker": ...}
    nodes = example.stack(tmp_path, {**SHARED, **changes}).nodes
    first, second = nodes["worker-1"], nodes["worker-2"]
    assert (first.docker.log_max_file, first.docker.data_root, first.docker.package) == (3, None, "docker.io")
    assert (first.kube_proxy.extra_config, first.kube_proxy.healthy_timeout_seconds) == ({}, 60)
    assert (second.docker.data_root, second.docker.package) == ("/data/docker", "docker.io=20.10.24+dfsg1-1")
    assert second.kube_proxy.extra_config["conntrack"] == {"maxPerCore": 1}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({PROXY: {"mode": "existing", "extraConfig": {"portRange": "1-2"}}}, "nodes.worker-1.kubeProxy.extraConfig: contradicts kubeProxy.mode, which is existing: no kube-proxy of ours would read it"),
        ({DOCKER: {"source": "existing", "dataRoot": "/data/other"}}, "nodes.worker-1.docker.dataRoot: contradicts docker.source existing: a Docker that is there keeps its data where it is"),
        ({DOCKER: {"source": "existing", "package": "docker.io"}}, "nodes.worker-1.docker.package: belongs to docker.source distribution, and that is existing: leave one of them out"),
        ({"kubeProxy": {"mode": "existing"}, PROXY: {"extraConfig": {"portRange": "1-2"}}}, "nodes.worker-1.kubeProxy.extraConfig: contradicts kubeProxy.mode, which is existing: no kube-proxy of ours would read it"),
        ({"kubeProxy": {"mode": "existing", "extraConfig": {"portRange": "1-2"}}}, "kubeProxy.extraConfig: contradicts kubeProxy.mode, which is existing: no kube-proxy of ours would read it"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_where_both_are_given(
    changes: dict[str, Any], line: str, tmp_path: Path
) -> None:
    assert example.problems(tmp_path, {**SHARED, **changes}) == [line]


def test_a_section_without_such_keys_is_taken_as_it_is() -> None:
    shared = {"extraConfig": {"maxPods": 5}}
    assert inherited("kubelet", shared, {"mode": "existing", "source": "existing"}) == shared
    assert inherited("kubeProxy", shared, {"mode": "ipvs"}) == shared
