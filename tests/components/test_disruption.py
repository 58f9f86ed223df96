"""What drains a node, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.disruption import KUBELET_FIELDS, disruption_digest
from components.settings import load
from components.versions import MINORS
from tests.components import example

NODE = "nodes/worker-1"
NO_MIRRORS = {"nodes/worker-2/docker/extraConfig/registry-mirrors": ...}
ARCHIVE = {"url": "https://artifacts.example/docker-27.5.1.tgz", "sha256": "0" * 64}


def digest(directory: Path, changes: dict[str, Any], version: str = "1.37.2") -> str:
    example.write_project(directory, "1.37.2", "1.37.3", "1.36.1")
    raw = example.changed(example.raw(version), changes)
    return disruption_digest(load(raw, directory).nodes["worker-1"])


@pytest.mark.parametrize(
    "changes",
    [
        {"kubernetes/version": "1.36.1"},
        {"docker": {"package": "docker-ce"}},
        {"docker": {"logMaxFile": 9}},
        {"docker": {"extraConfig": {"debug": True}}},
        {"docker": {"registryMirrors": ["https://mirror.example.org"]}, **NO_MIRRORS},
        {NODE + "/docker": {"source": "docker"}},
        {NODE + "/docker": {"source": "archive", "archive": ARCHIVE}},
        {"docker": {"cgroupDriver": "cgroupfs"}},
        {"docker": {"pauseImage": "pause:3.9"}},
        {"docker": {"criDockerd": {"version": "0.3.10"}}},
        {f"{NODE}/nodeIp": "10.0.0.99"},
        {f"{NODE}/kubelet": {"extraConfig": {"cpuManagerPolicy": "static"}}},
        {f"{NODE}/kubelet": {"extraConfig": {"podLogsDir": "/data/logs"}}},
        {f"{NODE}/kubelet": {"extraFlags": {"root-dir": "/data/kubelet"}}},
        {"cluster/dns/address": "10.96.0.53"},
    ],
    ids=str,
)
def test_a_disruptive_change_changes_the_digest(changes: dict[str, Any], tmp_path: Path) -> None:
    assert digest(tmp_path, changes) != digest(tmp_path, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"kubernetes/version": "1.37.3"},
        {"ssh/user": "operator"},
        {f"{NODE}/address": "10.0.0.99", f"{NODE}/nodeIp": "10.0.0.7"},
        {f"{NODE}/labels": {"a": "b"}},
        {f"{NODE}/kubelet": {"extraConfig": {"maxPods": 55}}},
        {f"{NODE}/kubelet": {"extraFlags": {"v": 5}}},
        {f"{NODE}/kubeProxy": {"mode": "nftables"}},
        {"host": {"sysctls": {"net.core.somaxconn": 4096}}},
        {f"{NODE}/docker": {"images": [{"name": "a:1", "path": "images/nginx.tar"}]}},
        {"cluster/server": "https://10.0.0.2:6443"},
        {"drain": {"timeoutSeconds": 3}},
        {"docker": {"healthyTimeoutSeconds": 3}},
        # Refused on the host, which need not be drained for that.
        {"docker": {"dataRoot": "/data/docker"}},
        {"docker": {"registries": {"registry.example.org": {"username": "a", "password": "b"}}}},
        {"docker": {"cgroupDriver": "systemd", "logMaxFile": 5}},
    ],
    ids=str,
)
def test_any_other_change_does_not(changes: dict[str, Any], tmp_path: Path) -> None:
    assert digest(tmp_path, changes) == digest(tmp_path, {})


def test_another_release_of_docker_drains_whatever_it_comes_from(tmp_path: Path) -> None:
    def of(docker: dict[str, Any]) -> str:
        return digest(tmp_path, {f"{NODE}/docker": docker})

    pinned = {"packages": ["docker-ce=5:27.5.1-1", "docker-ce-cli", "containerd.io"]}
    assert of({"source": "docker"}) != of({"source": "docker", "repository": pinned})
    # The way to the same packages is no other release.
    mirror = {"url": "https://mirror.example.org/docker"}
    assert of({"source": "docker"}) == of({"source": "docker", "repository": mirror})
    archive = {"source": "archive", "archive": ARCHIVE}
    assert of(archive) != of({"source": "archive", "archive": {**ARCHIVE, "sha256": "1" * 64}})
    assert of(archive) == of(
        {"source": "archive", "archive": {**ARCHIVE, "url": "https://b/docker-27.5.1.tgz"}}
    )


def test_every_disruptive_field_is_a_field_and_has_a_reason() -> None:
    assert set(KUBELET_FIELDS) <= MINORS[37].kubelet_fields
    assert all(KUBELET_FIELDS.values())
