"""Everything about a host that a node's life may touch, as lines of text that can be compared.

Owns what is looked at, and the allow-list: what may differ between before and after, each with its reason. Does not own
how a host is reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Run = Callable[[str], str]

# Units that come and go on a host by the clock or by whoever logs in, whether or not anything is done to it.
_PASSING = (
    "session-|user@|user-runtime-|systemd-(tmpfiles|timedated|hostnamed)"
    "|apt-daily|dpkg-db|e2scrub|fstrim|logrotate"
)

# Each section is a piece of bash that prints one thing a line, run on the host as root. What only this look itself or
# the passing of time changes is left out here; whatever a node's life changes is not.
SECTIONS: Mapping[str, str] = {
    # Every entry with its type, mode, owner and link target, then every regular file's content.
    "files": r"""
        left_out='-path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp'
        for top in / $(awk '$2 ~ "^/var/lib/(docker|containerd|kubelet)$" { print $2 }' /proc/mounts); do
            find "$top" -xdev \( $left_out \) -prune -o -printf '%p %y %m %u:%g %l\n'
            find "$top" -xdev \( $left_out \) -prune -o -type f -print0 | xargs -0 -r sha256sum |
                sed 's/^\\\{0,1\}\([0-9a-f]\{16\}\)[0-9a-f]* .\(.*\)$/\2 sha256 \1/'
        done""",
    "runtime files": r"""
        left_out='-path /run/systemd -o -path /run/udev -o -path /run/log -o -path /run/user'
        for top in /run /run/lock; do find "$top" -xdev \( $left_out \) -prune -o -printf '%p %y\n'; done
        find /tmp /var/tmp -xdev -mindepth 1 ! -path '*/systemd-private-*' -printf '%p %y\n'""",
    "packages": r"""
        dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n'
        apt-mark -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= showhold | sed 's/^/held /'
        apt-mark -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= showmanual | sed 's/^/manual /'""",
    "unit files": r"systemctl list-unit-files --no-legend --no-pager --plain | awk '$1 !~ /\.scope$/ { print $1, $2 }'",
    "active units": rf"""
        systemctl list-units --no-legend --no-pager --plain --state=active,failed | awk '{{ print $1, $3 }}' |
            grep -vE '\.(scope|device|slice) |^({_PASSING})' """,
    # By unit as well: a process that systemd starts has the name of its unit until it is the program itself.
    "processes": rf"""
        ps -eo ppid=,pid=,comm= | awk '$1 == 1 {{ print $2, $3 }}' | while read -r pid name; do
            unit=$(cat "/proc/$pid/cgroup") || continue
            printf '%s' "$unit" | grep -qE '/({_PASSING})[^/]*$' || printf '%s\n' "$name"
        done | grep -vE '^(bash|sshd)'""",
    "listening": r"ss -Hlntu | awk '{ print $1, $5 }'",
    "net sysctls": r"""
        sysctl -a 2>/dev/null | grep '^net\.' |
            grep -vE 'nf_conntrack_count|random|\.neigh\..*\.(gc_stale|unres)|stat|tcp_fastopen_key'""",
    "iptables": r"""
        for family in iptables ip6tables; do
            $family-save | grep -v '^#' | sed "s/\[[0-9:]*\]//; s/^/$family /"
        done""",
    "nft": r"nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//' | awk 'NF && !/^#/'",
    "links": r"""
        for link in /sys/class/net/*; do
            [ -d "$link" ] || continue
            printf '%s mtu %s flags %s master %s\n' "${link##*/}" "$(cat "$link/mtu")" "$(cat "$link/flags")" \
                "$(basename "$(readlink "$link/master" || echo none)")"
        done
        ip -o address | awk '{ print $2, $3, $4 }'""",
    "routes": r"ip route; ip -6 route | grep -v expires; ip rule",
    "mounts": r"awk '$2 !~ /^\/(proc|sys|dev|run)(\/|$)/ { print $2, $3 }' /proc/mounts",
    "kernel": r"""
        ls /proc/sys/net
        cat /proc/swaps
        find /sys/fs/cgroup -type d \( -name '*kubepods*' -o -name 'docker*' \)""",
}

Snapshot = dict[str, frozenset[str]]


@dataclass(frozen=True)
class Allowed:
    """What may differ: a pattern for the whole line of a difference, in one section, and why."""

    section: str
    pattern: str
    why: str


ALLOWED: tuple[Allowed, ...] = (
    Allowed("files", r"/var/log/journal/.*", "the host's own journal goes on"),
    Allowed("files", r"/var/log/(apt|dpkg|alternatives).*", "the package manager's logs say what it did"),
    Allowed("files", r"/var/lib/dpkg/status-old sha256 \w+", "dpkg's copy of the status before its last run"),
    Allowed(
        "files",
        r"/var/backups(/[a-z._]+\.\d(\.gz)?)? (sha256 \w+|[df] \d+ root:root)",
        "the host's own copies of dpkg's database, made every midnight",
    ),
    Allowed(
        "files",
        r"/var/lib/systemd/timers(/stamp-[\w.-]+)? (sha256 \w+|[df] \d+ root:root)",
        "when each of the host's own timers last ran",
    ),
    Allowed(
        "files",
        r"/var/cache/debconf/(config|templates)\.dat-old sha256 \w+",
        "debconf's copies of its databases before their last change",
    ),
    Allowed(
        "files",
        r"/var/cache/ldconfig/aux-cache sha256 \w+",
        "the linker's cache of what it saw of the libraries, times included",
    ),
    Allowed(
        "files",
        r"/usr/lib/modules d 755 root:root",
        "Docker makes it for a pod that mounts it, as Calico's do; a host with a kernel of its own has it",
    ),
    Allowed("files", r"/var/log/wtmp sha256 \w+", "the host's own note of each boot"),
    Allowed(
        "files",
        r"/var/tmp/systemd-private-[0-9a-f]{32}-[\w.@-]+(/tmp)? d \d+ root:root",
        "folders of the host's own services, named after the boot",
    ),
    Allowed(
        "runtime files",
        r"/run/adduser f",
        "lock file of adduser, which Docker's package runs; gone at the next boot",
    ),
    Allowed(
        "runtime files",
        r"/run/sudo/ts(/kubeops)? [df]",
        "sudo's note that it asked a user; gone at boot",
    ),
    Allowed(
        "runtime files",
        r"/run/motd\.dynamic f",
        "the host's own greeting, made at the first login after a boot",
    ),
    Allowed(
        "runtime files",
        r"/run/lock/kubenode f",
        "removing a lock under one who waits would let two in; gone at boot",
    ),
    *(
        Allowed(section, pattern, "the sandbox's own name server, which takes another port at each boot")
        for section, pattern in (
            ("listening", r"(tcp|udp) 127\.0\.0\.11:\d+"),
            ("iptables", r"iptables -A DOCKER_(OUTPUT|POSTROUTING) .*127\.0\.0\.11\b.*"),
            ("nft", r"\s*ip [sd]addr 127\.0\.0\.11\b.*"),
        )
    ),
    Allowed(
        "active units",
        r"sandbox-ssh-host-keys\.service active",
        "makes the keys at a sandbox host's first boot, and has nothing to do at a later one",
    ),
)


class SnapshotError(Exception):
    """A section that saw nothing at all: then it could not have seen a difference either."""


def take(run: Run) -> Snapshot:
    """Look at a host. `run` runs a bash script on it as root and returns what it prints."""
    script = "\n".join(f"echo '=== {name}'\n( {command}\n) 2>/dev/null" for name, command in SECTIONS.items())
    found: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in run(script).splitlines():
        if line.startswith("=== "):
            current = found.setdefault(line[4:], set())
        elif line.strip():
            current.add(line.rstrip())
    empty = [name for name in SECTIONS if not found.get(name)]
    if empty:
        raise SnapshotError(f"nothing was seen of: {', '.join(empty)}")
    return {name: frozenset(lines) for name, lines in found.items()}


def differences(before: Snapshot, after: Snapshot, allowed: tuple[Allowed, ...] = ALLOWED) -> list[str]:
    """Lines that came or went and that nothing allows, as `section: + line` and `section: - line`."""
    found = []
    for section in SECTIONS:
        old, new = before[section], after[section]
        found += [
            f"{section}: - {line}" for line in sorted(old - new) if not _is_allowed(section, line, allowed)
        ]
        found += [
            f"{section}: + {line}" for line in sorted(new - old) if not _is_allowed(section, line, allowed)
        ]
    return found


def _is_allowed(section: str, line: str, allowed: tuple[Allowed, ...]) -> bool:
    return any(one.section == section and re.fullmatch(one.pattern, line) for one in allowed)
