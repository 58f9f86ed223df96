"""Docker, cri-dockerd, registries and images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.settings.section import Section
from components.settings.types import (
    Count,
    Folder,
    HttpUrl,
    ImageName,
    InsecureRegistry,
    LogSize,
    MirrorPath,
    Package,
    Password,
    PlainMap,
    RegistryMirror,
    RegistryName,
    RegistryUser,
    ReleaseVersion,
    RepositoryChannel,
    Seconds,
    Sha256,
)


class CriDockerdSection(Section):
    """The adapter between the kubelet and Docker, needed from Kubernetes 1.24 on."""

    version: ReleaseVersion = Field("0.4.3", description="release of cri-dockerd")


class ImageSection(Section):
    """An image that is loaded into Docker before the kubelet starts. Exactly one of path and url."""

    name: ImageName = Field(description="the image as pods name it")
    path: MirrorPath | None = Field(None, description="archive of docker save, below downloads.mirror")
    url: HttpUrl | None = Field(
        None,
        description="archive of docker save, anywhere",
        examples=["https://mirror.example.org/images/pause-3.10.2.tar"],
    )
    sha256: Sha256 | None = Field(None, description="of the archive; without it the checksums file's")


class DockerRepositorySection(Section):
    """Docker's own package repository, for source docker. The host's own package sources stay as they are."""

    url: HttpUrl | None = Field(
        None,
        description="the repository, up to dists; without it Docker's own for the host's distribution",
        examples=["https://mirror.example.org/docker/debian"],
    )
    key_url: HttpUrl | None = Field(
        None,
        description="the key that signs it; without it gpg below the repository",
        examples=["https://mirror.example.org/docker/debian/gpg"],
    )
    key_sha256: Sha256 = Field(
        # Docker's release key, 9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88, as it is served for Debian
        # and for Ubuntu alike.
        "1500c1f56fa9e26b9b8f42452a553675796ade0807cdce11975eb98170b3a570",
        description="of the key's file; without it that of Docker's own key",
    )
    channel: RepositoryChannel = Field("stable", description="channel of the repository")
    packages: Annotated[tuple[Package, ...], Field(strict=False)] = Field(
        ("docker-ce", "docker-ce-cli", "containerd.io"),
        description="packages to install, Docker Engine's first, each with a version if you want to pin it",
        examples=[["docker-ce=5:27.5.1-1~debian.12~bookworm", "docker-ce-cli", "containerd.io"]],
    )


class DockerArchiveSection(Section):
    """Docker's static archive, for source archive."""

    url: HttpUrl = Field(
        description="a .tgz as Docker publishes it, with everything in a folder docker",
        examples=["https://download.docker.com/linux/static/stable/x86_64/docker-27.5.1.tgz"],
    )
    sha256: Sha256 = Field(description="of the archive")


class RegistrySection(Section):
    """A login to a registry."""

    username: RegistryUser = Field(description="user name")
    password: Password = Field(description="password or token, encrypted")


class DockerSection(Section):
    """Docker Engine and cri-dockerd. The log driver is always json-file: `kubectl logs` reads no other."""

    package: Package = Field("docker.io", description="package of Docker Engine, for source distribution")
    source: Literal["distribution", "docker", "archive", "existing"] = Field(
        "distribution",
        description="distribution: a package of the host's own sources; docker: Docker's repository; "
        "archive: a static archive; existing: the Docker that is there is configured in place. A node with a source "
        "of its own takes over none of the shared keys that only another source reads",
    )
    repository: DockerRepositorySection | None = Field(
        None,
        description="the repository, for source docker; Docker's own without it",
        examples=[{"url": "https://mirror.example.org/docker/debian"}],
    )
    archive: DockerArchiveSection | None = Field(
        None,
        description="the archive, for source archive",
        examples=[
            {
                "url": "https://download.docker.com/linux/static/stable/x86_64/docker-27.5.1.tgz",
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            }
        ],
    )
    data_root: Folder | None = Field(
        None, description="where Docker keeps images and containers; /var/lib/docker without it"
    )
    registry_mirrors: Annotated[tuple[RegistryMirror, ...], Field(strict=False)] = Field(
        (), description="mirrors of Docker Hub, tried in this order"
    )
    insecure_registries: Annotated[tuple[InsecureRegistry, ...], Field(strict=False)] = Field(
        (), description="registries that are reached without TLS, or with a certificate that nobody knows"
    )
    registries: dict[RegistryName, RegistrySection] = Field(
        {}, description="logins of the kubelet's pulls, by registry"
    )
    log_max_size: LogSize = Field("10m", description="size at which a container's log is rotated")
    log_max_file: Count = Field(5, description="rotated files kept for a container")
    cgroup_driver: Literal["systemd", "cgroupfs"] = Field(
        "systemd", description="for Docker and the kubelet alike"
    )
    extra_config: PlainMap = Field(
        {},
        description="merged over daemon.json; null removes a key",
        examples=[{"max-concurrent-downloads": 5}],
    )
    cri_dockerd: CriDockerdSection | None = Field(
        CriDockerdSection(), description="the adapter for the kubelet", examples=[{"version": "0.4.3"}]
    )
    pause_image: ImageName | None = Field(
        None, description="image that holds a pod's namespaces; the release's own"
    )
    images: Annotated[tuple[ImageSection, ...], Field(strict=False)] = Field(
        (),
        description="images to load first",
        examples=[[{"name": "registry.k8s.io/pause:3.10.2", "path": "images/pause-3.10.2.tar"}]],
    )
    allow_downgrade: bool = Field(
        default=False,
        description="go to a Docker that is older than the one that runs on a node; refused without it",
    )
    healthy_timeout_seconds: Seconds = Field(120, description="time until Docker must answer")
