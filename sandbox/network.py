"""The network of one checkout's containers.

Owns: its address range, which address is whose, making it. Does not own the pod network (podnetwork).
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from sandbox.checkout import Checkout
from sandbox.docker import Docker, labels
from sandbox.errors import SandboxError

POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
MOST_HOSTS = 200

_POOL = ipaddress.IPv4Network("172.30.0.0/15")
_CONTROL_PLANE = 2
_ARTIFACTS = 3
_BEFORE_FIRST_HOST = 10


def control_plane_address(subnet: ipaddress.IPv4Network) -> str:
    return str(subnet[_CONTROL_PLANE])


def artifacts_address(subnet: ipaddress.IPv4Network) -> str:
    return str(subnet[_ARTIFACTS])


def host_address(subnet: ipaddress.IPv4Network, index: int) -> str:
    """Of the host with this number, from 1 on. It stays for the host's life: it stands in Pulumi's state."""
    return str(subnet[_BEFORE_FIRST_HOST + index])


def choose_subnet(used: Iterable[str], seed: str) -> ipaddress.IPv4Network:
    """A free range. The seed makes checkouts start their search at different places."""
    taken = [ipaddress.ip_network(text, strict=False) for text in [*used, POD_CIDR, SERVICE_CIDR]]
    taken4 = [network for network in taken if isinstance(network, ipaddress.IPv4Network)]
    for subnet in _candidates(seed):
        if not any(subnet.overlaps(network) for network in taken4):
            return subnet
    raise SandboxError(
        f"no free address range is left in {_POOL}",
        "remove networks that are no longer used: docker network prune",
    )


def _candidates(seed: str) -> Iterator[ipaddress.IPv4Network]:
    subnets = list(_POOL.subnets(new_prefix=24))
    start = int(seed, 16) % len(subnets)
    yield from subnets[start:]
    yield from subnets[:start]


def routes() -> list[str]:
    """The ranges that this machine already routes somewhere."""
    run = subprocess.run(["ip", "-j", "-4", "route", "show"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return []
    return [route["dst"] for route in json.loads(run.stdout or "[]") if route["dst"] != "default"]


def mtu() -> int:
    """The packet size that leaves this machine: containers must not send larger ones."""
    run = subprocess.run(
        ["ip", "-j", "route", "show", "default"], capture_output=True, text=True, check=False
    )
    try:
        device = json.loads(run.stdout or "[]")[0]["dev"]
        return int(Path(f"/sys/class/net/{device}/mtu").read_text(encoding="utf-8"))
    except (OSError, ValueError, LookupError):
        return 1500


def find(docker: Docker, checkout: Checkout) -> ipaddress.IPv4Network | None:
    """The range of the checkout's network, if that is there."""
    shown = docker.run("network", "inspect", checkout.network, check=False)
    if shown.returncode != 0:
        return None
    return ipaddress.IPv4Network(json.loads(shown.stdout)[0]["IPAM"]["Config"][0]["Subnet"])


def ensure(docker: Docker, checkout: Checkout) -> tuple[ipaddress.IPv4Network, bool]:
    """The checkout's network, and whether it was made just now. Callers hold the machine's lock."""
    if subnet := find(docker, checkout):
        return subnet, False
    subnet = choose_subnet([*docker.subnets(), *routes()], checkout.identifier)
    options = [f"com.docker.network.driver.mtu={mtu()}", f"com.docker.network.bridge.name={checkout.bridge}"]
    docker.run(
        "network",
        "create",
        "--driver=bridge",
        f"--subnet={subnet}",
        f"--gateway={subnet[1]}",
        *(f"--opt={option}" for option in options),
        *labels(checkout.labels),
        checkout.network,
    )
    return subnet, True
