"""The machine's global kernel settings: hosts share its kernel, so what is set in a host may change them.

Owns: which settings those are, noting them before the first host, putting them back after the last. Does not
own the settings of a network namespace: they go away with their host.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SETTINGS = (
    "fs.file-max",
    "fs.inotify.max_queued_events",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.nr_open",
    "fs.protected_fifos",
    "fs.protected_hardlinks",
    "fs.protected_regular",
    "fs.protected_symlinks",
    "kernel.core_pattern",
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.pid_max",
    "kernel.printk",
    "kernel.sysrq",
    "net.bridge.bridge-nf-call-arptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-call-iptables",
    "net.core.somaxconn",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.forwarding",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.forwarding",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "vm.dirty_background_ratio",
    "vm.dirty_ratio",
    "vm.max_map_count",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "vm.swappiness",
)


# Every systemd and every kubelet takes some: the usual 128 instances are used up by about ten hosts.
ROOM = {"fs.inotify.max_user_instances": 8192, "fs.inotify.max_user_watches": 524288}


def make_room(root: Path = Path("/")) -> None:
    """Raise the limits that many hosts on one kernel share, if they are lower and this process may."""
    now = read(root)
    for name, least in ROOM.items():
        if name in now and int(now[name]) < least:
            try:
                _file(root, name).write_text(f"{least}\n", encoding="utf-8")
            except OSError:
                # Only root may: a few hosts work without.
                return


def boot_id(root: Path = Path("/")) -> str:
    """Differs after every boot of the machine: a reboot has already put back what this module notes."""
    try:
        return (root / "proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def read(root: Path = Path("/")) -> dict[str, str]:
    """The settings that this kernel has."""
    found = {}
    for name in SETTINGS:
        try:
            found[name] = _file(root, name).read_text(encoding="utf-8").strip()
        except OSError:
            continue
    return found


def restore(before: Mapping[str, str], root: Path = Path("/")) -> tuple[list[str], list[str]]:
    """Put back what differs now: what was put back, as `name: now -> before`, and what could not be."""
    restored, failed = [], []
    now = read(root)
    # ip_forward resets all `forwarding` settings when it is written: sorted, it would come after them.
    for name in sorted(before, key=lambda one: (one != "net.ipv4.ip_forward", one)):
        value = before[name]
        if now.get(name) in (None, value):
            continue
        try:
            _file(root, name).write_text(f"{value}\n", encoding="utf-8")
            restored.append(f"{name}: {now[name]} -> {value}")
        except OSError as error:
            failed.append(f"{name} is {now[name]}, was {value}: {error.strerror}")
    return restored, failed


def _file(root: Path, name: str) -> Path:
    return root / "proc/sys" / name.replace(".", "/")
