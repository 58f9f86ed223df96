"""Kernel settings of a node: their two spellings, and the values that a node cannot do with. Pure.

Does not own the values that this project chooses (`defaults.py`) nor which of them a node gets (`host/files.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.settings.draft import NodeDraft
from components.versions import calico

_FORWARDS = "without it the node forwards no packet of a pod"
# setting: the value that a node needs, and why
_NEEDED: Mapping[str, tuple[str, str]] = {
    "net.ipv4.ip_forward": ("1", _FORWARDS),
    "net.ipv4.conf.all.forwarding": ("1", _FORWARDS),
    # pkg/kubelet/cm/container_manager_linux.go; with protectKernelDefaults it does not start instead.
    **{
        name: (value, f"the kubelet sets it to {value} when it starts")
        for name, value in (
            ("vm.overcommit_memory", "1"),
            ("vm.panic_on_oom", "0"),
            ("kernel.panic", "10"),
            ("kernel.panic_on_oops", "1"),
        )
    },
}
_IPV6 = ("net.ipv6.conf.all.forwarding", "net.ipv6.conf.default.forwarding")
_RP_FILTER = "net.ipv4.conf.all.rp_filter"


def canonical(name: str) -> str:
    """The spelling with dots. With slashes between its parts, as in /proc/sys, a dot belongs to a part."""
    first = next((letter for letter in name if letter in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))


def check_sysctls(node: NodeDraft, pod_cidr: object) -> None:
    """Note a setting that stands there twice, and a value that a node cannot do with."""
    if node.host is None:
        return
    seen: dict[str, str] = {}
    for name, value in node.host.sysctls.items():
        plain, where = canonical(name), ("host", "sysctls", name)
        if plain in seen:
            node.refuse(f"is {seen[plain]} in another spelling: keep one of them", *where)
            continue
        seen[plain] = name
        message = _refusal(node, plain, value, pod_cidr) if value is not None else None
        if message:
            node.refuse(message, *where)


def _refusal(node: NodeDraft, name: str, value: str, pod_cidr: object) -> str | None:
    if name in _NEEDED:
        needed, reason = _NEEDED[name]
        return None if value == needed else f"expected {needed}, or leave it out: {reason}"
    if name in _IPV6 and value != "1" and isinstance(pod_cidr, str) and ":" in pod_cidr:
        return f"expected 1, or leave it out: {_FORWARDS} of IPv6"
    version = node.calico.version if node.calico else None
    if name == _RP_FILTER and value == "2" and version and calico.refuses_loose_rp_filter(version):
        return f"expected 1, or leave it out: Calico {version} does not start with 2"
    return None
