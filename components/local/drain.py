"""Moves the pods off one node with `kubectl drain`, bounded in time, and says which pods stood in the way.

Owns the drain and its error. Does not own cordon and taint (`components.local.disruption`). A drain is never
issued without an exact node name, nor for a Node object other than the one that was set aside.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from components.local import nodes, pods, ways_out
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, KubectlError
from components.local.session import Session
from components.local.waiting import Wait

# No kubelet will end what is evicted; so long for what needs none.
_ABANDONED_SECONDS: Final = 15
_LOOK_SECONDS: Final = 5
# After the forced second attempt has asked for every deletion, this long for the pods to be gone.
_FORCED_SECONDS: Final = 60
_LONGEST_LIST: Final = 10
_UNENDED: Final = "deleted, but its kubelet has not ended it"
_BARE: Final = "no controller would make it again"
_SCRATCH: Final = "it has data in an emptyDir"
_WAYS: Final = {
    _BARE: "delete the pods that no controller would make again, or set drain.force",
    _SCRATCH: "set drain.deleteEmptyDirData, or move the pods whose data would be lost",
}
_EVICTION: Final = re.compile(
    r'error when (?:evicting|deleting) pods?/?\s?"([^"]+)" -n "([^"]+)"[^:]*: ([^;]+)'
)


@dataclass(frozen=True)
class DrainPolicy:
    """How much a drain may do."""

    timeout_seconds: int
    grace_period_seconds: int
    delete_empty_dir_data: bool
    force: bool
    """Pods without a controller too; and pods that are still there at the timeout are deleted, whatever a
    PodDisruptionBudget says, without waiting for a kubelet that is gone."""
    how_to_change: str = ""
    """Said with advice to change a setting, where the configuration alone would not bring it here."""

    @classmethod
    def read(cls, arguments: Arguments, how_to_change: str = "") -> DrainPolicy:
        section = arguments.section("drain")
        return cls(
            timeout_seconds=section.integer("timeoutSeconds", 300, low=1),
            grace_period_seconds=section.integer("gracePeriodSeconds", -1, low=-1),
            delete_empty_dir_data=section.flag("deleteEmptyDirData", default=True),
            force=section.flag("force", default=False),
            how_to_change=how_to_change,
        )


def drain_arguments(
    node: str, policy: DrainPolicy, seconds: int, *, beyond_budgets: bool, abandoned: bool
) -> list[str]:
    """The command line of one attempt. `abandoned`: no kubelet is left that could end the pods."""
    if not node:
        raise ValueError("a drain needs the exact name of a node")
    grace = 0 if abandoned and beyond_budgets else policy.grace_period_seconds
    command = ["drain", node, "--ignore-daemonsets", f"--timeout={seconds}s", f"--grace-period={grace}"]
    if policy.delete_empty_dir_data:
        command.append("--delete-emptydir-data")
    if policy.force:
        command.append("--force")
    if beyond_budgets:
        command.append("--disable-eviction")
    return command


def movable(there: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The pods that a drain moves: no DaemonSet's, no static ones, none that have ended."""
    found: list[Mapping[str, Any]] = []
    for pod in there:
        metadata = pod.get("metadata") or {}
        owners = metadata.get("ownerReferences") or ()
        if any(one.get("kind") == "DaemonSet" and one.get("controller") for one in owners):
            continue
        if "kubernetes.io/config.mirror" in (metadata.get("annotations") or {}):
            continue
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        found.append(pod)
    return found


def pods_on(session: Session, node: str) -> list[Mapping[str, Any]]:
    """The pods on a node that a drain would move."""
    return movable(pods.bound_to(session, node))


def refusals(there: Iterable[Mapping[str, Any]], policy: DrainPolicy) -> dict[str, str]:
    """The pods for which kubectl refuses a drain as a whole, before it evicts any, and why."""
    found: dict[str, str] = {}
    for pod in there:
        metadata, volumes = pod.get("metadata") or {}, (pod.get("spec") or {}).get("volumes") or ()
        reasons: list[str] = []
        if not policy.force and not any(
            one.get("controller") for one in metadata.get("ownerReferences") or ()
        ):
            reasons.append(_BARE)
        if not policy.delete_empty_dir_data and any("emptyDir" in one for one in volumes):
            reasons.append(_SCRATCH)
        if reasons:
            found[pods.name(pod)] = ", ".join(reasons)
    return found


def explain(there: Iterable[Mapping[str, Any]], stderr: str) -> str:
    """The pods that are still there, each with kubectl's reason where it gave one."""
    reasons: dict[str, str] = {}
    for name, namespace, why in _EVICTION.findall(stderr):
        # The last word on every pod is that time was up; the first one says why it took so long.
        reasons.setdefault(f"{namespace}/{name}", why.strip())
    words: list[str] = []
    for pod in there:
        name = pods.name(pod)
        why = reasons.get(name, "")
        if not why and pod["metadata"].get("deletionTimestamp"):
            why = _UNENDED
        words.append(f"{name} ({why})" if why else name)
    return _listed(words)


def _listed(words: list[str]) -> str:
    if len(words) > _LONGEST_LIST:
        words = [*words[:_LONGEST_LIST], f"and {len(words) - _LONGEST_LIST} more"]
    return ", ".join(words)


def advice(
    stderr: str, node: str, *, force: bool, claim: str | None = None, abandoned: bool = False, left: str = ""
) -> str:
    """What the operator can change, in the words of the stack's configuration."""
    if abandoned and not force:
        return (
            f"bring its host back; if it is gone for good: {ways_out.forget(node, claim)} (FORCE=yes if another "
            "machine has its address by now); if the host runs, and only its kubelet does not: bring the kubelet "
            "back, or set drain.force"
        )
    if "disruption budget" in stderr and not force:
        return "give the PodDisruptionBudget room (kubectl get pdb -A), or set drain.force"
    if force and _UNENDED in left:
        return (
            "wait until their time to end is over and run again, or end them: "
            "kubectl delete pod -n NAMESPACE NAME --grace-period=0 --force"
        )
    if force:
        return f"see kubectl get pods -A --field-selector spec.nodeName={node}"
    return "raise drain.timeoutSeconds, or set drain.force"


def _refused(node: str, refused: Mapping[str, str], policy: DrainPolicy) -> Failure:
    """Nothing was evicted, and every reason is named at once."""
    reasons = ", ".join(refused.values())
    ways = [way for reason, way in _WAYS.items() if reason in reasons]
    names = _listed([f"{name} ({why})" for name, why in refused.items()])
    return Failure(
        f"{node}: nothing was drained; pods in the way: {names}. Next: {_with_how('; '.join(ways), policy)}"
    )


def _with_how(advice: str, policy: DrainPolicy) -> str:
    return f"{advice}. {policy.how_to_change}" if policy.how_to_change else advice


def drain(session: Session, node: str, uid: str, policy: DrainPolicy) -> None:
    """Drains the node that has this UID; raises Failure naming the pods in the way."""
    started = time.monotonic()
    abandoned = nodes.is_unreachable(_same_node(session, node, uid))
    if abandoned and policy.force:
        session.say(
            "the control plane has given its kubelet up; force: its pods are deleted without waiting for it"
        )
        error = _attempt(session, node, policy, policy.timeout_seconds, beyond_budgets=True, abandoned=True)
    else:
        seconds = min(policy.timeout_seconds, _ABANDONED_SECONDS) if abandoned else policy.timeout_seconds
        error = _attempt(session, node, policy, seconds, beyond_budgets=False, abandoned=abandoned)
        if error is not None and policy.force and pods_on(session, node):
            left = explain(pods_on(session, node), error.stderr)
            session.say(f"force: deleting what eviction did not move in {policy.timeout_seconds} s: {left}")
            abandoned = nodes.is_unreachable(_same_node(session, node, uid))
            error = _attempt(session, node, policy, _FORCED_SECONDS, beyond_budgets=True, abandoned=abandoned)
    if error is None:
        return
    there = pods_on(session, node)
    refused = refusals(there, policy) if "cannot delete" in error.stderr else {}
    left = explain(there, error.stderr)
    found = _same_node(session, node, uid)
    abandoned = nodes.is_unreachable(found)
    state = "; the control plane has given its kubelet up" if abandoned else ""
    if refused and not abandoned:
        raise _refused(node, refused, policy)
    problem = f"pods in the way: {left}" if left else error.stderr[-600:]
    claim = nodes.view(found).claim
    ways = advice(error.stderr, node, force=policy.force, claim=claim, abandoned=abandoned, left=left)
    if not policy.force:  # With it, no setting is left that would help.
        ways = _with_how(ways, policy)
    raise Failure(
        f"{node}: not drained within {time.monotonic() - started:.0f} s{state}; {problem}. Next: {ways}"
    )


def forget(session: Session, node: str) -> None:
    """Deletes the pods on a Node without kubelet: nobody runs them, and nobody would ever end them in order."""
    forgotten = pods_on(session, node)
    pods.end_at_once(session, forgotten)
    if forgotten:
        session.say(f"deleted pods of an earlier machine of this name: {explain(forgotten, '')}")


def _attempt(
    session: Session, node: str, policy: DrainPolicy, seconds: int, *, beyond_budgets: bool, abandoned: bool
) -> KubectlError | None:
    wait = Wait(seconds, node)
    looked = time.monotonic()

    def tick() -> None:
        nonlocal looked
        wait.tell("for its pods to move")
        if abandoned or time.monotonic() - looked < _LOOK_SECONDS:
            return
        looked = time.monotonic()
        found = session.kubectl.find(f"{PATHS.nodes}/{node}")
        if found is not None and nodes.is_unreachable(found):
            raise KubectlError(f"kubectl drain {node}", 1, "the control plane has given its kubelet up")

    try:
        session.kubectl.run(
            drain_arguments(node, policy, seconds, beyond_budgets=beyond_budgets, abandoned=abandoned),
            retry=False,
            timeout_seconds=seconds + 15,
            tick=tick,
            bound_request=False,
        )
    except KubectlError as error:
        return error
    return None


def _same_node(session: Session, node: str, uid: str) -> Json:
    found = session.kubectl.find(f"{PATHS.nodes}/{node}")
    if found is None or nodes.view(found).uid != uid:
        raise Failure(
            f"{node}: the Node object was deleted or made anew meanwhile; nothing was drained. Run again"
        )
    return found
