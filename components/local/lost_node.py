"""Takes a node whose host is gone out of the cluster, without its host.

Arguments: node, stack (a Node that another stack claims is refused), tokenIds (list, those that the state has),
force (true: also a node whose kubelet was heard of a moment ago).

apply  Refused while a kubelet renews the node's Lease. Deletes the Node, so that the control plane makes its pods anew
       elsewhere; then every pod that is still bound to it, without waiting for a kubelet's word that it ended, which
       only a host that is gone allows; its Lease, what Calico keeps for it, its bootstrap tokens, and the certificate
       requests for its name. May run again at any time. What the host holds is not touched: nothing asks it.
remove Nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from components.identity.csr import requested_node
from components.identity.expectation import bootstrap_user
from components.local import calico_leftovers, node_writes, nodes, pods
from components.local.arguments import Arguments
from components.local.bootstrap_token import SECRET_TYPE, delete_tokens, labels, secret_name
from components.local.errors import Failure
from components.local.kubectl import PATHS, items, with_query
from components.local.session import Session
from components.local.signing_requests import delete_requests


def apply(session: Session, arguments: Arguments) -> None:
    node, stack = arguments.node(), arguments.text("stack")
    found, lease = session.kubectl.together(
        lambda: node_writes.find(session, node), lambda: session.kubectl.find(f"{PATHS.leases}/{node}")
    )
    if found is not None:
        node_writes.check_claim(found, arguments)
    if not arguments.flag("force", default=False):
        _demand_silence(node, lease)
    # First the Node: as long as it is there, a DaemonSet's pods are made again on it.
    if found is not None and session.kubectl.delete(f"{PATHS.nodes}/{node}", nodes.view(found).uid):
        session.say("deleted its Node")
    _delete_pods(session, node)
    if lease is not None and session.kubectl.delete(f"{PATHS.leases}/{node}", lease["metadata"]["uid"]):
        session.say("deleted its Lease")
    calico_leftovers.release(session, node)
    ids = _delete_tokens(session, node, stack, arguments.texts("tokenIds"))
    _delete_requests(session, node, ids)


def _demand_silence(node: str, lease: Mapping[str, Any] | None) -> None:
    last = nodes.renewed(lease)
    if last is not None and nodes.is_fresh(last, datetime.now(UTC)):
        raise Failure(
            f"{node}: its kubelet renewed its Lease at {last:%H:%M:%S} UTC, so its host runs. Nothing was changed. "
            "A host that was switched off a moment ago: wait two minutes. A node that is to go while its host runs: "
            "remove it from the configuration and run 'pulumi up'"
        )


def _delete_pods(session: Session, node: str) -> None:
    """All of them, DaemonSets' and static ones too: nobody else would, before the control plane collects them."""
    names = [pods.name(pod) for pod in pods.end_at_once(session, pods.bound_to(session, node))]
    if names:
        session.say(f"deleted its pods, whose containers may run on if its host does: {', '.join(names)}")


def _delete_tokens(session: Session, node: str, stack: str, known: tuple[str, ...]) -> set[str]:
    """Those that carry the node's labels, and those of the state. Returns the ids of all."""
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels(node, stack).items()))
    ours = items(session.kubectl.get(with_query(PATHS.secrets, labelSelector=selector)))
    ids = {*known, *(one["metadata"]["name"].removeprefix(secret_name("")) for one in ours)}
    delete_tokens(session, node, stack)
    for token in known:
        secret = session.kubectl.find(f"{PATHS.secrets}/{secret_name(token)}")
        if secret is not None and secret.get("type") == SECRET_TYPE:
            session.kubectl.delete(f"{PATHS.secrets}/{secret_name(token)}", secret["metadata"]["uid"])
            ours.append(secret)
    if ours:
        session.say("deleted its bootstrap token")
    return ids


def _delete_requests(session: Session, node: str, token_ids: set[str]) -> None:
    """Whoever has the host could otherwise be given a certificate that was asked for before."""
    users = {f"system:node:{node}", *(bootstrap_user(one) for one in token_ids)}
    there = items(session.kubectl.get(PATHS.requests))
    theirs = [
        one
        for one in there
        if (one.get("spec") or {}).get("username") in users or requested_node(one) == node
    ]
    if names := delete_requests(session, theirs):
        session.say(f"deleted the certificate requests for its name: {', '.join(names)}")
