"""The logins of the kubelet's pulls."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from components.identity.registries import registries
from tests.components import example


def _logins(directory: Path, changes: dict[str, Any]) -> Any:
    return registries(example.stack(directory, changes).nodes["worker-1"])


def test_a_login_is_written_as_docker_login_would(tmp_path: Path) -> None:
    logins = {
        "registry.example.org:5000": {"username": "puller", "password": "a:b c"},
        "docker.io": {"username": "hub", "password": "word"},
    }
    file = _logins(tmp_path, {"docker": {"registries": logins}})
    assert (file.path, file.mode, file.owner) == ("/var/lib/kubelet/config.json", "0600", "root:root")
    auths = {
        name: base64.b64decode(one["auth"]).decode()
        for name, one in json.loads(file.content)["auths"].items()
    }
    assert auths == {"registry.example.org:5000": "puller:a:b c", "https://index.docker.io/v1/": "hub:word"}


def test_a_node_without_logins_has_no_file(tmp_path: Path) -> None:
    assert _logins(tmp_path, {}) is None


def test_the_file_lies_where_this_kubelet_looks(tmp_path: Path) -> None:
    logins = {"registry.example.org": {"username": "a", "password": "b"}}
    changes = {"docker": {"registries": logins}, "kubelet": {"extraFlags": {"root-dir": "/data/kubelet"}}}
    assert _logins(tmp_path, changes).path == "/data/kubelet/config.json"


@pytest.mark.parametrize("password", ["s3cret-word"])
def test_a_password_never_shows(password: str, tmp_path: Path) -> None:
    logins = {"registry.example.org": {"username": "a", "password": password}}
    node = example.stack(tmp_path, {"docker": {"registries": logins}}).nodes["worker-1"]
    assert password not in f"{node} {node.docker!r} {node.docker.model_dump()}"
