"""The commands that a human is told to run, where several programs tell of the same. Pure."""

from __future__ import annotations


def forget(node: str, claim: str | None) -> str:
    """What takes a node out whose host is gone. `claim`: the stack, organization/project/stack, if it is known."""
    stack = (claim or "").rpartition("/")[2]
    return f"make forget NODE={node}{f' STACK={stack}' if stack else ''}"
