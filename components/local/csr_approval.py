"""Approves exactly the certificate requests of one node, until the API server reaches its kubelet with
verified TLS.

Arguments: node, nodeIp (several with commas), dnsNames (optional, further names of the serving certificate),
tokenId (optional: none when the node does not bootstrap by token), bootstrapUser (optional: the exact user
name where it is none of a token, which all nodes share), groups (optional: groups that the bootstrap user
must have), stack, timeoutSeconds 180, serving true (false: the node only has to join), serverTlsBootstrap true
(false: the kubelet is given its serving certificate), approval exact (rbac: the cluster approves client requests by
itself; manual: nothing is approved here), tokenSecret (manual: makes the node's token anew while it waits), heal
(optional: the node has joined long ago and lost its certificate, so that only a sign of life from now on counts).

apply  Looks for pending requests of exactly these users, approves those that `components.identity.csr` finds
       in order, and reports the others, and those of anybody else for this node's name or address; it never
       denies. Ends when the kubelet has joined and answers; then
       deletes the node's bootstrap tokens. With approval manual it ends with an error as soon as a request in order
       waits, which tells what to approve and how; the next run goes on.
remove Nothing: an approval cannot be taken back. Requests go with bootstrap-token, or leftovers.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from components.identity.expectation import (
    BOOTSTRAPPERS_GROUP,
    SERVING_SIGNER,
    Expectation,
    bootstrap_user,
)
from components.local import bootstrap_token, nodes
from components.local.approval import approve
from components.local.arguments import Arguments
from components.local.bootstrap_token import delete_tokens
from components.local.csr_report import Story, left_alone, missing, report, to_approve, told_of_others
from components.local.csr_sight import Reach, Sight, is_alive, is_done, is_given_up, look
from components.local.errors import Failure
from components.local.kubectl import Json
from components.local.session import Session
from components.local.waiting import GIVEN_UP_SECONDS, Wait

_APPROVALS: Final = ("exact", "rbac", "manual")
_MESSAGE: Final = "kubenode: exactly the request that this node may send"


def apply(session: Session, arguments: Arguments) -> None:
    expected = expectation(arguments)
    serving = arguments.flag("serving", default=True)
    asks = arguments.flag("serverTlsBootstrap", default=True)
    approval = arguments.text("approval", "exact")
    if approval not in _APPROVALS:
        raise arguments.mistake("approval", f"expected {', '.join(_APPROVALS)}")
    if arguments.has("tokenSecret"):
        bootstrap_token.apply(session, arguments)
    wait = Wait(arguments.integer("timeoutSeconds", 180, low=1), expected.node)
    story = Story()
    heal = arguments.text("heal", "")
    first: Sight | None = None
    while True:
        sight = look(session, expected, serving=serving, asks=asks)
        first = first or sight
        mute = nodes.is_to_heal(first.node, heal) and not is_alive(sight, nodes.renewed(first.lease))
        by_hand = approval == "manual"
        if by_hand and (waiting := sight.expected if mute else sight.waited_for):
            # Who approves by hand is to see what else is there.
            beside = left_alone(session, sight, expected, arguments.text("stack"))
            raise Failure("\n".join((to_approve(expected.node, waiting), *beside)))
        for request in [] if by_hand else sight.expected:
            if _is_ours_to_approve(request, approval) and approve(session, request, _MESSAGE):
                story.approved[request["metadata"]["uid"]] = request["metadata"]["name"]
                wait.hurry()
        if is_done(sight, serving=serving, by_hand=by_hand) and not mute:
            break
        # A node that is to be healed is silent, and is known to be.
        given_up = not mute and is_given_up(sight) and wait.elapsed >= GIVEN_UP_SECONDS
        if wait.expired or given_up:
            told = report(
                sight, expected, story, wait.elapsed, serving=serving, mute=mute, given_up=not wait.expired
            )
            lines = told_of_others(session, sight, expected, arguments.text("stack"))
            raise Failure("\n".join((told, *lines)))
        wait.pause(f"for its kubelet: {missing(sight, serving=serving, mute=mute)}")
    for line in left_alone(session, sight, expected, arguments.text("stack")):
        session.say(line)
    if serving and sight.reach is Reach.REFUSED:
        session.say(
            "its kubelet refuses the API server's client certificate, so logs and exec will fail: "
            "check --kubelet-client-certificate of the API server and the node's CA file"
        )
    delete_tokens(session, expected.node, arguments.text("stack"))


def expectation(arguments: Arguments) -> Expectation:
    """What the node may ask for, from the arguments."""
    node = arguments.node()
    ips = tuple(one.strip() for one in arguments.text("nodeIp").split(","))
    for ip in ips:
        try:
            ipaddress.ip_address(ip)
        except ValueError:
            raise arguments.mistake("nodeIp", "expected an IP address, for example 10.0.0.7") from None
    user = arguments.text("bootstrapUser", "")
    groups = arguments.texts("groups")
    if arguments.text("tokenId", ""):
        user = bootstrap_user(arguments.token_id())
        groups = (BOOTSTRAPPERS_GROUP, *groups)
    is_shared = bool(user) and not arguments.text("tokenId", "")
    return Expectation(node, ips, arguments.texts("dnsNames"), user, groups, is_shared)


def _is_ours_to_approve(request: Json, approval: str) -> bool:
    """With approval rbac the cluster approves requests for clients; those for servers it never does."""
    return approval == "exact" or request["spec"].get("signerName") == SERVING_SIGNER
