"""Gives a node that has to join a bootstrap token of its own, for an hour at most.

Arguments: node, stack, tokenId, tokenSecret, ttlSeconds (60 to 3600, default 3600), groups
(system:bootstrappers:...), heal (optional: a text that makes a token although the node has joined, unless its
annotation kubenode/healed is this very text), reapply (optional: when the node's parts were asked to be applied once
more; within the hour after it a token is made although the node has joined, for its kubelet may have lost its
certificate).

apply  The node has joined (a kubelet registered, and it is Ready or renews its Lease), no heal and no reapply: nothing.
       Else the Secret kube-system/bootstrap-token-ID is made or replaced, and those that earlier runs of this
       stack left for this node are deleted, and the API server is asked whether it lets the node join with it.
remove Those Secrets, and the requests of exactly system:node:NODE and system:bootstrap:ID.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from components.identity.expectation import bootstrap_user
from components.local import joining, nodes
from components.local.arguments import Arguments
from components.local.kubectl import PATHS, Json, KubectlError, items, with_query
from components.local.session import Session
from components.local.signing_requests import delete_requests

SECRET_TYPE: Final = "bootstrap.kubernetes.io/token"  # noqa: S105 - the kind of Secret
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


def secret_name(token_id: str) -> str:
    return f"bootstrap-token-{token_id}"


def manifest(
    node: str, stack: str, token_id: str, token_secret: str, *, groups: Sequence[str], expires: datetime
) -> Json:
    """The Secret of a bootstrap token that serves to authenticate, and to nothing else."""
    data = {
        "token-id": token_id,
        "token-secret": token_secret,
        "usage-bootstrap-authentication": "true",
        "usage-bootstrap-signing": "false",
        "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "description": f"kubenode: lets the node {node} join",
    }
    if groups:
        data["auth-extra-groups"] = ",".join(groups)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": SECRET_TYPE,
        "metadata": {
            "name": secret_name(token_id),
            "namespace": "kube-system",
            "labels": labels(node, stack),
        },
        "stringData": data,
    }


def labels(node: str, stack: str) -> dict[str, str]:
    """What marks a token as made by this stack for this node."""
    return {nodes.NODE_LABEL: nodes.label_value(node), nodes.STACK_LABEL: nodes.label_value(stack)}


def apply(session: Session, arguments: Arguments) -> None:
    node, stack = arguments.node(), arguments.text("stack")
    token_id, token_secret = arguments.token_id(), arguments.token_secret()
    seconds = arguments.integer("ttlSeconds", 3600, low=60, high=3600)
    groups = arguments.texts("groups")
    for group in groups:
        if not _GROUP.fullmatch(group):
            raise arguments.mistake("groups", "expected groups that start with system:bootstrappers:")
    now = datetime.now(UTC)
    found, lease = session.kubectl.together(
        lambda: session.kubectl.find(f"{PATHS.nodes}/{node}"),
        lambda: session.kubectl.find(f"{PATHS.leases}/{node}"),
    )
    may_lack = nodes.is_to_heal(found, arguments.text("heal", "")) or _is_of_late(
        arguments.text("reapply", ""), now
    )
    if not may_lack and nodes.is_joined(found, lease, now):
        return
    secret = manifest(
        node, stack, token_id, token_secret, groups=groups, expires=now + timedelta(seconds=seconds)
    )
    path = f"{PATHS.secrets}/{secret_name(token_id)}"
    try:
        session.kubectl.post(PATHS.secrets, secret)
    except KubectlError as error:
        if error.reason != "AlreadyExists":
            raise
        # The type of a Secret is fixed and data that is no longer wanted would stay: made anew, not merged.
        _delete_secret(session, session.kubectl.find(path))
        session.kubectl.post(PATHS.secrets, secret)
    delete_tokens(session, node, stack, keep=secret_name(token_id))
    joining.demand(session, node, f"{token_id}.{token_secret}")


def _is_of_late(moment: str, now: datetime) -> bool:
    """A mark that is no time, or an old one that stayed in the configuration, asks for no token."""
    marked = nodes.read_time(moment) if moment else None
    return marked is not None and timedelta(minutes=-5) < now - marked < timedelta(hours=1)


def remove(session: Session, arguments: Arguments) -> None:
    node, stack, token_id = arguments.node(), arguments.text("stack"), arguments.token_id()
    delete_tokens(session, node, stack)
    _delete_secret(session, session.kubectl.find(f"{PATHS.secrets}/{secret_name(token_id)}"))
    users = {f"system:node:{node}", bootstrap_user(token_id)}
    there = items(session.kubectl.get(PATHS.requests))
    delete_requests(session, [one for one in there if (one.get("spec") or {}).get("username") in users])


def delete_tokens(session: Session, node: str, stack: str, keep: str = "") -> None:
    """Deletes the tokens that this stack made for this node."""
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels(node, stack).items()))
    for secret in items(session.kubectl.get(with_query(PATHS.secrets, labelSelector=selector))):
        if secret["metadata"]["name"] != keep:
            _delete_secret(session, secret)


def _delete_secret(session: Session, secret: Mapping[str, Any] | None) -> None:
    """A Secret of that name which is no bootstrap token is not ours."""
    if secret is not None and secret.get("type") == SECRET_TYPE:
        metadata = secret["metadata"]
        session.kubectl.delete(f"{PATHS.secrets}/{metadata['name']}", metadata["uid"])
