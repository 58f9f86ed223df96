"""Calico's own files that somebody brings along: found, named, and turned into a stack's section."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
import yaml

from sandbox import calico, podnetwork
from sandbox.checkout import Checkout
from sandbox.errors import SandboxError


def _archive(path: Path, *names: str) -> None:
    data = json.dumps([{"RepoTags": list(names)}]).encode()
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    manifest = tmp_path / "calico.yaml"
    manifest.write_text("kind: ConfigMap\n")
    (tmp_path / "images").mkdir()
    _archive(tmp_path / "images/node.tar", "quay.io/calico/node:v3.33.1")
    _archive(tmp_path / "images/cni.tar", "quay.io/calico/cni:v3.33.1")
    return manifest, tmp_path / "images"


def test_what_is_served_and_what_the_stack_gets(files: tuple[Path, Path], tmp_path: Path) -> None:
    found = calico.brought(*files)
    assert found is not None
    assert sorted(found.served) == ["images/calico/cni.tar", "images/calico/node.tar"]
    (tmp_path / "checkout").mkdir()
    written = calico.settle(Checkout(tmp_path / "checkout"), found)
    sections = yaml.safe_load(written.read_text())
    assert sections["calico"]["version"] == "3.33.1"
    assert sections["images"][0] == {"name": "quay.io/calico/cni:v3.33.1", "path": "images/calico/cni.tar"}
    assert (written.parent / "calico-manifest.yaml").read_text() == "kind: ConfigMap\n"


def test_nothing_brought_along() -> None:
    assert calico.brought(None, None) is None


def test_half_of_it_is_an_error(files: tuple[Path, Path], tmp_path: Path) -> None:
    for given in ((files[0], None), (None, files[1]), (tmp_path / "none", files[1]), (files[0], tmp_path)):
        with pytest.raises(SandboxError):
            calico.brought(*given)


def test_an_archive_that_is_none_is_named(files: tuple[Path, Path]) -> None:
    (files[1] / "broken.tar").write_text("no archive")
    with pytest.raises(SandboxError, match=r"broken\.tar is no archive of an image"):
        calico.brought(*files)
    _archive(files[1] / "broken.tar", "a:1", "b:1")
    with pytest.raises(SandboxError, match="names 2 images"):
        calico.brought(*files)


def test_a_host_without_a_network_of_the_sandbox_s() -> None:
    assert "CNI=off\n" in podnetwork.parameters(1, "10.0.0.11", [], 1500, networked=False)
