"""The control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler in one container.

Owns: its container and the admin kubeconfig. Its programs come from the tools' cache, its data is in named
volumes, so that it may be made again with other programs. Does not own the units: images/control-plane has
them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from sandbox import archives, containers, images, network, podnetwork
from sandbox.checkout import CONTROL_PLANE
from sandbox.containers import Site
from sandbox.docker import Container, Docker
from sandbox.images import HostImage
from sandbox.tools import Tools

CLUSTER = "sandbox"
DOMAIN = "cluster.local"
DNS = "10.96.0.10"
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
)

_READY_SECONDS = 180.0
_ENVIRONMENT = "/etc/sandbox/control-plane.env"
_KUBEADM = "/etc/sandbox/kubeadm.yaml"
UNITS = (
    "kube-apiserver.service",
    "kube-controller-manager.service",
    "kube-scheduler.service",
    "sandbox-control-plane-objects.service",
    "sandbox-pod-network.service",
)


def kubeadm_configuration(address: str, version: str) -> str:
    """What kubeadm is told when it makes keys and first objects."""
    return f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: {address}
  bindPort: 6443
nodeRegistration:
  name: {CONTROL_PLANE}
  criSocket: unix:///run/none.sock
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: {CLUSTER}
kubernetesVersion: {version}
controlPlaneEndpoint: {address}:6443
networking:
  podSubnet: {network.POD_CIDR}
  serviceSubnet: {network.SERVICE_CIDR}
  dnsDomain: {DOMAIN}
apiServer:
  certSANs: [{address}, 127.0.0.1, localhost, {CONTROL_PLANE}]
"""


def environment(address: str) -> str:
    """What the units are told."""
    lines = {
        "ADDRESS": address,
        "CLUSTER": CLUSTER,
        "POD_CIDR": network.POD_CIDR,
        "SERVICE_CIDR": network.SERVICE_CIDR,
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def spec(site: Site, image: HostImage, tools: Tools) -> containers.Spec:
    address = network.control_plane_address(site.subnet)
    checkout = site.checkout
    options = [
        *containers.systemd_options(privileged=site.privileged),
        *(f"--volume={tools.path(name)}:/usr/local/bin/{name}:ro" for name in PROGRAMS),
        containers.volume("/var/lib/etcd", checkout, checkout.name("etcd")),
        containers.volume("/etc/kubernetes", checkout, checkout.name("keys")),
    ]
    files = {
        _ENVIRONMENT: (environment(address), 0o644),
        _KUBEADM: (kubeadm_configuration(address, tools.version("kube-apiserver")), 0o644),
        podnetwork.FILE: (podnetwork.parameters(0, address, [], site.mtu), 0o644),
    }
    return containers.Spec(
        role=CONTROL_PLANE,
        index=0,
        address=address,
        image=image.tag,
        os=image.release,
        options=options,
        files={
            "configuration": archives.files_tar(files),
            "units": archives.tree_tar(images.HERE / "control-plane" / "rootfs"),
        },
    )


def settle(site: Site, waiting: Callable[[], None]) -> None:
    """Wait until the API answers and has its first objects."""
    containers.wait_active(site.docker, site.checkout.name(CONTROL_PLANE), UNITS, _READY_SECONDS, waiting)


def connect_pods(site: Site, addresses: Sequence[str]) -> None:
    """Let the API server reach the pods of all hosts."""
    name = site.checkout.name(CONTROL_PLANE)
    wanted = podnetwork.parameters(0, network.control_plane_address(site.subnet), addresses, site.mtu)
    if site.docker.exec(name, "cat", podnetwork.FILE) != wanted:
        containers.write_files(site.docker, name, {podnetwork.FILE: (wanted, 0o644)})
        site.docker.exec(name, "systemctl", "reload", "sandbox-pod-network")


def write_kubeconfig(site: Site) -> None:
    """Write the administrator's kubeconfig, readable by its owner alone."""
    content = site.docker.exec(site.checkout.name(CONTROL_PLANE), "cat", "/etc/kubernetes/admin.conf")
    target = site.checkout.kubeconfig
    if (
        target.exists()
        and target.read_text(encoding="utf-8") == content
        and target.stat().st_mode & 0o077 == 0
    ):
        return
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(
        os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as output:
        output.write(content)
    part.rename(target)


def ready(docker: Docker, container: Container) -> bool:
    """Whether the API server says so itself."""
    if not container.running:
        return False
    command = (
        "kubectl",
        "--kubeconfig=/etc/kubernetes/admin.conf",
        "--request-timeout=3s",
        "get",
        "--raw=/readyz",
    )
    return docker.run("exec", container.name, *command, check=False, seconds=10).returncode == 0
