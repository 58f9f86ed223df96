"""The files of the host below the node.

Owns kernel settings, kernel modules, the file of the proxy and the list of packages. Does not own swap (`claim.sh`
refuses or allows it), the proxy's text (`proxy.py`), nor Docker's package (`docker/`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.host import proxy
from components.remote.bundle import Artifact, HostFile
from components.settings import NodeSettings
from components.settings.defaults import EXISTING, SYSCTLS
from components.settings.sysctls import canonical
from components.versions import calico

# curl with ca-certificates: downloads and health checks. iptables: kubelet, Docker and Calico write rules. iproute2:
# links, and what an undo does to them. kmod: modprobe. socat: cri-dockerd's port-forward.
_PACKAGES = ("ca-certificates", "curl", "iproute2", "iptables", "kmod", "socat")
_MODE_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "iptables": (),
    "nftables": ("nftables",),
    "ipvs": ("ipset",),
    EXISTING: (),
}
# Packages that Debian calls otherwise than another family does. A path: whatever package has it, for a minimal system
# of the Red Hat family has curl-minimal, beside which no curl can be installed.
_FAMILY_NAMES: Mapping[str, Mapping[str, str]] = {
    "debian": {},
    "redhat": {
        "conntrack": "conntrack-tools",
        "curl": "/usr/bin/curl",
        "iproute2": "iproute",
        "iptables": "iptables-nft",
    },
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
    """Kernel settings and modules, and the proxy if there is one."""
    settings = sysctls(node)
    environment = proxy.environment(node)
    return (
        *([HostFile("proxy.env", proxy.PATH, environment, "0600")] if environment else []),
        # All may be dropped, and an empty file is none.
        *([HostFile("sysctl.conf", "/etc/sysctl.d/90-kubenode.conf", _lines(settings))] if settings else []),
        HostFile(
            "modules.conf",
            "/etc/modules-load.d/kubenode.conf",
            "".join(f"{name}\n" for name in modules(node)),
        ),
    )


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name} = {settings[name]}\n" for name in sorted(settings))


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:  # noqa: ARG001 - like every part's
    """Nothing: what the host needs comes from its own package sources."""
    return ()


def sysctls(node: NodeSettings) -> dict[str, str]:
    """Kernel settings by name; the user's over ours in whatever spelling, null drops one."""
    given = {canonical(name) for name in node.host.sysctls}
    ours = {name: value for name, value in {**SYSCTLS, **_calico_sysctls(node)}.items() if name not in given}
    return {name: value for name, value in {**ours, **node.host.sysctls}.items() if value is not None}


def _calico_sysctls(node: NodeSettings) -> dict[str, str]:
    """Felix up to 3.11 does not start where the kernel takes packets by any way (2)."""
    version = node.calico.version
    is_old = version is not None and calico.refuses_loose_rp_filter(version)
    return {"net.ipv4.conf.all.rp_filter": "1"} if is_old else {}


def modules(node: NodeSettings) -> tuple[str, ...]:
    """Kernel modules, sorted."""
    return tuple(sorted({*_MODULES, *_MODE_MODULES[node.kube_proxy.mode], *_calico_modules(node)}))


def _calico_modules(node: NodeSettings) -> tuple[str, ...]:
    """That of the tunnel, and of the sets that Calico's rules name."""
    if node.calico.mode not in ("manifest", "operator"):
        return ()
    encapsulation = node.calico.pool.encapsulation
    tunnel = [module for module in ("vxlan", "ipip") if encapsulation.startswith(module)]
    return ("ip_set", *tunnel)


def packages(node: NodeSettings) -> tuple[str, ...]:
    """Packages besides Docker's, sorted; one may carry a version after `=`."""
    mode = _MODE_PACKAGES[node.kube_proxy.mode]
    extra = {package.partition("=")[0]: package for package in node.host.packages}
    names = _FAMILY_NAMES[node.host.os_family]
    needed = {name: names.get(name, name) for name in (*_PACKAGES, *mode, *node.minor.host_packages)}
    return tuple(sorted({**needed, **extra}.values()))
