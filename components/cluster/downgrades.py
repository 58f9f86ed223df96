"""A release older than the one that runs on a node: refused, unless the configuration says that it is meant. Pure.

Owns telling what runs from what is wanted, of Kubernetes and of Docker, as far as the Node tells. cri-dockerd and the
CNI plugins keep no data of their own, so nobody is asked about them.
"""

from __future__ import annotations

import re
from typing import Final

from components.settings import NodeSettings

_RELEASE: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_RUNTIME: Final = "docker://"
# Packages that are Docker Engine itself; others beside it are numbered in their own way.
_ENGINES: Final = ("docker-ce", "docker.io", "moby-engine", "docker-engine", "docker")

Release = tuple[int, int, int]


def refusals(name: str, node: NodeSettings, kubelet: str | None, runtime: str | None) -> list[str]:
    """A line for each. `kubelet` and `runtime`: what its Node says, such as 1.37.2 and docker://27.5.1."""
    problems = []
    runs, wanted = _release(kubelet), _release(node.kubernetes_version)
    if runs and wanted and wanted < runs and not node.kubernetes_allows_downgrade:
        problems.append(
            f"nodes.{name}.kubernetes.version: {node.kubernetes_version} is older than {kubelet}, which runs there. "
            f"Kubernetes tests no way back. If it is meant: kubernetes.allowDowngrade: true"
        )
    runs, wanted = _release((runtime or "").removeprefix(_RUNTIME)), docker_release(node)
    if runs and wanted and wanted < runs and not node.docker.allow_downgrade:
        problems.append(
            f"nodes.{name}.docker: {_text(wanted)} is older than {_text(runs)}, which runs there. An older Docker may "
            f"not read what a newer one wrote. If it is meant: docker.allowDowngrade: true"
        )
    return problems


def docker_release(node: NodeSettings) -> Release | None:
    """The Docker that the configuration pins; None if it pins none."""
    docker = node.docker
    if docker.source == "archive" and docker.archive is not None:
        # The last word of the path: what is before may be numbered as well.
        return _release(docker.archive.url.rpartition("/")[2])
    if docker.source == "distribution":
        return _pinned(docker.package)
    if docker.source == "docker" and docker.repository is not None:
        found = (_pinned(package) for package in docker.repository.packages or ())
        return next((release for release in found if release), None)
    return None


def _pinned(package: str) -> Release | None:
    name, _, version = package.partition("=")
    return _release(version) if name in _ENGINES else None


def _release(text: str | None) -> Release | None:
    found = _RELEASE.search(text or "")
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _text(release: Release) -> str:
    return ".".join(str(number) for number in release)
