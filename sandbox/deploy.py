"""`pulumi up` on the sandbox's stack, and what came of it as a table.

Owns making the stack, picking up after a killed engine, and the table. Does not own what is deployed: that is the
program, run by plain pulumi.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.checkout import Checkout
from sandbox.errors import SandboxError

# The engine's default is four for each core; a small machine's sshd and API server are happier with this.
_PARALLEL = "16"


def deploy(checkout: Checkout, stack: str) -> None:
    """Bring the stack up and show its nodes. Safe to repeat; after a killed run too."""
    if not (checkout.root / f"Pulumi.{stack}.yaml").exists():
        known = sorted(path.name.split(".")[1] for path in checkout.root.glob("Pulumi.*.yaml"))
        raise SandboxError(f"there is no Pulumi.{stack}.yaml", f"--stack {' or '.join(known) or 'dev'}")
    environment = sourced(checkout)
    _run(["pulumi", "stack", "select", "--create", stack], checkout, environment, quiet=True)
    for lock in stale_locks(checkout.state):
        # The engine that held it is dead. On a shared backend a person has to decide that; here we know.
        _run(["pulumi", "cancel", "--yes", "--stack", stack], checkout, environment, quiet=True)
        lock.unlink(missing_ok=True)
    _run(
        ["pulumi", "up", "--yes", "--skip-preview", "--parallel", _PARALLEL, "--stack", stack],
        checkout,
        environment,
    )
    nodes = json.loads(_output(["kubectl", "get", "nodes", "-o", "json"], checkout, environment))["items"]
    outputs = json.loads(
        _output(["pulumi", "stack", "output", "--json", "--stack", stack], checkout, environment)
    )
    console = Console(highlight=False)
    # Folded cells help nobody: where the width is not known, take what the table needs.
    console.width = max(console.width, 140)
    console.print(node_table(nodes, outputs.get("verification") or {}))


def sourced(checkout: Checkout) -> dict[str, str]:
    """The environment of a shell that has sourced env.sh."""
    if not checkout.env_file.exists():
        raise SandboxError(f"{checkout.env_file} is not there", "python -m sandbox up")
    printed = subprocess.run(
        ["sh", "-c", '. "$1" && env -0', "sh", str(checkout.env_file)], check=True, capture_output=True
    ).stdout
    return dict(entry.split("=", 1) for entry in printed.decode().split("\0") if "=" in entry)


def stale_locks(state: Path) -> list[Path]:
    """Locks of engines on this machine that no longer run."""
    stale = []
    for lock in state.glob(".pulumi/locks/**/*.json"):
        try:
            held = json.loads(lock.read_text(encoding="utf-8"))
            os.kill(int(held["pid"]), 0)
        except ProcessLookupError:
            stale.append(lock)
        except (OSError, ValueError, KeyError):
            continue
    return stale


def node_table(nodes: list[dict[str, Any]], proof: Mapping[str, str]) -> Table:
    """One row for each node of the cluster."""
    table = Table(box=None, pad_edge=False)
    for heading in ("NODE", "STATUS", "ROLES", "VERSION", "RUNTIME", "ADDRESS", "PROOF AT THE LAST CHANGE"):
        table.add_column(heading, overflow="fold")
    for node in nodes:
        info, name = node["status"]["nodeInfo"], node["metadata"]["name"]
        table.add_row(
            name,
            _status(node),
            _roles(node),
            info["kubeletVersion"],
            info["containerRuntimeVersion"],
            next((one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"), ""),
            proof.get(name, ""),
        )
    return table


def _status(node: Mapping[str, Any]) -> str:
    ready = next((one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"), "Unknown")
    words = ["Ready" if ready == "True" else "NotReady"]
    return ",".join([*words, *(["SchedulingDisabled"] if node["spec"].get("unschedulable") else [])])


def _roles(node: Mapping[str, Any]) -> str:
    pattern = re.compile(r"node-role\.kubernetes\.io/(.+)")
    return ",".join(
        sorted(found[1] for label in node["metadata"]["labels"] if (found := pattern.match(label)))
    )


def _run(
    command: list[str], checkout: Checkout, environment: Mapping[str, str], *, quiet: bool = False
) -> None:
    done = subprocess.run(
        command, cwd=checkout.root, env=environment, check=False, capture_output=quiet, text=True
    )
    if done.returncode != 0:
        said = f": {done.stderr.strip()}" if quiet else ""
        raise SandboxError(
            f"{' '.join(command[:3])} ended with {done.returncode}{said}",
            "see above; on a host: python -m sandbox ssh worker-1 -- journalctl -n 50",
        )


def _output(command: list[str], checkout: Checkout, environment: Mapping[str, str]) -> str:
    return subprocess.run(
        command, cwd=checkout.root, env=environment, check=True, capture_output=True, text=True
    ).stdout
