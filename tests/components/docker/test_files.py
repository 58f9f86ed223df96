"""Docker's files: what the golden files do not say by themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.docker import files
from components.host import needs
from components.kubelet import files as kubelet
from components.settings import NodeSettings
from components.settings.docker_sections import DockerRepositorySection
from tests.components import example


def test_docker_and_the_kubelet_share_one_cgroup_driver(tmp_path: Path) -> None:
    for node in example.stack(tmp_path).nodes.values():
        daemon = json.loads(files.files(node)[0].content)
        assert daemon["exec-opts"] == [f"native.cgroupdriver={kubelet.configuration(node)['cgroupDriver']}"]


def test_logs_are_files_and_bounded(tmp_path: Path) -> None:
    daemon = json.loads(files.files(example.stack(tmp_path).nodes["worker-1"])[0].content)
    assert daemon["log-driver"] == "json-file"
    assert daemon["log-opts"] == {"max-file": "5", "max-size": "10m"}


def test_a_kubelet_that_drives_docker_itself_gets_no_adapter(tmp_path: Path) -> None:
    node = example.stack(tmp_path, version="1.10.2").nodes["worker-1"]
    assert [file.name for file in files.files(node)] == ["daemon.json"]
    assert files.artifacts(node) == ()


def test_streams_listen_on_loopback_only(tmp_path: Path) -> None:
    service = files.files(example.stack(tmp_path).nodes["worker-1"])[1].content
    assert "--streaming-bind-addr=127.0.0.1:0" in service


def test_images_are_loaded_from_archives_with_their_checksums(tmp_path: Path) -> None:
    node = example.stack(tmp_path).nodes["worker-2"]
    lines = [line.split(" ") for line in files.settings(node)["image"]]
    assert [(name, url.rpartition("/")[2], len(sha256)) for name, url, sha256 in lines] == [
        ("registry.k8s.io/pause:3.10.2", "pause.tar", 64),
        ("nginx:1.27.3", "nginx.tar", 64),
    ]


def _daemon(node: NodeSettings) -> dict[str, Any]:
    return json.loads(files.files(node)[0].content)  # type: ignore[no-any-return]


def test_registries_and_the_data_root_stand_in_daemon_json(tmp_path: Path) -> None:
    docker = {
        "registryMirrors": ["https://b.example.org", "https://a.example.org"],
        "insecureRegistries": ["registry.example.org:5000", "10.0.0.0/8"],
        "dataRoot": "/data/docker",
    }
    nodes = example.stack(tmp_path, {"nodes/worker-1/docker": docker}).nodes
    daemon = _daemon(nodes["worker-1"])
    assert daemon["registry-mirrors"] == docker["registryMirrors"]
    assert daemon["insecure-registries"] == docker["insecureRegistries"]
    assert daemon["data-root"] == "/data/docker"
    assert files.settings(nodes["worker-1"])["data-root"] == ["/data/docker"]
    assert needs.preflight(nodes["worker-1"])["data-root"] == ["/data/docker"]
    assert not {"data-root", "insecure-registries"} & set(_daemon(nodes["worker-2"]))
    assert "data-root" not in {**files.settings(nodes["worker-2"]), **needs.preflight(nodes["worker-2"])}


def test_no_login_of_a_registry_reaches_docker_s_part(tmp_path: Path) -> None:
    login = {"registry.example.org": {"username": "puller", "password": "s3cret-word"}}
    node = example.stack(tmp_path, {"nodes/worker-1/docker": {"registries": login}}).nodes["worker-1"]
    everything = f"{files.files(node)}{files.settings(node)}{files.artifacts(node)}{node}"
    assert "puller" in everything
    assert "s3cret-word" not in everything


ARCHIVE = {"url": "https://artifacts.example/docker-27.5.1.tgz", "sha256": "ab" * 32}


@pytest.mark.parametrize(
    ("docker", "installed"),
    [
        ({}, ("docker.io",)),
        ({"package": "docker-engine=1"}, ("docker-engine=1",)),
        ({"source": "docker"}, ("docker-ce", "docker-ce-cli", "containerd.io")),
        (
            {"source": "docker", "repository": {"packages": ["docker-ce=5:27.5.1-1"]}},
            ("docker-ce=5:27.5.1-1",),
        ),
        ({"source": "archive", "archive": ARCHIVE}, ()),
        ({"source": "existing"}, ()),
    ],
)
def test_what_each_source_installs(
    docker: dict[str, Any], installed: tuple[str, ...], tmp_path: Path
) -> None:
    node = example.stack(tmp_path, {"nodes/worker-1/docker": docker}).nodes["worker-1"]
    source = docker.get("source", "distribution")
    settings, preflight = files.settings(node), needs.preflight(node)
    assert tuple(settings["package"]) == installed
    assert settings["source"] == preflight["docker-source"] == [source]
    assert list(preflight["docker-package"]) == [name.partition("=")[0] for name in installed[:1]]
    assert ("repository" in settings) is (source == "docker")
    units = {"containerd.service", "docker.service", "docker.socket"}
    assert ({file.name for file in files.files(node)} & units == units) is (source == "archive")


@pytest.mark.parametrize(
    ("repository", "line", "key"),
    [
        (None, "stable", "https://download.docker.com/linux/debian/gpg"),
        ({"channel": "test"}, "test", "https://download.docker.com/linux/debian/gpg"),
        ({"url": "http://m.example/docker/"}, "stable http://m.example/docker", "http://m.example/docker/gpg"),
        ({"url": "http://m.example/d", "keyUrl": "http://k.example/key.asc"}, "stable http://m.example/d", "http://k.example/key.asc"),
    ],
)  # fmt: skip
def test_a_mirror_of_docker_s_repository_has_its_key_too(
    repository: dict[str, Any] | None, line: str, key: str, tmp_path: Path
) -> None:
    docker = {"source": "docker", "repository": repository}
    node = example.stack(tmp_path, {"nodes/worker-1/docker": docker}).nodes["worker-1"]
    assert files.settings(node)["repository"] == [line]
    artifact = files.artifacts(node)[0]
    assert (artifact.path, artifact.url, artifact.mode) == (files.REPOSITORY_KEY, key, "0644")
    assert artifact.sha256 == DockerRepositorySection().key_sha256


def test_the_pause_image_is_the_release_s_unless_said_otherwise(tmp_path: Path) -> None:
    changes = {"nodes/worker-1/docker": {"pauseImage": "mirror.example.org/pause:3.9"}}
    nodes = example.stack(tmp_path, changes).nodes
    assert (
        "--pod-infra-container-image=mirror.example.org/pause:3.9"
        in files.files(nodes["worker-1"])[1].content
    )
    assert (
        "--pod-infra-container-image=registry.k8s.io/pause:3.10.2"
        in files.files(nodes["worker-2"])[1].content
    )
