"""The files of Docker Engine and cri-dockerd.

Owns daemon.json, cri-dockerd's units, the units of a Docker that comes as an archive, and what is downloaded for it.
Does not own the unit of a packaged Docker, nor how a Docker is installed, images are loaded and health is checked
(`docker.sh`).
"""

from __future__ import annotations

from collections.abc import Sequence

from components.host import proxy
from components.remote.bundle import Artifact, HostFile
from components.remote.content import Content
from components.rendering import command_line, digest, json_text
from components.settings import NodeSettings
from components.settings.defaults import DOCKER
from components.settings.docker_sections import DockerRepositorySection, DockerSection
from components.settings.merge import patched

CNI_BIN_DIRECTORY = "/opt/cni/bin"
CNI_CONF_DIRECTORY = "/etc/cni/net.d"
REPOSITORY_KEY = "/etc/apt/keyrings/kubenode-docker.asc"
_DOCKER_KEY_URL = "https://download.docker.com/linux/debian/gpg"


def content(node: NodeSettings) -> Content:
    """Everything that the part puts on a host."""
    return Content(files=files(node), artifacts=artifacts(node), settings=settings(node))


def files(node: NodeSettings) -> tuple[HostFile, ...]:
    """daemon.json, the proxy's drop-in, an archive's units, and cri-dockerd's where the kubelet needs them.

    Of a Docker that was there before (source existing) daemon.json keeps what it says besides: the host merges it.
    """
    units = [HostFile("daemon.json", "/etc/docker/daemon.json", json_text(_daemon(node)))]
    if node.host.proxy is not None:
        path = "/etc/systemd/system/docker.service.d/kubenode-proxy.conf"
        units.append(HostFile("kubenode-proxy.conf", path, _PROXY))
    if node.docker.source == "archive":
        units += [
            _unit("containerd.service", _CONTAINERD_SERVICE),
            _unit("docker.service", _DOCKER_SERVICE),
            _unit("docker.socket", _DOCKER_SOCKET),
        ]
    if node.artifacts.cri_dockerd is not None:
        units += [_unit("cri-docker.service", _service(node)), _unit("cri-docker.socket", _SOCKET)]
    return tuple(units)


def _unit(name: str, text: str) -> HostFile:
    return HostFile(name, f"/etc/systemd/system/{name}", text)


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:
    """The key of Docker's repository or Docker's archive, and cri-dockerd's binary where the kubelet needs it."""
    docker = node.docker
    found: list[Artifact] = []
    if docker.source == "docker":
        repository = _repository(docker)
        below = f"{repository.url.rstrip('/')}/gpg" if repository.url else _DOCKER_KEY_URL
        key = repository.key_url or below
        found.append(Artifact("docker-key", REPOSITORY_KEY, key, repository.key_sha256, mode="0644"))
    if docker.source == "archive" and docker.archive is not None:
        archive = docker.archive
        found.append(
            Artifact("docker-archive", "/usr/local/bin/", archive.url, archive.sha256, member="docker/")
        )
    adapter = node.artifacts.cri_dockerd
    if adapter is not None:
        found.append(
            Artifact(
                "cri-dockerd",
                "/usr/local/bin/cri-dockerd",
                adapter.url,
                adapter.sha256,
                member="cri-dockerd/cri-dockerd",
            )
        )
    return tuple(found)


def packages(node: NodeSettings) -> tuple[str, ...]:
    """What a package manager installs, Docker Engine's package first; nothing for the other sources."""
    docker = node.docker
    if docker.source == "distribution":
        return (docker.package,)
    if docker.source == "docker":
        return _repository(docker).packages
    return ()


def _repository(docker: DockerSection) -> DockerRepositorySection:
    """Docker's own, unless the configuration says otherwise."""
    return docker.repository or DockerRepositorySection()


def settings(node: NodeSettings) -> dict[str, Sequence[str]]:
    """What is no file: source and packages, the patience, and the images, whose archives do not stay on the host."""
    docker, environment = node.docker, proxy.environment(node)
    found: dict[str, Sequence[str]] = {
        # The file is the host's; Docker starts anew when what is in it is another one.
        "proxy": [digest(environment)] if environment else [],
        "source": [docker.source],
        "package": packages(node),
        "healthy-timeout-seconds": [str(docker.healthy_timeout_seconds)],
        "image": [f"{image.image} {image.url} {image.sha256}" for image in node.artifacts.images],
    }
    if docker.source == "docker":
        repository = _repository(docker)
        # Which distribution this is, the host knows.
        found["repository"] = [f"{repository.channel} {(repository.url or '').rstrip('/')}".rstrip()]
    if docker.data_root is not None:
        found["data-root"] = [docker.data_root]
    return found


def _daemon(node: NodeSettings) -> dict[str, object]:
    docker = node.docker
    ours: dict[str, object] = {
        **DOCKER,
        "exec-opts": [f"native.cgroupdriver={docker.cgroup_driver}"],
        # Docker rotates: the kubelet cannot rotate logs that Docker writes.
        "log-opts": {"max-file": str(docker.log_max_file), "max-size": docker.log_max_size},
    }
    if docker.data_root is not None:
        ours["data-root"] = docker.data_root
    if docker.registry_mirrors:
        ours["registry-mirrors"] = list(docker.registry_mirrors)
    if docker.insecure_registries:
        ours["insecure-registries"] = list(docker.insecure_registries)
    return patched(ours, docker.extra_config)


def _service(node: NodeSettings) -> str:
    command = command_line(
        "/usr/local/bin/cri-dockerd",
        {
            "cni-bin-dir": CNI_BIN_DIRECTORY,
            "cni-conf-dir": CNI_CONF_DIRECTORY,
            "container-runtime-endpoint": "fd://",
            "network-plugin": "cni",
            "pod-infra-container-image": node.pause_image,
            # exec, attach and port-forward come through the kubelet; without this they listen on every
            # address.
            "streaming-bind-addr": "127.0.0.1:0",
        },
    )
    return _SERVICE.format(command=command)


# The dash: the file goes before this does.
_PROXY = f"[Service]\nEnvironmentFile=-{proxy.PATH}\n"

# After the upstream unit. KillMode=process: streams and helpers of running containers outlive a restart.
_SERVICE = """\
[Unit]
Description=CRI interface for Docker Engine
Documentation=https://mirantis.github.io/cri-dockerd/
After=network-online.target firewalld.service docker.service
Wants=network-online.target
Requires=cri-docker.socket

[Service]
Type=notify
ExecStart={command}
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutSec=0
RestartSec=2
Restart=always
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
Delegate=yes
KillMode=process

[Install]
WantedBy=multi-user.target
"""

_SOCKET = """\
[Unit]
Description=CRI socket for Docker Engine
PartOf=cri-docker.service

[Socket]
ListenStream=/run/cri-dockerd.sock
SocketMode=0660
SocketUser=root
SocketGroup=docker

[Install]
WantedBy=sockets.target
"""

# The units of a Docker that comes as an archive; after the upstream ones.
_CONTAINERD_SERVICE = """\
[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target local-fs.target

[Service]
Type=notify
ExecStart=/usr/local/bin/containerd
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
"""

# KillMode=process: with live-restore, containers outlive a restart.
_DOCKER_SERVICE = """\
[Unit]
Description=Docker Application Container Engine
Documentation=https://docs.docker.com
After=network-online.target firewalld.service containerd.service
Wants=network-online.target containerd.service
Requires=docker.socket

[Service]
Type=notify
ExecStart=/usr/local/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutStartSec=0
RestartSec=2
Restart=always
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
Delegate=yes
KillMode=process
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
"""

_DOCKER_SOCKET = """\
[Unit]
Description=Docker Socket for the API

[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
SocketUser=root
SocketGroup=docker

[Install]
WantedBy=sockets.target
"""
