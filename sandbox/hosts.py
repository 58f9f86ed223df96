"""The hosts: bare Linux machines as containers, with systemd and sshd and nothing of Docker or Kubernetes.

Owns: making, starting, updating and removing them. Does not own what the product installs on them.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from sandbox import archives, containers, network, podnetwork
from sandbox.checkout import HOST_PREFIX
from sandbox.containers import Site
from sandbox.docker import Container, Docker
from sandbox.errors import SandboxError
from sandbox.images import HostImage

# A boot takes seconds, and minutes on a machine with much else to do.
_BOOT_SECONDS = 240.0
_AT_ONCE = 4
_AUTHORIZED_KEYS = "/root/.ssh/authorized_keys"
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
_UNITS = ("ssh.service", "sandbox-pod-network.service")


@dataclass(frozen=True)
class Host:
    """A host that is up."""

    name: str
    address: str
    host_key: str
    os: str
    did: str


def existing(all_containers: Sequence[Container]) -> list[Container]:
    return [container for container in all_containers if container.role.startswith(HOST_PREFIX)]


def highest(there: Sequence[Container]) -> int:
    """How many hosts there were: one that is missing between them was lost, and is no reason to take the last away."""
    return max((container.index for container in there), default=0)


def spec(site: Site, index: int, image: HostImage, files: dict[str, tuple[str, int]]) -> containers.Spec:
    options = [
        *containers.systemd_options(privileged=site.privileged),
        # Docker's overlay file system does not stand on another overlay.
        *(
            containers.volume(path, site.checkout)
            for path in ("/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet")
        ),
    ]
    return containers.Spec(
        role=f"{HOST_PREFIX}{index}",
        index=index,
        address=network.host_address(site.subnet, index),
        image=image.tag,
        os=image.release,
        options=options,
        files={"configuration": archives.files_tar(files)},
    )


def configuration(
    site: Site, index: int, peers: Sequence[str], public_key: str, *, networked: bool = True
) -> dict[str, tuple[str, int]]:
    """The files that tell a host what it is: content and mode by path. Not `networked`: pods get their network from
    what the stack installs.
    """
    address = network.host_address(site.subnet, index)
    return {
        podnetwork.FILE: (podnetwork.parameters(index, address, peers, site.mtu, networked=networked), 0o644),
        _AUTHORIZED_KEYS: (f"{public_key.strip()}\n", 0o600),
    }


def settle(site: Site, name: str, files: dict[str, tuple[str, int]]) -> str:
    """Wait until a host is up and has these files; returns its SSH host key, `type base64`."""
    docker, container = site.docker, site.checkout.name(name)
    containers.wait_active(docker, container, _UNITS, _BOOT_SECONDS)
    if current_files(docker, container, files) != {path: content for path, (content, _) in files.items()}:
        containers.write_files(docker, container, files)
        docker.exec(container, "systemctl", "reload", "sandbox-pod-network")
    key = docker.exec(container, "cat", _HOST_KEY).split()
    return " ".join(key[:2])


def current_files(docker: Docker, container: str, paths: Iterable[str]) -> dict[str, str]:
    """The contents of files in a running container, by one command; empty if a file is not there."""
    mark = "--- kubenode sandbox ---"
    script = 'for file do echo "$0 $file"; cat "$file" 2> /dev/null; done'
    shown = docker.exec(container, "sh", "-c", script, mark, *paths)
    found = {}
    for part in shown.split(f"{mark} ")[1:]:
        path, _, content = part.partition("\n")
        found[path] = content
    return found


def wait_ssh(name: str, address: str, seconds: float = _BOOT_SECONDS) -> None:
    """Wait until sshd greets, as seen from this machine."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((address, 22), timeout=5) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError as error:
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{name}: no SSH server at {address}:22 after {seconds:.0f} s: {error}",
                    "its address must be reachable: the Docker daemon has to run on this machine itself",
                ) from error
        time.sleep(0.05)


def each(items: Sequence[int], work: Callable[[int], Host], done: Callable[[int, int], None]) -> list[Host]:
    """Do the same for all hosts, a few at once; `done` hears n of m."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        futures = [pool.submit(work, item) for item in items]
        for count, future in enumerate(as_completed(futures), start=1):
            future.result()
            done(count, len(futures))
        return [future.result() for future in futures]
