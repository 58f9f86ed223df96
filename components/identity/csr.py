"""Decides whether a certificate signing request is exactly the one that a node of ours may send.

Owns the judgement of one CertificateSigningRequest object against what is known of the node: whose it is, whether that
user may ask this signer, and with `request_faults.py` whether what is asked for is right. Pure: no clock, no API, no
Pulumi. Does not own approving (that is `components.local.csr_approval`), nor finding requests; and it never looks at a
request's name, which proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from components.identity import foreign
from components.identity.expectation import (
    CLIENT_SIGNER,
    NODE_PREFIX,
    NODES_GROUP,
    SERVING_SIGNER,
    Expectation,
)
from components.identity.request import UNREADABLE, first_request, shown, subject_of
from components.identity.request_faults import request_faults


class Standing(Enum):
    """What is to be done with a request."""

    FOREIGN = "foreign"
    """Somebody else's, and never touched; with reasons if it is to be told of (`foreign.py`)."""
    SETTLED = "settled"
    """Ours, and approved, denied or failed already."""
    EXPECTED = "expected"
    """Ours, pending, and exactly what the node may ask for."""
    REFUSED = "refused"
    """Sent by our node's user, pending, and not what the node may ask for."""


@dataclass(frozen=True)
class Judgement:
    """The standing of a request, with every reason against it."""

    standing: Standing
    reasons: tuple[str, ...] = ()


def judge(request: Mapping[str, Any], expectation: Expectation) -> Judgement:
    """Judges one CertificateSigningRequest object of certificates.k8s.io/v1."""
    spec = request.get("spec")
    if not isinstance(spec, Mapping):
        return Judgement(Standing.FOREIGN)
    username = spec.get("username")
    known = {expectation.node_user}
    if expectation.bootstrap_user:
        known.add(expectation.bootstrap_user)
    if username not in known:
        is_approved = _has(request, "Approved")
        if is_settled(request) and not is_approved:
            return Judgement(Standing.FOREIGN)
        return Judgement(Standing.FOREIGN, foreign.told(spec, expectation, is_approved=is_approved))
    if expectation.bootstrap_user_is_shared and username == expectation.bootstrap_user:
        asked = requested_node(request)
        if asked is not None and asked != expectation.node:
            is_open = not is_settled(request)
            reason = f"requestor: {username} asks for {shown(asked)}, which is no node of this stack"
            return Judgement(Standing.FOREIGN, (reason,) if is_open else ())
    if is_settled(request):
        return Judgement(Standing.SETTLED)
    reasons = [*_requestor_faults(spec, expectation), *request_faults(spec, expectation)]
    return Judgement(Standing.REFUSED, tuple(reasons)) if reasons else Judgement(Standing.EXPECTED)


def is_settled(request: Mapping[str, Any]) -> bool:
    """Whether somebody has decided on the request: approved, denied, failed or issued."""
    status = request.get("status") or {}
    if status.get("certificate"):
        return True
    return _has(request, "Approved", "Denied", "Failed")


def _has(request: Mapping[str, Any], *kinds: str) -> bool:
    conditions = (request.get("status") or {}).get("conditions") or ()
    return any(one.get("type") in kinds for one in conditions)


def requested_node(request: Mapping[str, Any]) -> str | None:
    """The node whose name is the common name of a request; None where that is no node's, or cannot be read."""
    found = first_request(request.get("spec") or {})
    try:
        name = subject_of(found.subject).common_name if found is not None else ""
    except UNREADABLE:
        return None
    return name.removeprefix(NODE_PREFIX) if name.startswith(NODE_PREFIX) else None


def _requestor_faults(spec: Mapping[str, Any], expectation: Expectation) -> list[str]:
    """The user is one of ours: is this signer, and are these groups, right for that user?"""
    signer = spec.get("signerName")
    groups = frozenset(str(group) for group in spec.get("groups") or ())
    faults: list[str] = []
    if signer not in (CLIENT_SIGNER, SERVING_SIGNER):
        faults.append(f"signer: expected {CLIENT_SIGNER} or {SERVING_SIGNER}, found {shown(signer)}")
    if spec.get("username") == expectation.node_user:
        if NODES_GROUP not in groups:
            faults.append(f"requestor: {expectation.node_user} without the group {NODES_GROUP}")
        return faults
    if signer == SERVING_SIGNER:
        faults.append(
            f"requestor: a serving certificate is asked for by {expectation.node_user}, "
            f"not by {expectation.bootstrap_user}"
        )
    missing = [group for group in expectation.bootstrap_groups if group not in groups]
    if missing:
        faults.append(f"requestor: {expectation.bootstrap_user} without the group {', '.join(missing)}")
    return faults
