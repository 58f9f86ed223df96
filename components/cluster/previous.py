"""What this stack's last run that came to its end left in its outputs, for a run that cannot ask the API.

Owns the reading, by the engine's own function, which works with every backend. Does not own what is put there
(`components/outputs.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import invoke

from components.cluster.marks import Marks

_READ = "pulumi:pulumi:readStackOutputs"


def nodes(stack: str) -> Mapping[str, Any]:
    """The output `nodes` of the stack of this full name. Empty if there was no such run."""
    try:
        found = invoke(_READ, {"name": stack}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower one; a preview works all the same
        pulumi.log.debug(f"the outputs of the last run cannot be read: {error}")
        return {}
    outputs = found.get("outputs") if isinstance(found, Mapping) else None
    named = outputs.get("nodes") if isinstance(outputs, Mapping) else None
    return named if isinstance(named, Mapping) else {}


def marks(found: Mapping[str, Any]) -> dict[str, Marks]:
    """What that output has of each node's marks, by name."""
    return {str(name): Marks.of_outputs(node) for name, node in found.items() if isinstance(node, Mapping)}
