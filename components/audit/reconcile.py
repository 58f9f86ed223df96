"""Mending of drift: a mark in the inputs of a drifted node's parts, then `pulumi up`, and nothing else.

Owns which nodes are marked. Does not own what an apply does: it writes what differs and restarts what needs it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.audit.engine import Engine
from components.audit.findings import Audit


def mended(engine: Engine, audits: Sequence[Audit], moment: str, *, preview: bool, yes: bool) -> bool:
    """Whether Pulumi went through. `preview`: the stack's file stays as it is."""
    drifted = [audit for audit in audits if audit.findings and not audit.error]
    for audit in drifted:
        if not audit.is_ours:
            _say(
                f"{audit.node}: its host does not carry this stack's claim, and a re-apply would be refused: "
                "remove the node, 'pulumi up', add it again"
            )
    nodes = [audit.node for audit in drifted if audit.is_ours]
    if not nodes:
        return False
    _say(f"applying again: {', '.join(nodes)}")
    if preview:
        return _previewed(engine, nodes, moment)
    for node in nodes:
        engine.mark(node, moment)
    words = ["--yes", "--skip-preview", "--non-interactive"] if yes else []
    if engine.run("up", *words) == 0:
        return True
    _say("the mark (rollout.reapply) stays in the configuration: the next 'pulumi up' goes on with it")
    return False


def _previewed(engine: Engine, nodes: Sequence[str], moment: str) -> bool:
    """Beside the stack's own file, where relative paths in it mean the same."""
    own = engine.project_dir / f"Pulumi.{engine.stack}.yaml"
    with tempfile.TemporaryDirectory(prefix="kubenode-audit-") as folder:
        copy = Path(folder, own.name)
        shutil.copyfile(own, copy)
        for node in nodes:
            engine.mark(node, moment, copy)
        return engine.run("preview", "--diff", "--non-interactive", "--config-file", str(copy)) == 0


def _say(text: str) -> None:
    print(f"reconcile: {text}", file=sys.stderr, flush=True)
