"""What stands in the state before the first of some objects in the cluster, and deletes after the last what is left.

Owns the command. Does not own which objects there are, nor what the program does (`components/local/leftovers.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.remote.command import Kubeconfig, operator_command


def leftovers(
    name: str,
    kubeconfig: Kubeconfig,
    claim: str,
    about: Mapping[str, Any],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> pulumi.Resource:
    """`about`: the program's arguments but for the stack. Whatever it is about has to depend on this."""
    return operator_command(
        f"{name}-leftovers",
        "leftovers",
        kubeconfig,
        {"stack": claim, **about},
        pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
    )


def reference(body: Mapping[str, Any]) -> dict[str, str]:
    """An object as `leftovers` is told of it; without a namespace it may be one that has none, or in `default`."""
    metadata = body["metadata"]
    within = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "name": metadata["name"], **within}
