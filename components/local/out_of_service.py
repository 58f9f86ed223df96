"""Takes a node out of service when inputs changed that disturb its pods: cordon, taint, drain.

Arguments: node, digest (of the disruptive inputs), drain {timeoutSeconds 300, gracePeriodSeconds -1,
deleteEmptyDirData true, force false}, reason (optional, the taint's value), stack (optional: a Node that
another stack claims is refused).

apply  Level-triggered: compares digest with the Node's annotation kubenode/in-service. Equal: nothing at all.
       Absent: a new node, cordoned and tainted, drained only if pods run there; pods on a Node to which no
       kubelet ever reported are those of a deleted Node, and are deleted at once. Different: cordoned, tainted,
       drained; if the drain fails, cordon and taint are put back as they were and the program fails. Prints
       one line, a fresh run id, so that whatever consumes it runs after every run of this.
remove Nothing: in-service drains, and leftovers deletes what is left.
"""

from __future__ import annotations

import uuid

from components.local import node_writes, nodes
from components.local.arguments import Arguments
from components.local.disruption import plan_out_of_service, with_set_aside, with_set_aside_undone
from components.local.drain import DrainPolicy, drain, forget, pods_on
from components.local.errors import Failure
from components.local.kubectl import Json
from components.local.nodes import NodeView
from components.local.session import Session


def apply(session: Session, arguments: Arguments) -> None:
    node = arguments.node()
    digest = arguments.text("digest")
    policy = DrainPolicy.read(arguments)
    found = node_writes.find(session, node)
    if found is None:
        raise Failure(
            f"{node}: there is no such Node. The stack makes it before this step, so it was deleted since: "
            "run pulumi refresh, then pulumi up"
        )
    node_writes.check_claim(found, arguments)
    seen = nodes.view(found)
    if seen.in_service is None and not seen.kubelet_version:
        forget(session, node)
    has_pods = seen.in_service is None and bool(pods_on(session, node))
    plan = plan_out_of_service(found, digest, has_pods=has_pods)
    if plan.set_aside:
        reason = arguments.text("reason", "new" if seen.in_service is None else "change")
        if plan.drain:
            session.say(f"going out of service ({plan.why})")
        set_aside(session, found, reason, policy if plan.drain else None)
    session.result(str(uuid.uuid4()))


def set_aside(
    session: Session, before: Json, reason: str, policy: DrainPolicy | None, removal: str = ""
) -> None:
    """Cordons and taints the node, and with a policy drains it; a drain that fails leaves it as before.

    `removal`: when its removal begins, which stays on the Node.
    """
    seen = nodes.view(before)
    found: list[Json] = []

    def change(current: Json) -> Json:
        changed = with_set_aside(current, reason, removal)
        # Not when it is set aside already: a write whose answer was lost is tried again on its own result.
        if changed != current:
            found[:] = [current]
        return changed

    if policy is None:
        node_writes.rewrite(session, seen.name, seen.uid, change)
        return
    try:
        node_writes.rewrite(session, seen.name, seen.uid, change)
        drain(session, seen.name, seen.uid, policy)
    except BaseException as error:
        # Also when a signal ends us: a node that was not drained has no reason to stay out of service.
        after = _put_back(session, seen, found)
        if isinstance(error, Failure):
            raise Failure(f"{error}. {after}") from error
        session.say(f"stopped before it was drained. {after}")
        raise


def _put_back(session: Session, seen: NodeView, found: list[Json]) -> str:
    """Takes cordon and taint of this run back; `found` is the Node before them, if there were any. Says what is."""
    if not found:
        return "The node is as it was before this run"
    was = found[0]
    try:
        node_writes.rewrite(session, seen.name, seen.uid, lambda current: with_set_aside_undone(current, was))
    except Failure as undo:
        return f"The node could not be put back as it was: {undo}"
    state = "still cordoned, as before" if nodes.view(was).unschedulable else "uncordoned again"
    return f"The node is {state}"
