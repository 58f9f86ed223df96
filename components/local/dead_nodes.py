"""Pods on nodes whose kubelet speaks no more: nobody there will ever end them.

Owns telling such nodes from others by what the control plane says of them, and ending our proof's pods there when the
proof goes. Does not own drains (`drain.py`), nor what heals a node (`silence.py`).
"""

from __future__ import annotations

from typing import Final

from components.local import nodes, pods
from components.local.kubectl import PATHS, Json, KubectlError, items
from components.local.session import Session
from components.local.silence import says_no_host
from components.local.waiting import Wait

_ANSWER_SECONDS: Final = 5
# The control plane's own time is 40 to 50 s, unless its --node-monitor-grace-period says another.
_GIVING_UP_SECONDS: Final = 90


def given_up(nodes_there: list[Json], wanted: set[str]) -> list[str]:
    """The wanted ones that no kubelet speaks for any more."""
    return sorted(
        seen.name
        for seen in map(nodes.view, filter(nodes.is_unreachable, nodes_there))
        if seen.name in wanted
    )


def on_nodes(found: list[Json], names: list[str]) -> list[Json]:
    """The pods that were given to one of these."""
    return [pod for pod in found if on(pod) in names]


def on(pod: Json) -> str:
    """The node that a pod was given to; empty as long as there is none."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def end_pods(session: Session, pods_path: str, subject: str, seconds: float = _GIVING_UP_SECONDS) -> None:
    """Deletes the pods of this list that are on dead nodes, so that what owns them can be deleted in seconds.

    A kubelet that does not answer is waited for until the control plane has given it up, or it answers again.
    """
    found = session.kubectl.find(pods_path) or {}
    silent = _without_answer(session, {on(pod) for pod in items(found)} - {""})
    wait = Wait(seconds, subject)
    while silent:
        gone = given_up(items(session.kubectl.get(PATHS.nodes)), silent)
        for pod in pods.end_at_once(session, on_nodes(items(session.kubectl.get(pods_path)), gone)):
            session.say(f"deleted pod {pods.name(pod)} of {on(pod)}, whose kubelet is given up")
        silent = _without_answer(session, silent - set(gone))
        if not silent or wait.expired:
            return
        wait.pause(f"for the control plane to give up what does not answer: {', '.join(sorted(silent))}")


def _without_answer(session: Session, names: set[str]) -> set[str]:
    """Those whose kubelet the API server does not get through to."""
    ordered = sorted(names)

    def answers(name: str) -> bool:
        try:
            session.kubectl.read(PATHS.kubelet_health(name), timeout_seconds=_ANSWER_SECONDS)
        except KubectlError as error:
            # A port that nobody listens on is a host's answer, and no kubelet's.
            return not says_no_host(error.stderr) and "connection refused" not in error.stderr
        return True

    found = session.kubectl.together(*(lambda name=name: answers(name) for name in ordered))
    return {name for name, alive in zip(ordered, found, strict=True) if not alive}
