"""The machine's own packet filter rules that a Docker daemon makes and leaves behind.

Owns: noting the rules before such a daemon starts, and computing and removing what it left. Does not own the
daemon.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

FAMILIES = ("iptables", "ip6tables")
_OURS = re.compile(r"\bDOCKER|\bdocker0\b|\bbr-[0-9a-f]{12}\b|\bkn-[0-9a-f]{8}\b")


def snapshot() -> dict[str, str]:
    """What `iptables-save` and `ip6tables-save` print; a family that this machine lacks is left out."""
    saved = {}
    for family in FAMILIES:
        if shutil.which(f"{family}-save") is None:
            continue
        run = subprocess.run([f"{family}-save"], capture_output=True, text=True, check=False)
        if run.returncode == 0:
            saved[family] = run.stdout
    return saved


def removals(family: str, before: str, now: str) -> list[list[str]]:
    """The commands that take away what a Docker daemon added between two snapshots."""
    old_rules, old_chains = _parse(before)
    rules, chains = _parse(now)
    commands: list[list[str]] = []
    for table, rule in rules:
        if (table, rule) not in old_rules and _OURS.search(rule):
            commands.append([family, "-w", "-t", table, "-D", *shlex.split(rule.removeprefix("-A "))])
    gone = [key for key in chains if key not in old_chains and key[1].startswith("DOCKER")]
    commands += [[family, "-w", "-t", table, "-F", chain] for table, chain in gone]
    commands += [[family, "-w", "-t", table, "-X", chain] for table, chain in gone]
    # Docker sets this one policy; a table that was not there yet had the default.
    policy, old_policy = chains.get(("filter", "FORWARD")), old_chains.get(("filter", "FORWARD"), "ACCEPT")
    if policy == "DROP" and old_policy != policy:
        commands.append([family, "-w", "-P", "FORWARD", old_policy])
    return commands


def restore(before: Mapping[str, str]) -> list[str]:
    """Remove what a stopped Docker daemon left; returns what could not be removed."""
    failed = []
    for family, now in snapshot().items():
        for command in removals(family, before.get(family, ""), now):
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                failed.append(f"{shlex.join(command)}: {run.stderr.strip()}")
    return failed


def _parse(saved: str) -> tuple[Sequence[tuple[str, str]], dict[tuple[str, str], str]]:
    """Rules as (table, rule) in order, and the policy of each (table, chain)."""
    table = ""
    rules: list[tuple[str, str]] = []
    chains: dict[tuple[str, str], str] = {}
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            chains[table, chain] = policy
        elif line.startswith("-A "):
            rules.append((table, line))
    return rules, chains
