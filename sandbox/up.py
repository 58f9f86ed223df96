"""Brings a checkout's sandbox up, from whatever is there already.

Owns: the order. Does not own what each part does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from sandbox import artifacts, containers, controlplane, daemon, down, environment, hosts, images, network
from sandbox.calico import Calico
from sandbox.calico import settle as calico_settle
from sandbox.checkout import CONTROL_PLANE, Checkout
from sandbox.containers import Site
from sandbox.docker import Container, Docker
from sandbox.errors import SandboxError
from sandbox.hosts import Host
from sandbox.images import HostImage
from sandbox.machine import Machine
from sandbox.steps import Steps
from sandbox.tools import ToolError, Tools, ensure, ensure_packages, locate

DEFAULT_HOSTS = 2
DEFAULT_RELEASE = "bookworm"
_STEPS = 9

Doing = Callable[[str], None]


def up(
    checkout: Checkout,
    machine: Machine,
    count: int | None,
    release: str | None,
    *,
    older: bool,
    calico: Calico | None = None,
) -> list[Host]:
    """Everything running; without `count` and `release` the hosts stay as they are, and one that is missing is made.

    With `calico` new hosts have no pod network of the sandbox's.
    """
    steps = Steps(_STEPS)
    with checkout.held("up", steps.say):
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
        image = HostImage(release or (there[0].os if there else DEFAULT_RELEASE))
        with building_meanwhile(image), steps.step("Tools") as step:
            tools = ensure_tools(older=older)
            step.did(f"Kubernetes {tools.version('kubelet')}, {len(tools.paths)} programs")
        with steps.step(f"Host image ({image.release})") as step:
            step.did(image.ensure(docker, step.doing))
        site = Site(checkout, docker, subnet, network.mtu(), _privileged(checkout, docker, image))
        with steps.step("Control plane") as step:
            step.did(_control_plane(site, _find(existing, CONTROL_PLANE), image, tools, step.doing))
        with steps.step("Artifacts") as step:
            step.did(_serve(site, existing, tools, calico, step.doing))
        with steps.step("Hosts") as step:
            count = count if count is not None else hosts.highest(there) or DEFAULT_HOSTS
            ready = _hosts(site, there, count, image, step.doing, networked=calico is None)
            did = [f"{host.name} {host.did}" for host in ready]
            step.did(", ".join(did + [f"{one.role} removed" for one in there if one.index > count]) or "none")
        with steps.step("API") as step:
            controlplane.settle(site, lambda: step.doing("waiting for the API server"))
            controlplane.connect_pods(site, [host.address for host in ready])
            controlplane.write_kubeconfig(site)
            step.did(f"https://{network.control_plane_address(subnet)}:6443 ready")
        with steps.step("Files in .sandbox/") as step:
            host = docker.host or os.environ.get("DOCKER_HOST", "")
            changed = environment.settle(checkout, ready, tools.bin_dirs, host, os.environ)
            step.did("written" if changed else "there already")
    if calico is not None:
        shown = calico_settle(checkout, calico).relative_to(checkout.root)
        steps.say(f"For Calico put what is in {shown} into the stack's configuration.")
    file = checkout.env_file.relative_to(checkout.root)
    steps.say(f"The sandbox is up ({steps.elapsed:.0f} s). Use it with: . {file}")
    return ready


@contextmanager
def building_meanwhile(image: HostImage) -> Iterator[None]:
    """Make the hosts' file system, mostly downloads, while something else goes on, mostly computing.

    Who needs the image waits at the cache's lock, or else tries again and says what is wrong.
    """
    if image.base.exists():
        yield
        return
    ensure_packages(["mmdebstrap"])

    def work() -> None:
        with suppress(SandboxError, ToolError, OSError):
            image.build(lambda _: None)

    threading.Thread(target=work, daemon=True).start()
    yield


def ensure_tools(*, older: bool) -> Tools:
    """All tools; those of the older releases too if they are asked for or were built before."""
    tools = ensure(older=older)
    if older:
        return tools
    try:
        return locate(older=True)
    except ToolError:
        return tools


def _privileged(checkout: Checkout, docker: Docker, image: HostImage) -> bool:
    """Asked of the daemon once: containers are made alike as long as the sandbox is up."""
    noted = checkout.read_record().get("privileged")
    if noted is None:
        noted = "yes" if images.can_be_privileged(docker, image.tag) else "no"
        checkout.note(privileged=noted)
    return noted == "yes"


def _serve(
    site: Site, existing: Sequence[Container], tools: Tools, calico: Calico | None, doing: Doing
) -> str:
    plugins = images.ensure_cni_plugins(doing)
    pause = images.ensure_pause(doing)
    nginx = images.ensure_nginx(doing)
    images.ensure_artifact_server(site.docker, doing)
    doing("packing")
    served = artifacts.layout(tools, plugins, pause, nginx) | (calico.served if calico else {})
    result = artifacts.ensure(site.checkout, served, doing)
    spec = artifacts.spec(site.checkout, site.subnet)
    did = containers.ensure(site.docker, site.checkout, spec, _find(existing, spec.role), renew=True)
    artifacts.settle(site.docker, site.checkout.name(spec.role), spec.address)
    return f"{result}, server {did}"


def _control_plane(
    site: Site, existing: Container | None, image: HostImage, tools: Tools, doing: Doing
) -> str:
    if existing and existing.os != image.release:
        # It stays on the release it was made on: that of the hosts does not matter to it.
        image = HostImage(existing.os)
        image.ensure(site.docker, doing)
    spec = controlplane.spec(site, image, tools)
    did = containers.ensure(site.docker, site.checkout, spec, existing, renew=True)
    return f"{spec.address} {did}"


def _hosts(
    site: Site,
    there: Sequence[Container],
    count: int,
    image: HostImage,
    doing: Doing,
    *,
    networked: bool,
) -> list[Host]:
    public_key = environment.ensure_key(site.checkout)
    for extra in there:
        if extra.index > count:
            doing(f"removing {extra.role}")
            site.docker.run("rm", "--force", "--volumes", extra.name)
    indices = range(1, count + 1)
    peers = [
        network.control_plane_address(site.subnet),
        *(network.host_address(site.subnet, index) for index in indices),
    ]

    def work(index: int) -> Host:
        files = hosts.configuration(site, index, peers, public_key, networked=networked)
        spec = hosts.spec(site, index, image, files)
        existing = _find(there, spec.role)
        # Never renewed: what the product did to a host stands in its stack's state.
        did = containers.ensure(site.docker, site.checkout, spec, existing, renew=False)
        key = hosts.settle(site, spec.role, files)
        if did != "running":
            # Not of one that ran all along: its journal counts connections.
            hosts.wait_ssh(spec.role, spec.address)
        os_release = existing.os if existing else image.release
        if did != "created" and existing and existing.image != HostImage(os_release).tag:
            did += " (of an older image)"
        return Host(spec.role, spec.address, key, os_release, did)

    return hosts.each(list(indices), work, lambda n, m: doing(f"{n} of {m}"))


def _find(existing: Sequence[Container], role: str) -> Container | None:
    return next((container for container in existing if container.role == role), None)
