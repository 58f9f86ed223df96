"""What this stack's last run that came to its end left in its outputs, for a run that cannot ask the API.

Owns the reading, by the engine's own function, which works with every backend. Does not own what is put there
(`components/stack.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import invoke

_READ = "pulumi:pulumi:readStackOutputs"


def heals(stack: str) -> dict[str, str]:
    """What each node was last healed of, by name; `stack` is its full name. Empty if there was no such run."""
    try:
        found = invoke(_READ, {"name": stack}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower one; a preview works all the same
        pulumi.log.debug(f"the outputs of the last run cannot be read: {error}")
        return {}
    outputs = found.get("outputs") if isinstance(found, Mapping) else None
    return healed(outputs) if isinstance(outputs, Mapping) else {}


def healed(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The output `nodes` of a stack, read for `healed` alone."""
    nodes = outputs.get("nodes")
    if not isinstance(nodes, Mapping):
        return {}
    return {
        str(name): str(node["healed"])
        for name, node in nodes.items()
        if isinstance(node, Mapping) and node.get("healed")
    }
