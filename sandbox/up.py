"""Brings a checkout's sandbox up, from whatever is there already.

Owns: the order. Does not own what each part does.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox import artifacts, containers, controlplane, daemon, down, environment, hosts, images, network
from sandbox.checkout import CONTROL_PLANE, HOST_PREFIX, Checkout
from sandbox.docker import Container, Docker
from sandbox.errors import SandboxError
from sandbox.hosts import Host
from sandbox.images import HostImage
from sandbox.machine import Machine
from sandbox.steps import Steps
from sandbox.tools import ToolError, Tools, cache, ensure, ensure_packages, locate

DEFAULT_HOSTS = 2
DEFAULT_RELEASE = "bookworm"
_STEPS = 9


def up(checkout: Checkout, machine: Machine, count: int | None, release: str | None, older: bool) -> list[Host]:
    """Everything running; `count` and `release` without a value leave the hosts that are there as they are."""
    steps = Steps(_STEPS)
    with held(checkout, "up", steps):
        with steps.step("Docker daemon") as step, machine.locked("up", step.doing):
            docker, result = daemon.ensure(machine, step.doing)
            machine.register(checkout)
            checkout.note(docker=docker.host)
            removed = down.remove_orphans(docker, machine)
            step.did(result + (f"; removed what {', '.join(removed)} left" if removed else ""))
        with steps.step("Network") as step, machine.locked("up", step.doing):
            subnet, made = network.ensure(docker, checkout)
            step.did(f"{subnet} {'made' if made else 'there already'}")
        existing = docker.containers(checkout.identifier)
        there = hosts.existing(existing)
        count = count if count is not None else len(there) or DEFAULT_HOSTS
        release = release or (there[0].os if there else DEFAULT_RELEASE)
        # The file systems are mostly downloads, the tools mostly computing.
        with building_meanwhile(HostImage(release)):
            with steps.step("Tools") as step:
                tools = ensure_tools(older)
                step.did(f"Kubernetes {tools.version('kubelet')}, {len(tools.paths)} programs")
        with steps.step(f"Host image ({release})") as step:
            image = HostImage(release)
            step.did(image.ensure(docker, step.doing))
        with steps.step("Artifacts") as step:
            step.did(_serve(checkout, docker, subnet, existing, tools, step.doing))
        privileged = _privileged(checkout, docker, image)
        mtu = network.mtu()
        with steps.step("Control plane") as step:
            spec = controlplane.spec(checkout, subnet, image.tag, release, privileged, tools, mtu)
            if (old := _find(existing, CONTROL_PLANE)) and old.os != release:
                # It runs on the release it was made on: that of the hosts does not matter to it.
                old_image = HostImage(old.os)
                old_image.ensure(docker, step.doing)
                spec = controlplane.spec(checkout, subnet, old_image.tag, old.os, privileged, tools, mtu)
            did = containers.ensure(docker, checkout, spec, old, renew=True)
            step.did(f"{spec.address} {did}")
        with steps.step("Hosts") as step:
            ready = _hosts(checkout, docker, subnet, count, image, privileged, mtu, there, step.doing)
            dids = [f"{host.name} {host.did}" for host in ready]
            extra = [one.role for one in there if one.index > count]
            step.did(", ".join(dids + [f"{name} removed" for name in extra]) or "none")
        with steps.step("API") as step:
            controlplane.settle(docker, checkout, lambda: step.doing("waiting for the API server"))
            addresses = [network.control_plane_address(subnet), *(host.address for host in ready)]
            controlplane.connect_pods(docker, checkout, addresses[0], addresses, mtu)
            controlplane.write_kubeconfig(docker, checkout)
            step.did(f"https://{addresses[0]}:6443 ready")
        with steps.step("Files in .sandbox/") as step:
            host = docker.host or os.environ.get("DOCKER_HOST", "")
            changed = environment.settle(checkout, ready, tools.bin_dirs, host, os.environ)
            step.did("written" if changed else "there already")
    steps.say(f"The sandbox is up ({steps.elapsed:.0f} s). Use it with: . {checkout.env_file.relative_to(checkout.root)}")
    return ready


@contextmanager
def held(checkout: Checkout, doing: str, steps: Steps) -> Iterator[None]:
    """Hold the checkout's lock: one command changes it at a time."""
    said = False

    def waiting(holder: str) -> None:
        nonlocal said
        if not said:
            steps.say(f"waiting for {holder}")
        said = True

    with cache.locked(checkout.lock_file, f"`sandbox {doing}`", waiting):
        yield


@contextmanager
def building_meanwhile(image: HostImage) -> Iterator[None]:
    """Make the hosts' file system while something else goes on; whoever needs it waits at the cache's lock."""
    if image.base.exists():
        yield
        return
    ensure_packages(["mmdebstrap"])

    def work() -> None:
        try:
            image.build(lambda _: None)
        except (SandboxError, ToolError, OSError):
            # Who needs the image tries again and says what is wrong.
            pass

    builder = threading.Thread(target=work, daemon=True)
    builder.start()
    yield


def ensure_tools(older: bool) -> Tools:
    """All tools; those of the older releases too if they are asked for or were built before."""
    tools = ensure(older=older)
    if older:
        return tools
    try:
        return locate(older=True)
    except ToolError:
        return tools


def _serve(
    checkout: Checkout,
    docker: Docker,
    subnet: ipaddress.IPv4Network,
    existing: list[Container],
    tools: Tools,
    doing: Callable[[str], None],
) -> str:
    plugins = images.ensure_cni_plugins(doing)
    pause = images.ensure_pause(doing)
    nginx = images.ensure_nginx(doing)
    images.ensure_artifact_server(docker, doing)
    served = artifacts.layout(tools, plugins, pause, nginx)
    key = artifacts.digest(served, tools.path("cri-dockerd"), plugins)
    result = artifacts.ensure(checkout, served, key, doing)
    spec = artifacts.spec(checkout, subnet)
    did = containers.ensure(docker, checkout, spec, _find(existing, spec.role), renew=True)
    artifacts.settle(docker, checkout.name(spec.role), spec.address)
    return f"{result}, server {did}"


def _privileged(checkout: Checkout, docker: Docker, image: HostImage) -> bool:
    """Asked of the daemon once: containers are made alike as long as the sandbox is up."""
    noted = checkout.read_record().get("privileged")
    if noted is None:
        noted = "yes" if images.can_be_privileged(docker, image.tag) else "no"
        checkout.note(privileged=noted)
    return noted == "yes"


def _hosts(
    checkout: Checkout,
    docker: Docker,
    subnet: ipaddress.IPv4Network,
    count: int,
    image: HostImage,
    privileged: bool,
    mtu: int,
    there: list[Container],
    doing: Callable[[str], None],
) -> list[Host]:
    public_key = environment.ensure_key(checkout)
    for extra in there:
        if extra.index > count:
            doing(f"removing {extra.role}")
            docker.run("rm", "--force", "--volumes", extra.name)
    indices = range(1, count + 1)
    addresses = [network.control_plane_address(subnet), *(network.host_address(subnet, index) for index in indices)]

    def work(index: int) -> Host:
        address = network.host_address(subnet, index)
        files = hosts.configuration(index, address, addresses, mtu, public_key)
        spec = hosts.spec(checkout, subnet, index, image.tag, image.release, privileged, files)
        existing = _find(there, spec.role)
        # Never renewed: what the product did to a host stands in its stack's state.
        did = containers.ensure(docker, checkout, spec, existing, renew=False)
        key = hosts.settle(docker, checkout, spec.role, files)
        if did != "running":
            # Not of one that ran all along: its journal counts connections.
            hosts.wait_ssh(spec.role, address)
        return Host(spec.role, address, key, existing.os if existing else image.release, did)

    return hosts.each(list(indices), work, lambda n, m: doing(f"{n} of {m}"))


def _find(existing: list[Container], role: str) -> Container | None:
    return next((container for container in existing if container.role == role), None)


def host_names(existing: list[Container]) -> list[str]:
    return [container.role for container in existing if container.role.startswith(HOST_PREFIX)]
