"""The commands that a human is told to run, where several programs tell of the same. Pure."""

from __future__ import annotations


def forget(node: str, claim: str | None) -> str:
    """What takes a node out whose host is gone. `claim`: the stack, organization/project/stack, if it is known."""
    stack = (claim or "").rpartition("/")[2]
    return f"make forget NODE={node}{f' STACK={stack}' if stack else ''}"


def after_giving_up(node: str, claim: str | None) -> str:
    """The next step with a node whose kubelet the control plane has given up while a run waits for it."""
    return f"bring its host, or its kubelet, back, and run again; if the host is gone for good: {forget(node, claim)}"
