"""Everything about a host that a node's life may touch, as lines of text that can be compared.

Owns what is looked at, and the allow-list: what may differ between before and after, each with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Run = Callable[[str], str]

# Each section is a shell command that prints one thing a line, run on the host as root.
SECTIONS: Mapping[str, str] = {
    "files": r"""
        for top in / $(awk '$2 ~ "^/var/lib/(docker|containerd|kubelet)$" { print $2 }' /proc/mounts); do
            find "$top" -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \) -prune -o \
                ! -type f -printf '%p %y %m %u:%g %l\n'
            find "$top" -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \) -prune -o \
                -type f -printf '%m %u:%g %p\0' | sort -z | while IFS= read -r -d '' line; do
                    meta=${line%% /*}; file=/${line#* /}
                    printf '%s f %s %s\n' "$file" "$meta" "$(sha256sum <"$file" | cut -c1-16)"
                done
        done""",
    "runtime files": r"find /run -xdev ! -path '/run/systemd/*' ! -path '/run/udev/*' ! -path '/run/log/*' ! -path '/run/user/*' -printf '%p %y\n'",
    "packages": r"dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n'; apt-mark showhold | sed 's/^/held /'; apt-mark showmanual | sed 's/^/manual /'",
    "unit files": r"systemctl list-unit-files --no-legend --no-pager --plain | awk '{ print $1, $2 }' | grep -v '\.scope'",
    "active units": r"systemctl list-units --no-legend --no-pager --plain --state=active,failed | awk '{ print $1, $3 }' | grep -vE '\.(scope|device|slice)|session-|user@|user-runtime|systemd-tmpfiles|apt-daily|dpkg-db|e2scrub|fstrim|logrotate'",
    "net sysctls": r"sysctl -a 2>/dev/null | grep '^net\.' | grep -vE 'nf_conntrack_count|random|\.neigh\..*\.(gc_stale|unres)|stat|tcp_fastopen_key'",
    "iptables": r"iptables-save 2>/dev/null | grep -v '^#' | sed 's/\[[0-9:]*\]//'; ip6tables-save 2>/dev/null | grep -v '^#' | sed 's/\[[0-9:]*\]//'",
    "nft": r"command -v nft >/dev/null && nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//' | grep -v '^#' | awk 'NF'",
    "links": r"ip -o link | awk '{ sub(/@.*/, \":\", $2); print $2, $0 }' | sed 's/^\([^ ]*\) [0-9]*: [^ ]* /\1 /' | cut -d' ' -f1-12",
    "routes": r"ip route; ip -6 route | grep -v 'expires'; ip rule",
    "mounts": r"awk '{ print $2, $3 }' /proc/mounts | grep -vE '^/(proc|sys|dev|run)'",
    "kernel": r"ls /proc/sys/net; cat /proc/swaps; find /sys/fs/cgroup -type d \( -name '*kubepods*' -o -name 'docker*' \)",
}

Snapshot = dict[str, frozenset[str]]


@dataclass(frozen=True)
class Allowed:
    """What may differ: a pattern for the whole line of a difference, in one section, and why."""

    section: str
    pattern: str
    why: str


ALLOWED: tuple[Allowed, ...] = ()


def take(run: Run) -> Snapshot:
    """Look at a host. `run` runs a bash script on it as root and returns what it prints."""
    script = "\n".join(f"echo '=== {name}'\n( {command}\n) 2>/dev/null" for name, command in SECTIONS.items())
    found: dict[str, set[str]] = {}
    for line in run(script).splitlines():
        if line.startswith("=== "):
            current = found.setdefault(line[4:], set())
        elif line.strip():
            current.add(line.rstrip())
    return {name: frozenset(lines) for name, lines in found.items()}


def differences(before: Snapshot, after: Snapshot, allowed: tuple[Allowed, ...] = ALLOWED) -> list[str]:
    """Lines that came or went and that nothing allows, as `section: + line` and `section: - line`."""
    found = []
    for section in SECTIONS:
        old, new = before.get(section, frozenset()), after.get(section, frozenset())
        found += [f"{section}: - {line}" for line in sorted(old - new) if not _is_allowed(section, line, allowed)]
        found += [f"{section}: + {line}" for line in sorted(new - old) if not _is_allowed(section, line, allowed)]
    return found


def _is_allowed(section: str, line: str, allowed: tuple[Allowed, ...]) -> bool:
    return any(one.section == section and re.fullmatch(one.pattern, line) for one in allowed)
