"""Picking up after a killed engine, and the table of nodes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from rich.console import Console

from sandbox.deploy import node_table, stale_locks


def _lock(state: Path, name: str, content: str) -> Path:
    path = state / ".pulumi/locks/organization/kubenode/dev" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_only_the_lock_of_a_dead_engine_is_stale(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    stale = _lock(tmp_path, "stale", json.dumps({"pid": dead.pid}))
    _lock(tmp_path, "alive", json.dumps({"pid": os.getpid()}))
    _lock(tmp_path, "strange", "{}")
    assert stale_locks(tmp_path) == [stale]


def _node(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"node-role.kubernetes.io/worker": "", "other": ""}},
        "spec": spec,
        "status": {
            "nodeInfo": {"kubeletVersion": "v1.37.2", "containerRuntimeVersion": "docker://20.10.24"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [
                {"type": "Hostname", "address": name},
                {"type": "InternalIP", "address": "10.0.0.7"},
            ],
        },
    }


def test_the_table_shows_each_node_on_one_line() -> None:
    console = Console(width=160, record=True)
    console.print(
        node_table([_node("worker-1"), _node("worker-2", unschedulable=True)], {"worker-1": "3 addresses"})
    )
    lines = console.export_text().splitlines()
    assert len(lines) == 3
    assert lines[1].split() == [
        "worker-1",
        "Ready",
        "worker",
        "v1.37.2",
        "docker://20.10.24",
        "10.0.0.7",
        "3",
        "addresses",
    ]
    assert "Ready,SchedulingDisabled" in lines[2]
