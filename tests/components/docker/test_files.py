"""Docker's files: what the golden files do not say by themselves."""

from __future__ import annotations

import json
from pathlib import Path

from components.docker import files
from components.kubelet import files as kubelet
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
