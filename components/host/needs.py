"""What the claim checks and what a host is prepared with, as the settings of a bundle. Pure.

Owns the list of kernel settings that kubelet, kube-proxy and Docker change by themselves: they are noted before the
first of them runs and put back after the last. Does not own the values that we choose (`settings/defaults.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.docker import files as docker_files
from components.host import files
from components.remote import toolkit
from components.remote.content import Content
from components.settings import NodeSettings

# Setting and the value that the program writes; "*" where it depends on the machine.
# kubelet: pkg/kubelet/cm/container_manager_linux.go; kube-proxy: cmd/kube-proxy/app/conntrack.go and the proxiers.
_FOREIGN_SYSCTLS: Mapping[str, str] = {
    "vm.overcommit_memory": "1",
    "vm.panic_on_oom": "0",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "kernel.keys.root_maxkeys": "1000000",
    "kernel.keys.root_maxbytes": "25000000",
    "net.ipv4.ip_forward": "1",
    "net.ipv4.conf.all.route_localnet": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv6.conf.default.forwarding": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
    "net.netfilter.nf_conntrack_max": "*",
    "net.netfilter.nf_conntrack_tcp_timeout_established": "86400",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600",
    "net.ipv4.vs.conntrack": "1",
    "net.ipv4.vs.conn_reuse_mode": "0",
    "net.ipv4.vs.expire_nodest_conn": "1",
    "net.ipv4.vs.expire_quiescent_template": "1",
}


def claim(node: NodeSettings) -> Content:
    """Everything that the claim brings: what is checked, and the toolkit."""
    return Content(
        settings={"toolkit": [toolkit.digest()], **preflight(node)},
        payload=toolkit.payload(),
    )


def prepare(node: NodeSettings) -> Content:
    """Everything that a host is prepared with."""
    return Content(files=files.files(node), settings=preparation(node))


def preflight(node: NodeSettings) -> dict[str, Sequence[str]]:
    """What must hold before anything is written."""
    engine = [package.partition("=")[0] for package in docker_files.packages(node)[:1]]
    checks: dict[str, Sequence[str]] = {
        "os-family": [node.host.os_family],
        "architecture": [node.host.architecture],
        "swap": [node.host.swap],
        "disk-free-megabytes": [str(node.host.disk_free_megabytes)],
        "docker-source": [node.docker.source],
        "docker-package": engine,
        **_clock(node),
    }
    if node.docker.data_root is not None:
        checks["data-root"] = [node.docker.data_root]
    return checks


def _clock(node: NodeSettings) -> dict[str, Sequence[str]]:
    """Whose clock counts, and how far the host's may be from it."""
    return {
        "server": [node.cluster.server],
        "max-clock-skew-seconds": [str(node.host.max_clock_skew_seconds)],
    }


def preparation(node: NodeSettings) -> dict[str, Sequence[str]]:
    """Packages, modules and kernel settings, one value a line."""
    mirror = node.host.package_mirror
    return {
        **_clock(node),
        "package-mirror": [mirror.url.rstrip("/")] if mirror else [],
        "security-mirror": [mirror.security_url.rstrip("/")] if mirror and mirror.security_url else [],
        "package": files.packages(node),
        "module": files.modules(node),
        "sysctl": [f"{name} {value}" for name, value in sorted(files.sysctls(node).items())],
        "foreign-sysctl": [f"{name} {value}" for name, value in sorted(_FOREIGN_SYSCTLS.items())],
    }
