"""Systemd containers: what hosts and the control plane have in common.

Owns: how such a container is made, started and waited for. Does not own what runs in one (hosts,
controlplane).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import zip_longest

from sandbox import archives
from sandbox.checkout import LABEL_INDEX, LABEL_OS, LABEL_ROLE, LABEL_SPEC, Checkout
from sandbox.docker import Container, Docker, labels
from sandbox.errors import SandboxError

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Site:
    """Where a checkout's containers are made."""

    checkout: Checkout
    docker: Docker
    subnet: IPv4Network
    mtu: int
    privileged: bool


@dataclass(frozen=True)
class Spec:
    """What a container is made from."""

    role: str
    index: int
    address: str
    image: str
    os: str = ""
    options: Sequence[str] = field(default=())
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Tar files that are unpacked at / before the container first starts, by a name of theirs."""

    @property
    def digest(self) -> str:
        state = hashlib.sha256(repr((self.address, self.image, tuple(self.options))).encode())
        for name, content in sorted(self.files.items()):
            state.update(name.encode() + content)
        return state.hexdigest()[:12]


def systemd_options(*, privileged: bool) -> list[str]:
    """What systemd, Docker and the kubelet need of the outer container."""
    common = [
        "--cgroupns=private",
        "--tmpfs=/run",
        "--tmpfs=/tmp:exec,mode=1777",
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
    ]
    if privileged:
        return ["--privileged", *common]
    return [
        "--cap-add=ALL",
        "--cap-drop=SYS_RESOURCE",
        "--security-opt=systempaths=unconfined",
        "--device-cgroup-rule=a *:* rwm",
        *common,
    ]


def ensure(docker: Docker, checkout: Checkout, spec: Spec, existing: Container | None, *, renew: bool) -> str:
    """Have the container running: `created`, `started`, `running`.

    One that was made and never started is what a killed run left. Its files may be missing: it is made anew.
    `renew` makes one again that was made from something else; its data must be in named volumes.
    """
    name = checkout.name(spec.role)
    if existing and (
        existing.status in ("created", "dead", "removing") or (renew and existing.spec != spec.digest)
    ):
        docker.run("rm", "--force", "--volumes", name)
        existing = None
    if existing is None:
        create(docker, checkout, spec)
        docker.run("start", name)
        return "created"
    if existing.status == "paused":
        docker.run("unpause", name)
        return "started"
    if not existing.running:
        docker.run("start", name)
        return "started"
    return "running"


def create(docker: Docker, checkout: Checkout, spec: Spec) -> None:
    name = checkout.name(spec.role)
    described = checkout.labels | {
        LABEL_ROLE: spec.role,
        LABEL_INDEX: str(spec.index),
        LABEL_OS: spec.os,
        LABEL_SPEC: spec.digest,
    }
    docker.run(
        "create",
        f"--name={name}",
        f"--hostname={spec.role}",
        f"--network={checkout.network}",
        f"--ip={spec.address}",
        f"--network-alias={spec.role}",
        *labels(described),
        *spec.options,
        spec.image,
    )
    for content in spec.files.values():
        docker.run("cp", "-", f"{name}:/", stdin=content)


def volume(path: str, checkout: Checkout, name: str = "") -> str:
    """A `--mount` option. A volume without a name goes away with its container."""
    parts = ["type=volume", *([f"src={name}"] if name else []), f"dst={path}"]
    parts += [f"volume-label={key}={value}" for key, value in sorted(checkout.labels.items())]
    return f"--mount={','.join(parts)}"


def wait_active(
    docker: Docker,
    name: str,
    units: Sequence[str],
    seconds: float,
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Wait until these units are active; an error with the journal's end if one fails or time is over."""
    deadline = time.monotonic() + seconds
    while True:
        states = docker.exec(name, "systemctl", "is-active", *units, check=False).split()
        if len(states) == len(units) and all(state == "active" for state in states):
            return
        left = deadline - time.monotonic()
        if left < 0 or "failed" in states:
            shown = ", ".join(
                f"{unit} {state}" for unit, state in zip_longest(units, states, fillvalue="unknown")
            )
            journal = docker.exec(name, "journalctl", "--no-pager", "--lines=15", "--output=cat", check=False)
            role = name.split("-", 2)[-1]
            raise SandboxError(
                f"{role} did not come up after {seconds - max(0.0, left):.0f} s: {shown}\n{journal.strip()}",
                f"look with: python -m sandbox logs {role}",
            )
        waiting()
        time.sleep(_POLL_SECONDS)


def write_files(docker: Docker, name: str, files: Mapping[str, tuple[str, int]]) -> None:
    """Write files, content and mode by path, into a running container."""
    docker.exec(
        name, "tar", "-x", "--no-overwrite-dir", "-C", "/", "-f", "-", stdin=archives.files_tar(files)
    )
