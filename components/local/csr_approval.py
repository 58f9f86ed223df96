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
remove The requests of exactly this node, where no bootstrap-token does it.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from cryptography import x509

from components.identity.csr import (
    SERVING_SIGNER,
    Expectation,
    Judgement,
    Standing,
    bootstrap_user,
    described,
    judge,
    requested_node,
)
from components.local import bootstrap_token, nodes
from components.local.arguments import Arguments
from components.local.bootstrap_token import delete_tokens
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, KubectlError, items, path
from components.local.session import Session
from components.local.waiting import Wait

_PROBE_SECONDS: Final = 5
# A kubelet that the control plane has given up, and that is started by this run, reports within seconds of its start.
_GIVEN_UP_SECONDS: Final = 30
_APPROVALS: Final = ("exact", "rbac", "manual")


class Reach(Enum):
    """How far the API server gets towards the kubelet."""

    REACHED = "the kubelet answers with verified TLS"
    REFUSED = "the kubelet answers with verified TLS, but refuses the API server's client certificate"
    NO_CERTIFICATE = "the kubelet has no serving certificate yet"
    UNTRUSTED = "the kubelet's serving certificate is not accepted by the API server"
    SILENT = "the kubelet does not answer"
    OUTDATED = "the kubelet still runs with its configuration from before"
    FORBIDDEN = "this kubeconfig may not use nodes/proxy"


@dataclass(frozen=True)
class Sight:
    """What one look at the cluster showed."""

    requests: list[tuple[Json, Judgement]]
    node: Json | None
    lease: Json | None
    reach: Reach
    probe: str
    foreign: list[tuple[Json, Judgement]] = field(default_factory=list)
    """Pending requests of others for this node."""

    @property
    def joined(self) -> bool:
        return (
            self.node is not None and bool(nodes.view(self.node).kubelet_version) and self.lease is not None
        )


@dataclass
class Story:
    """What happened over the whole run, for the error at its end."""

    approved: dict[str, str] = field(default_factory=dict)
    """Names of the requests that we approved, by UID."""


def classify(error: str) -> Reach:
    """Reads what kubectl said when it asked the kubelet for /healthz through the API server."""
    if 'cannot get resource "nodes/proxy"' in error or 'cannot get resource "nodes/healthz"' in error:
        return Reach.FORBIDDEN
    if "Forbidden (user=" in error or "(Unauthorized)" in error:
        return Reach.REFUSED
    if "remote error: tls: internal error" in error:
        return Reach.NO_CERTIFICATE
    if "x509: " in error or "tls: " in error:
        return Reach.UNTRUSTED
    return Reach.SILENT


def is_alive(sight: Sight, first_renewal: datetime | None) -> bool:
    """Whether the kubelet has spoken to the API server of late: what a Node says of one that fell silent is old."""
    if sight.node is not None and nodes.view(sight.node).is_ready:
        return True
    return nodes.renewed(sight.lease) not in (None, first_renewal)


def is_done(sight: Sight, *, serving: bool) -> bool:
    """Whether nothing is left to do."""
    if any(judgement.standing is Standing.EXPECTED for _, judgement in sight.requests):
        return False
    return sight.joined and (not serving or sight.reach in (Reach.REACHED, Reach.REFUSED))


def is_given_up(sight: Sight) -> bool:
    """Whether there was a kubelet that is gone: it asks for nothing, and the control plane does not count on it."""
    return (
        sight.joined
        and not any(found.standing is Standing.EXPECTED for _, found in sight.requests)
        and sight.node is not None
        and nodes.is_unreachable(sight.node)
        and sight.reach is Reach.SILENT
    )


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
        groups = ("system:bootstrappers", *groups)
    is_shared = bool(user) and not arguments.text("tokenId", "")
    return Expectation(node, ips, arguments.texts("dnsNames"), user, groups, is_shared)


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
        sight = _look(session, expected, serving=serving, asks=asks)
        first = first or sight
        mute = nodes.is_to_heal(first.node, heal) and not is_alive(sight, nodes.renewed(first.lease))
        waiting = [
            request for request, judgement in sight.requests if judgement.standing is Standing.EXPECTED
        ]
        if approval == "manual" and waiting:
            raise Failure(to_approve(expected.node, waiting))
        for request in waiting:
            if _is_ours_to_approve(request, approval) and _approve(session, request):
                story.approved[request["metadata"]["uid"]] = request["metadata"]["name"]
                wait.hurry()
        if is_done(sight, serving=serving) and not mute:
            break
        # A node that is to be healed is silent, and is known to be.
        given_up = not mute and is_given_up(sight) and wait.elapsed >= _GIVEN_UP_SECONDS
        if wait.expired or given_up:
            told = report(sight, expected, story, wait.elapsed, serving=serving, mute=mute)
            lines = _told_of_others(session, sight, expected, arguments.text("stack"))
            raise Failure("\n".join((told, *lines)))
        wait.pause(f"for its kubelet: {_missing(sight, serving=serving, mute=mute)}")
    for request, judgement in sight.requests:
        if judgement.standing is Standing.REFUSED:
            session.say(f"request {request['metadata']['name']} not approved: {'; '.join(judgement.reasons)}")
    for line in _told_of_others(session, sight, expected, arguments.text("stack")):
        session.say(line)
    if serving and sight.reach is Reach.REFUSED:
        session.say(
            "its kubelet refuses the API server's client certificate, so logs and exec will fail: "
            "check --kubelet-client-certificate of the API server and the node's CA file"
        )
    delete_tokens(session, expected.node, arguments.text("stack"))


def remove(session: Session, arguments: Arguments) -> None:
    """An approval cannot be taken back; requests go with the bootstrap token, or here where there is none.

    Those of a node in service stay: it is this command alone that goes, to be made anew.
    """
    if arguments.has("tokenId"):
        return
    expected = expectation(arguments)
    found = session.kubectl.find(f"{PATHS.nodes}/{expected.node}")
    if found is not None and not nodes.view(found).is_tainted:
        return
    for request in items(session.kubectl.get(PATHS.requests)):
        user = (request.get("spec") or {}).get("username")
        is_shared = expected.bootstrap_user and user == expected.bootstrap_user
        if user == expected.node_user or (is_shared and requested_node(request) == expected.node):
            session.kubectl.delete(
                f"{PATHS.requests}/{request['metadata']['name']}", request["metadata"]["uid"]
            )


def _told_of_others(session: Session, sight: Sight, expected: Expectation, stack: str) -> list[str]:
    """One line for each; but a node of this stack that bootstraps as the same user looks after its own."""
    lines: list[str] = []
    for request, judgement in sight.foreign:
        asked = requested_node(request)
        if asked and asked != expected.node and request["spec"].get("username") == expected.bootstrap_user:
            found = session.kubectl.find(path("api", "v1", "nodes", asked))
            if found is not None and nodes.view(found).claim == stack:
                continue
        lines.append(
            f"request {request['metadata']['name']} of others left alone: {'; '.join(judgement.reasons)}"
        )
    return lines


def to_approve(node: str, waiting: Sequence[Json]) -> str:
    """The error that asks a human to approve: the newest request, for the kubelet has given up the others."""
    request = max(waiting, key=lambda one: str(one["metadata"].get("creationTimestamp")))
    name, spec = request["metadata"]["name"], request["spec"]
    lines = [
        f"{node}: the request {name} waits for your approval. It is what this node may ask for:",
        f"signer: {spec['signerName']}",
        f"requestor: {spec['username']}",
        *described(spec["request"]),
        f"usages: {', '.join(spec.get('usages') or ())}",
    ]
    if len(waiting) > 1:
        lines.append(f"older requests, which the kubelet has given up: {len(waiting) - 1}")
    lines.append(
        f"Next: kubectl certificate approve {name}; then run again. The kubelet waits, and nothing is taken back"
    )
    return "\n".join(lines)


def _is_ours_to_approve(request: Json, approval: str) -> bool:
    """With approval rbac the cluster approves requests for clients; those for servers it never does."""
    return approval == "exact" or request["spec"].get("signerName") == SERVING_SIGNER


def report(
    sight: Sight, expected: Expectation, story: Story, seconds: float, *, serving: bool, mute: bool = False
) -> str:
    """The error of a run that waited in vain: what for, what was seen, what to do next."""
    missing = _missing(sight, serving=serving, mute=mute)
    lines = [
        f"{expected.node}: after {seconds:.0f} s (timeouts.csrSeconds): {missing}",
        f"awaited: {_awaited(serving=serving)}",
    ]
    if sight.node is None:
        lines.append("Node: there is none")
    else:
        lines.append(f"Node: {nodes.view(sight.node).conditions}")
    if serving and sight.probe:
        lines.append(f"API server to kubelet: {sight.reach.value}: {sight.probe}")
    for request, judgement in sight.requests:
        lines.append(f"request {request['metadata']['name']}: {_outcome(request, judgement, story)}")
    if not sight.requests:
        users = " or ".join(user for user in (expected.bootstrap_user, expected.node_user) if user)
        lines.append(f"requests of {users}: none")
    lines.append(f"Next: {_advice(sight, expected)}")
    return "\n".join(lines)


def _outcome(request: Mapping[str, Any], judgement: Judgement, story: Story) -> str:
    if judgement.standing is Standing.REFUSED:
        return "not approved: " + "; ".join(judgement.reasons)
    if judgement.standing is Standing.EXPECTED:
        return "in order, not approved yet"
    status = request.get("status") or {}
    bad = _rejection(request)
    if bad is not None:
        words = f"{bad['type']} {bad.get('reason', '')} {bad.get('message', '')}"
        return " ".join(words.split())[:300]
    by = "by this run" if request["metadata"]["uid"] in story.approved else "before"
    if not status.get("certificate"):
        return f"approved {by}, but no signer has issued the certificate"
    end = _end(status["certificate"])
    if end is not None and end <= datetime.now(UTC):
        return f"approved {by}, and its certificate ended on {end:%Y-%m-%d} at {end:%H:%M} UTC"
    return f"approved {by}, certificate issued"


def _rejection(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The condition by which somebody denied a request, or a signer failed at it."""
    conditions = (request.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") in ("Denied", "Failed")), None)


def _end(certificate: str) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(base64.b64decode(certificate)).not_valid_after_utc
    except ValueError:
        return None


def _missing(sight: Sight, *, serving: bool, mute: bool) -> str:
    if sight.node is None or not nodes.view(sight.node).kubelet_version:
        return "no kubelet has registered as this node"
    if sight.lease is None:
        return "the kubelet has registered, but has no Lease yet"
    if mute:
        return "the kubelet has not spoken to the API server since it lost its certificate"
    return sight.reach.value if serving else "joined"


def _awaited(*, serving: bool) -> str:
    then = ", whose serving certificate the API server accepts" if serving else ""
    return f"a kubelet that registers as this node and renews its Lease{then}"


def _advice(sight: Sight, expected: Expectation) -> str:
    refused = [one["metadata"]["name"] for one, found in sight.requests if found.standing is Standing.REFUSED]
    if refused:
        return (
            f"kubectl get csr {refused[0]} -o yaml; "
            "then mend what the node asks for (nodeIp, node name) and run again"
        )
    undone = [
        request
        for request, found in sight.requests
        if found.standing is Standing.SETTLED and not (request.get("status") or {}).get("certificate")
    ]
    rejected = [str(one["metadata"]["name"]) for one in undone if _rejection(one) is not None]
    waiting = [str(one["metadata"]["name"]) for one in undone if _rejection(one) is None]
    if rejected and not waiting:
        return (
            f"kubectl get csr {rejected[-1]} -o yaml says who would not have it; when that is settled, run again: "
            "the kubelet asks again by itself"
        )
    if waiting:
        return f"is --cluster-signing-cert-file set on the controller manager? kubectl get csr {waiting[0]}"
    return _advice_on_silence(sight, expected)


def _advice_on_silence(sight: Sight, expected: Expectation) -> str:
    """Where no request stands in the way."""
    if sight.reach is Reach.UNTRUSTED:
        return (
            "compare the API server's --kubelet-certificate-authority with the CA that signs requests "
            "(--cluster-signing-cert-file of the controller manager)"
        )
    if sight.reach is Reach.FORBIDDEN:
        return "kubectl auth can-i get nodes --subresource=proxy"
    if is_given_up(sight):
        return f"bring its host back; if it is gone for good: make forget NODE={expected.node}"
    # This program sees the cluster only, and runs beside the kubelet's own command, which sees the host.
    return (
        f"if {expected.node}-kubelet failed in this run, its error says why; "
        f"else on the host {expected.node_ips[0]}: systemctl status kubelet; journalctl -u kubelet -n 50; "
        f"and kubectl describe node {expected.node}"
    )


def _look(session: Session, expected: Expectation, *, serving: bool, asks: bool) -> Sight:
    def probe() -> tuple[Reach, str]:
        if not serving:
            return Reach.SILENT, ""
        try:
            session.kubectl.read(
                f"{PATHS.nodes}/{expected.node}/proxy/healthz", timeout_seconds=_PROBE_SECONDS
            )
        except KubectlError as error:
            return classify(error.stderr), error.stderr[-400:]
        found = running_configuration(session, expected.node)
        # One that was told otherwise since has not restarted yet, and will then show another certificate.
        if found is not None and bool(found.get("serverTLSBootstrap")) is not asks:
            return Reach.OUTDATED, f"serverTLSBootstrap is {json.dumps(not asks)}"
        return Reach.REACHED, ""

    requests, node, lease, (reach, text) = session.kubectl.together(
        lambda: items(session.kubectl.get(PATHS.requests)),
        lambda: session.kubectl.find(f"{PATHS.nodes}/{expected.node}"),
        lambda: session.kubectl.find(f"{PATHS.leases}/{expected.node}"),
        probe,
    )
    judged = [(request, judge(request, expected)) for request in requests]
    ours = [
        (request, judgement) for request, judgement in judged if judgement.standing is not Standing.FOREIGN
    ]
    foreign = [one for one in judged if one[1].standing is Standing.FOREIGN and one[1].reasons]
    return Sight(ours, node, lease, reach, text, foreign)


def running_configuration(session: Session, node: str) -> Json | None:
    """The KubeletConfiguration that the kubelet runs with; None if it cannot be asked."""
    try:
        text = session.kubectl.read(f"{PATHS.nodes}/{node}/proxy/configz", timeout_seconds=_PROBE_SECONDS)
        found = json.loads(text)["kubeletconfig"]
    except (KubectlError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _approve(session: Session, request: Json) -> bool:
    """Approves the very object that was checked.

    Not `kubectl certificate approve NAME`, which approves whatever has that name by then: the object goes
    back with its UID and resourceVersion, and the API server refuses it if it is any other.
    """
    approved = with_approval(request, "kubenode: exactly the request that this node may send")
    try:
        session.kubectl.put(f"{PATHS.requests}/{request['metadata']['name']}/approval", approved)
    except KubectlError as error:
        # Invalid: by somebody else, a moment ago.
        if error.reason in ("Conflict", "NotFound", "Invalid"):
            return False
        raise
    return True


def with_approval(request: Mapping[str, Any], message: str) -> Json:
    """The request with the condition Approved."""
    status = dict(request.get("status") or {})
    condition = {"type": "Approved", "status": "True", "reason": "KubenodeApproved", "message": message}
    status["conditions"] = [*(status.get("conditions") or ()), condition]
    return {**request, "status": status}
