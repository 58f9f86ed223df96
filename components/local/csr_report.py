"""What csr-approval says to a human: what to approve, what it waited for in vain, and what others ask for.

Owns the words, and the advice that goes with what was seen. Does not own the looking (`csr_sight.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509

from components.identity.csr import Judgement, Standing, requested_node
from components.identity.expectation import Expectation
from components.identity.request import described
from components.local import nodes, ways_out
from components.local.csr_sight import Reach, Sight, is_given_up
from components.local.kubectl import Json, path
from components.local.session import Session

# Requests of each kind that one run tells of.
_MOST: Final = 50


@dataclass
class Story:
    """What happened over the whole run, for the error at its end."""

    approved: dict[str, str] = field(default_factory=dict)
    """Names of the requests that we approved, by UID."""


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
        lines.append(f"older ones in order, of which a kubelet has given up its own: {len(waiting) - 1}")
    lines.append(
        f"Next: kubectl certificate approve {name}; then run again. The kubelet waits, and nothing is taken back"
    )
    return "\n".join(lines)


def report(
    sight: Sight,
    expected: Expectation,
    story: Story,
    seconds: float,
    *,
    serving: bool,
    mute: bool = False,
    given_up: bool = False,
) -> str:
    """The error of a run that waited in vain: what for, what was seen, what to do next.

    `given_up`: before its time, since there is nobody to wait for.
    """
    lacking = missing(sight, serving=serving, mute=mute)
    lines = [
        f"{expected.node}: after {seconds:.0f} s{'' if given_up else ' (timeouts.csrSeconds)'}: {lacking}",
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


def left_alone(session: Session, sight: Sight, expected: Expectation, stack: str) -> list[str]:
    """A line for each request that nobody approves here: of this node's own users, and of others."""
    refused = [
        f"request {request['metadata']['name']} not approved: {'; '.join(judgement.reasons)}"
        for request, judgement in sight.requests
        if judgement.standing is Standing.REFUSED
    ]
    if len(refused) > _MOST:
        refused[_MOST:] = [f"and {len(refused) - _MOST} more that are not approved: kubectl get csr"]
    return [*refused, *told_of_others(session, sight, expected, stack)]


def told_of_others(session: Session, sight: Sight, expected: Expectation, stack: str) -> list[str]:
    """One line for each; but a node of this stack that bootstraps as the same user looks after its own."""
    lines: list[str] = []
    for number, (request, judgement) in enumerate(sight.foreign):
        if len(lines) == _MOST:
            lines.append(f"and {len(sight.foreign) - number} more requests of others: kubectl get csr")
            break
        asked = requested_node(request)
        if asked and asked != expected.node and request["spec"].get("username") == expected.bootstrap_user:
            found = session.kubectl.find(path("api", "v1", "nodes", asked))
            if found is not None and nodes.view(found).claim == stack:
                continue
        lines.append(
            f"request {request['metadata']['name']} of others left alone: {'; '.join(judgement.reasons)}"
        )
    return lines


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


def missing(sight: Sight, *, serving: bool, mute: bool) -> str:
    """What is still awaited, in a few words."""
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
        besides = _advice_on_silence(sight, expected)
        return (
            f"kubectl get csr {refused[0]} -o yaml; if its kubelet sent that, mend what the node asks for (nodeIp, "
            f"node name); if not, somebody else has its identity. If that is not it: {besides}"
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
        claim = nodes.view(sight.node).claim if sight.node else None
        return ways_out.after_giving_up(expected.node, claim)
    # This program sees the cluster only, and runs beside the kubelet's own command, which sees the host.
    return (
        f"if {expected.node}-kubelet failed in this run, its error says why; "
        f"else on the host {expected.node_ips[0]}: systemctl status kubelet; journalctl -u kubelet -n 50; "
        f"and kubectl describe node {expected.node}"
    )
