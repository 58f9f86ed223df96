"""Reads and writes the one Node object of a run, never over somebody else's change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from components.local import nodes
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, KubectlError, with_query
from components.local.session import Session
from components.local.waiting import Wait

_CONFLICT_SECONDS: Final = 30
# At every update of the Node the kubernetes provider takes over what managers wrote whose names begin with kubectl, and
# removes what its own inputs do not have of it: our annotations, taint and cordon would go with a changed label.
_FIELD_MANAGER: Final = "kubenode"


def find(session: Session, node: str) -> Json | None:
    """The Node object, or None."""
    return session.kubectl.find(f"{PATHS.nodes}/{node}")


def check_claim(node: Json, arguments: Arguments) -> None:
    """Refuses a Node that another stack claims, when the arguments say which stack this is."""
    seen = nodes.view(node)
    stack = arguments.text("stack", "")
    if stack and seen.claim and seen.claim != stack:
        raise Failure(
            f"{seen.name}: the Node is claimed by the stack {seen.claim}, not by {stack}; nothing changed. "
            f"Remove the node from one of them (kubectl get node {seen.name} -o yaml: {nodes.CLAIM})"
        )


def rewrite(session: Session, node: str, uid: str, change: Callable[[Json], Json]) -> Json:
    """Applies a change to the Node with this UID in one write; to the newer object if somebody was faster."""
    wait = Wait(_CONFLICT_SECONDS, node)
    path = with_query(f"{PATHS.nodes}/{node}", fieldManager=_FIELD_MANAGER)
    while True:
        current = find(session, node)
        if current is None or nodes.view(current).uid != uid:
            raise Failure(f"{node}: the Node object was deleted or made anew meanwhile. Run again")
        changed = change(current)
        if changed == current:
            return current
        try:
            return session.kubectl.put(path, changed)
        except KubectlError as error:
            if error.reason != "Conflict" or wait.expired:
                raise
        wait.pause("to write its Node object, which others write too")
