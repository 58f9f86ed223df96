"""Shows what is up.

Owns: gathering it and how it looks. Changes nothing.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from sandbox import artifacts, controlplane, daemon, hosts
from sandbox.checkout import CONTROL_PLANE, HOST_PREFIX, Checkout
from sandbox.docker import Container, Docker
from sandbox.machine import Machine


def show(checkout: Checkout, machine: Machine, console: Console) -> bool:
    """Print the state of things; whether all of it is well."""
    docker = daemon.find(machine)
    if docker is None:
        console.print("Docker: no daemon answers. Bring everything up with: python -m sandbox up")
        return False
    kind = "our own" if daemon.is_ours(machine, docker) else "this machine's"
    console.print(f"Docker: {kind}{f', DOCKER_HOST={docker.host}' if docker.host else ''}", soft_wrap=True)
    found = docker.containers(checkout.identifier)
    if not found:
        console.print("Nothing is up for this checkout. Bring it up with: python -m sandbox up")
        return False
    table = Table(box=None, pad_edge=False)
    for title in ("NAME", "STATE", "ADDRESS", "OS", "DETAIL"):
        table.add_column(title, overflow="fold")
    well = True
    for container in found:
        good, detail = _detail(docker, container)
        well = well and good
        table.add_row(container.role, container.status, container.address, container.os, detail)
    console.print(table)
    if versions := artifacts.served_versions(checkout):
        console.print(
            f"Served at {artifacts.ADDRESS}: kubelet and kube-proxy {', '.join(versions)}", soft_wrap=True
        )
    missing = [
        path.name
        for path in (checkout.env_file, checkout.kubeconfig, checkout.nodes_file)
        if not path.exists()
    ]
    if missing:
        console.print(f"Missing in .sandbox/: {', '.join(missing)}. Write them with: python -m sandbox up")
        return False
    console.print(f"Use it with: . {checkout.env_file.relative_to(checkout.root)}")
    return well and CONTROL_PLANE in {one.role for one in found} and bool(hosts.existing(found))


def _detail(docker: Docker, container: Container) -> tuple[bool, str]:
    if not container.running:
        return False, "start it with: python -m sandbox up"
    if container.role == CONTROL_PLANE:
        ready = controlplane.ready(docker, container)
        return (
            ready,
            "API ready" if ready else "API not ready: python -m sandbox logs control-plane kube-apiserver",
        )
    if container.role.startswith(HOST_PREFIX):
        units = docker.exec(
            container.name, "systemctl", "is-active", "ssh", "docker", "kubelet", check=False
        ).split()
        states = dict(zip(("ssh", "docker", "kubelet"), units, strict=False))
        shown = ", ".join(
            f"{unit} {state}" for unit, state in states.items() if unit == "ssh" or state != "inactive"
        )
        return states.get("ssh") == "active", shown
    return True, artifacts.ADDRESS
