"""Every file of two nodes for three releases, and of one for each minor, byte for byte.

`pytest --update-golden` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.calico import files as calico
from components.docker import files as docker
from components.host import files as host
from components.identity import registries
from components.kube_proxy import files as kube_proxy
from components.kubelet import files as kubelet
from components.remote.bundle import Artifact, Bundle, HostFile
from components.settings import NodeSettings
from components.versions import MINORS
from tests.components import example

GOLDEN = Path(__file__).parent.parent / "golden"
VERSIONS = ("1.37.2", "1.29.6", "1.10.2")

# Every way to a Docker, with everything else that a Docker may be told.
DOCKER_SOURCES: dict[str, dict[str, Any]] = {
    "distribution": {
        "dataRoot": "/data/docker",
        "registryMirrors": ["https://mirror.example.org"],
        "insecureRegistries": ["registry.example.org:5000", "10.0.0.0/8"],
        "registries": {"registry.example.org:5000": {"username": "puller", "password": "word"}},
    },
    "docker": {
        "source": "docker",
        "repository": {
            "url": "https://mirror.example.org/docker",
            "packages": ["docker-ce=5:27.5.1-1~debian.12~bookworm", "docker-ce-cli", "containerd.io"],
        },
    },
    "archive": {
        "source": "archive",
        "archive": {"url": "https://mirror.example.org/docker-27.5.1.tgz", "sha256": "ab" * 32},
    },
    "existing": {"source": "existing", "extraConfig": {"live-restore": None, "debug": True}},
}

Renderers = tuple[
    Callable[[NodeSettings], tuple[HostFile, ...]], Callable[[NodeSettings], tuple[Artifact, ...]]
]
PARTS: dict[str, Renderers] = {
    "host": (host.files, host.artifacts),
    "docker": (docker.files, docker.artifacts),
    "calico": (calico.files, calico.artifacts),
    "kubelet": (kubelet.files, kubelet.artifacts),
    "kube-proxy": (kube_proxy.files, kube_proxy.artifacts),
}


def rendered(directory: Path, version: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, node in example.stack(directory, version=version).nodes.items():
        for part, (files, artifacts) in PARTS.items():
            for file in files(node):
                texts[f"{name}/{part}/{file.name}"] = file.content
            listing = [f"{file.name} {file.mode} {file.owner} {file.path}" for file in files(node)]
            listing += [
                f"{a.name} {a.mode} {a.path} {a.sha256} {a.url} {a.member}".rstrip() for a in artifacts(node)
            ]
            texts[f"{name}/{part}/LIST"] = "".join(line + "\n" for line in listing)
        texts[f"{name}/host/PACKAGES"] = "".join(f"{package}\n" for package in host.packages(node))
    return texts


def rendered_sources(directory: Path) -> dict[str, str]:
    """Docker's files, downloads and settings for each source, and the registries' logins."""
    texts: dict[str, str] = {}
    for source, docker_settings in DOCKER_SOURCES.items():
        node = example.stack(directory, {"nodes/worker-1/docker": docker_settings}).nodes["worker-1"]
        bundle = Bundle(
            "docker",
            node.name,
            node.address,
            "org/proj/dev",
            "0" * 12,
            docker.files(node),
            docker.artifacts(node),
            docker.settings(node),
        )
        texts[f"{source}/BUNDLE"] = bundle.render()
        login = registries.registries(node)
        if login is not None:
            texts[f"{source}/{login.name}"] = login.content
    return texts


@pytest.mark.parametrize("version", VERSIONS)
def test_rendered_files_are_those_of_the_golden_directory(
    version: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _compare(rendered(tmp_path, version), GOLDEN / version, request)


def test_every_source_of_docker_is_rendered_as_in_the_golden_directory(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _compare(rendered_sources(tmp_path), GOLDEN / "docker-sources", request)


def minor(directory: Path, number: int) -> str:
    """Every file of a node that takes every default, one after the other: what a minor changes shows as a diff."""
    node = example.stack(directory, version=f"1.{number}.1").nodes["worker-1"]
    text = "".join(f"=== package {package}\n" for package in host.packages(node))
    for files, _ in PARTS.values():
        text += "".join(f"=== {file.path}\n{file.content}" for file in files(node))
    return text


def test_every_minor_is_rendered_as_in_the_golden_directory(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _compare(
        {row.name: minor(tmp_path, number) for number, row in MINORS.items()}, GOLDEN / "minors", request
    )


def test_the_profile_the_identities_and_whole_bundles_are_rendered_as_in_the_golden_directory(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from tests import golden_bundles, golden_texts  # noqa: PLC0415 - the latter imports this file

    _compare(golden_texts.identities(tmp_path), GOLDEN / "identities", request)
    _compare(golden_texts.profile(tmp_path), GOLDEN / "profile", request)
    _compare(golden_bundles.bundles(tmp_path), GOLDEN / "bundles", request)


def test_calico_s_objects_are_changed_as_in_the_golden_directory(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from tests import golden_objects  # noqa: PLC0415 - as above

    _compare(golden_objects.objects(tmp_path), GOLDEN / "calico-objects", request)


def _compare(texts: dict[str, str], directory: Path, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        for old in directory.rglob("*"):
            if old.is_file():
                old.unlink()
        for name, text in texts.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
    golden = {
        str(file.relative_to(directory)): file.read_text() for file in directory.rglob("*") if file.is_file()
    }
    assert sorted(texts) == sorted(golden)
    for name in sorted(texts):
        assert texts[name] == golden[name], f"{name} differs; if that is meant: pytest --update-golden"


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_rendered_fits_into_a_bundle(version: str, tmp_path: Path) -> None:
    for name, node in example.stack(tmp_path, version=version).nodes.items():
        for part, (files, artifacts) in PARTS.items():
            text = Bundle(
                part, name, node.address, "org/proj/dev", "0" * 64, files(node), artifacts(node)
            ).render()
            for file in files(node):
                assert f"file | {file.name} {file.mode} {file.owner} {file.path}" in text


def test_order_of_keys_in_the_configuration_changes_no_byte(tmp_path: Path) -> None:
    def backwards(value: object) -> object:
        if isinstance(value, dict):
            return {key: backwards(value[key]) for key in reversed(value)}
        return value

    straight = rendered(tmp_path, "1.37.2")
    node = example.raw()["nodes"]["worker-2"]
    turned = example.stack(tmp_path, {"nodes/worker-2": backwards(node)}).nodes["worker-2"]
    for part, (files, _) in PARTS.items():
        for file in files(turned):
            assert file.content == straight[f"worker-2/{part}/{file.name}"]
