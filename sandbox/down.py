"""Takes a checkout's sandbox down and gives the machine back as it was.

Owns: the order, what is removed, what is kept and said. Does not own what each part does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox import daemon
from sandbox.checkout import LABEL, LABEL_PATH, Checkout
from sandbox.docker import Docker
from sandbox.machine import Machine
from sandbox.steps import Steps
from sandbox.tools import cache

_STEPS = 3


def down(checkout: Checkout, machine: Machine) -> list[str]:
    """Remove everything; returns lines that say what is left."""
    steps = Steps(_STEPS)
    with checkout.held("down", steps.say), machine.locked("down", lambda _: None):
        with steps.step("Containers, volumes, network") as step:
            docker = _daemon_for_removal(checkout, machine, step.doing)
            step.did(_remove(docker, checkout.identifier) if docker else "none")
            orphans = remove_orphans(docker, machine) if docker else []
            machine.unregister(checkout.identifier)
            if orphans:
                step.did(f"{step.result}; also what {', '.join(orphans)} left")
        with steps.step("Files in .sandbox/") as step:
            shutil.rmtree(checkout.folder, ignore_errors=True)
            step.did(f"could not be removed: {checkout.folder}" if checkout.folder.exists() else "removed")
        with steps.step("The machine") as step:
            step.did(_give_back(docker, machine, step.doing))
    return left(machine)


def remove_orphans(docker: Docker, machine: Machine) -> list[str]:
    """Remove what belongs to checkouts whose folder is gone; returns their paths."""
    known: dict[str, str] = {one.checkout: one.path for one in docker.containers()}
    known |= {labels[LABEL]: labels.get(LABEL_PATH, "") for labels in docker.networks().values()}
    removed = []
    for identifier, path in sorted(known.items()):
        if is_orphan(path):
            _remove(docker, identifier)
            removed.append(path)
    for identifier, folder in machine.checkouts().items():
        if is_orphan(str(folder)):
            machine.unregister(identifier)
    return removed


def is_orphan(path: str) -> bool:
    """Whether a checkout's folder is gone, or what it needs to use its sandbox."""
    return bool(path) and not Checkout(Path(path)).folder.is_dir()


def state_resources(checkout: Checkout) -> dict[str, int]:
    """How many resources each Pulumi stack in .sandbox/state still lists."""
    found = {}
    for file in sorted(checkout.state.glob(".pulumi/stacks/**/*.json")):
        count = count_resources(file.read_bytes())
        if count:
            found[
                file.relative_to(checkout.state / ".pulumi" / "stacks").as_posix().removesuffix(".json")
            ] = count
    return found


def count_resources(content: bytes) -> int:
    """The resources that a stack's file lists, beside the stack and its providers."""
    try:
        resources = json.loads(content)["checkpoint"]["latest"]["resources"]
        return sum(
            not str(one["type"]).startswith(("pulumi:pulumi:", "pulumi:providers:")) for one in resources
        )
    except (ValueError, KeyError, TypeError):
        return 0


def left(machine: Machine) -> list[str]:
    """What stays on the machine, with its size."""
    lines = []
    root = cache.root()
    if root.exists():
        lines.append(
            f"{root}: {size_of(root) / 1e6:.0f} MB of programs and images, which the next `up` uses again; "
            f"to remove: rm -r {root}"
        )
    if machine.before_file.exists() and not machine.checkouts():
        lines.append(f"{machine.before_file}: what the machine was like before the first `up`")
    return lines


def size_of(folder: Path) -> int:
    """Bytes in the files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _daemon_for_removal(checkout: Checkout, machine: Machine, doing: Callable[[str], None]) -> Docker | None:
    """The daemon that holds our containers. Ours is started again if it died: it alone can end them well."""
    docker = daemon.find(machine)
    noted = checkout.read_record().get("docker", "")
    ours_expected = noted == daemon.socket(machine) or checkout.identifier in machine.checkouts()
    if docker is None and daemon.has_traces(machine) and ours_expected:
        doing("starting dockerd to remove what it holds")
        docker, _ = daemon.ensure(machine, doing)
    return docker


def _remove(docker: Docker, identifier: str) -> str:
    containers = docker.containers(identifier)
    if containers:
        docker.run("rm", "--force", "--volumes", *(one.name for one in containers))
    volumes = docker.volumes(identifier)
    if volumes:
        docker.run("volume", "rm", "--force", *volumes)
    networks = list(docker.networks(identifier))
    if networks:
        docker.run("network", "rm", *networks)
    counts = {"containers": len(containers), "volumes": len(volumes), "network": len(networks)}
    return _shown(counts) or "none"


def _shown(counts: Mapping[str, int]) -> str:
    found = [f"{count} {what}" for what, count in counts.items() if count]
    return f"removed {', '.join(found)}" if found else ""


def _give_back(docker: Docker | None, machine: Machine, doing: Callable[[str], None]) -> str:
    """The last checkout stops our own daemon and puts the kernel's settings back."""
    others = machine.checkouts()
    if others:
        return f"still in use by {', '.join(str(path) for path in others.values())}"
    said = []
    if docker is not None and not daemon.is_ours(machine, docker):
        tags = docker.text(
            "image", "ls", "--filter", "reference=kubenode-sandbox/*", "--format", "{{.Repository}}:{{.Tag}}"
        )
        for tag in tags.split():
            docker.run("image", "rm", tag, check=False)
    if daemon.has_traces(machine):
        doing("stopping dockerd")
        remaining = daemon.stop(machine)
        said.append("our dockerd stopped and its data removed")
        said += remaining
    restored, failed = daemon.restore_kernel(machine)
    said += [f"put back {line}" for line in restored] + [f"could not put back {line}" for line in failed]
    if not failed:
        shutil.rmtree(machine.state, ignore_errors=True)
    return "; ".join(said) or "nothing to do"
