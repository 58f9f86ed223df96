"""The files of Docker Engine and cri-dockerd.

Owns daemon.json, cri-dockerd's units and what is downloaded for Docker. Does not own Docker's own unit, which
is its package's, nor the loading of images and the health check (`docker.sh`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from components.host import proxy
from components.remote.bundle import Artifact, HostFile
from components.remote.content import Content
from components.rendering import command_line, json_text
from components.settings import NodeSettings
from components.settings.defaults import DOCKER
from components.settings.merge import patched

CNI_BIN_DIRECTORY = "/opt/cni/bin"
CNI_CONF_DIRECTORY = "/etc/cni/net.d"


def content(node: NodeSettings) -> Content:
    """Everything that the part puts on a host."""
    return Content(files=files(node), artifacts=artifacts(node), settings=settings(node))


def files(node: NodeSettings) -> tuple[HostFile, ...]:
    """daemon.json, the proxy's drop-in, and cri-dockerd's service and socket where the kubelet needs them."""
    ours = [HostFile("daemon.json", "/etc/docker/daemon.json", json_text(_daemon(node)))]
    if node.host.proxy is not None:
        path = "/etc/systemd/system/docker.service.d/kubenode-proxy.conf"
        ours.append(HostFile("kubenode-proxy.conf", path, _PROXY))
    if node.artifacts.cri_dockerd is None:
        return tuple(ours)
    return (
        *ours,
        HostFile("cri-docker.service", "/etc/systemd/system/cri-docker.service", _service(node)),
        HostFile("cri-docker.socket", "/etc/systemd/system/cri-docker.socket", _SOCKET),
    )


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:
    """cri-dockerd's binary, where the kubelet needs it."""
    adapter = node.artifacts.cri_dockerd
    if adapter is None:
        return ()
    return (
        Artifact(
            "cri-dockerd",
            "/usr/local/bin/cri-dockerd",
            adapter.url,
            adapter.sha256,
            member="cri-dockerd/cri-dockerd",
        ),
    )


def settings(node: NodeSettings) -> dict[str, Sequence[str]]:
    """What is no file: the package, the patience, and the images, whose archives do not stay on the host."""
    environment = proxy.environment(node)
    return {
        # The file is the host's; Docker starts anew when what is in it is another one.
        "proxy": [hashlib.sha256(environment.encode()).hexdigest()[:12]] if environment else [],
        "package": [node.docker.package],
        "healthy-timeout-seconds": [str(node.docker.healthy_timeout_seconds)],
        "image": [f"{image.image} {image.url} {image.sha256}" for image in node.artifacts.images],
    }


def _daemon(node: NodeSettings) -> dict[str, object]:
    docker = node.docker
    ours = {
        **DOCKER,
        "exec-opts": [f"native.cgroupdriver={docker.cgroup_driver}"],
        # Docker rotates: the kubelet cannot rotate logs that Docker writes.
        "log-opts": {"max-file": str(docker.log_max_file), "max-size": docker.log_max_size},
    }
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
