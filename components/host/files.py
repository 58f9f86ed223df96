"""The files of the host below the node.

Owns kernel settings, kernel modules and the list of packages. Does not own swap (`host.sh` refuses or
allows it) nor Docker's package (`docker/`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.remote.bundle import Artifact, HostFile
from components.settings import NodeSettings
from components.settings.defaults import EXISTING, SYSCTLS

# curl with ca-certificates: downloads and health checks. iptables: kubelet, Docker and Calico write rules. iproute2:
# links, and what an undo does to them. kmod: modprobe. socat: cri-dockerd's port-forward.
_PACKAGES = ("ca-certificates", "curl", "iproute2", "iptables", "kmod", "socat")
_MODE_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "iptables": (),
    "nftables": ("nftables",),
    "ipvs": ("ipset",),
    EXISTING: (),
}

# overlay: Docker's storage. nf_conntrack: kube-proxy sets its limits before the first rule loads it.
_MODULES = ("overlay", "nf_conntrack")
_MODE_MODULES: Mapping[str, tuple[str, ...]] = {
    "iptables": (),
    "nftables": ("nf_tables",),
    "ipvs": ("ip_vs", "ip_vs_rr", "ip_vs_sh", "ip_vs_wrr"),
    EXISTING: (),
}


def files(node: NodeSettings) -> tuple[HostFile, ...]:
    """Kernel settings and modules."""
    settings = sysctls(node)
    return (
        HostFile(
            "sysctl.conf",
            "/etc/sysctl.d/90-kubenode.conf",
            "".join(f"{name} = {settings[name]}\n" for name in sorted(settings)),
        ),
        HostFile(
            "modules.conf",
            "/etc/modules-load.d/kubenode.conf",
            "".join(f"{name}\n" for name in modules(node)),
        ),
    )


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:  # noqa: ARG001 - like every part's
    """Nothing: what the host needs comes from its own package sources."""
    return ()


def sysctls(node: NodeSettings) -> dict[str, str]:
    """Kernel settings by name; the user's over ours, null drops one."""
    wanted = {**SYSCTLS, **node.host.sysctls}
    return {name: value for name, value in wanted.items() if value is not None}


def modules(node: NodeSettings) -> tuple[str, ...]:
    """Kernel modules, sorted."""
    return tuple(sorted({*_MODULES, *_MODE_MODULES[node.kube_proxy.mode]}))


def packages(node: NodeSettings) -> tuple[str, ...]:
    """Packages besides Docker's, sorted; one may carry a version after `=`."""
    mode = _MODE_PACKAGES[node.kube_proxy.mode]
    extra = {package.partition("=")[0]: package for package in node.host.packages}
    needed = {name: name for name in (*_PACKAGES, *mode, *node.minor.host_packages)}
    return tuple(sorted({**needed, **extra}.values()))
