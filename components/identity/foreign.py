"""What a request of somebody else asks for, as far as it is to be told of. Pure.

Owns the words. Nothing here approves, so a name is taken for ours however it is written. Does not own whose a request
is (`csr.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from components.identity.expectation import CLIENT_SIGNER, NODE_PREFIX, SERVING_SIGNER, Expectation
from components.identity.request import UNREADABLE, alternative_names, first_request, shown

_BOOTSTRAPPERS: Final = "system:bootstrappers"
_BOOTSTRAP_PREFIX: Final = "system:bootstrap:"


def told(spec: Mapping[str, Any], expectation: Expectation, *, is_approved: bool = False) -> tuple[str, ...]:
    """A reason each; none if it is a request of another node, or of no kubelet's signer, that has nothing of ours.

    Of one that somebody approved, as RBAC does, only what it has of ours.
    """
    username, signer = spec.get("username"), spec.get("signerName")
    request = first_request(spec)
    claims = list(_claims(request, expectation)) if request is not None else []
    if claims:
        end = ", and it was approved" if is_approved else ""
        return tuple(
            f"requestor: {shown(username)} asks for the {claim} of this node{end}" for claim in claims
        )
    if is_approved:
        return ()
    if signer not in (CLIENT_SIGNER, SERVING_SIGNER) or (request and _is_of_a_node(spec, request)):
        return ()
    what = ", ".join(shown(name) for name in _common_names(request)) if request is not None else ""
    return (f"requestor: {shown(username)} asks {signer} for {what or 'something that cannot be read'}",)


def _claims(request: x509.CertificateSigningRequest, expectation: Expectation) -> Iterator[str]:
    if _plain(expectation.node_user) in map(_plain, _common_names(request)):
        yield "name"
    try:
        names = {_plain(str(name.value)) for name in alternative_names(request)}
    except UNREADABLE:
        return
    if _plain(expectation.node) in names:
        yield "host name"
    if names & set(map(_plain, expectation.node_ips)):
        yield "address"


def _is_of_a_node(spec: Mapping[str, Any], request: x509.CertificateSigningRequest) -> bool:
    """Whether a node of somebody else asks for itself, or a kubelet that joins."""
    names = _common_names(request)
    if len(names) != 1 or not names[0].startswith(NODE_PREFIX):
        return False
    username = str(spec.get("username"))
    joins = username.startswith(_BOOTSTRAP_PREFIX) or _BOOTSTRAPPERS in (spec.get("groups") or ())
    return username == names[0] or joins


def _common_names(request: x509.CertificateSigningRequest) -> list[str]:
    """All of them: of several the API server reads the last, others the first."""
    try:
        return [str(one.value) for one in request.subject if one.oid == NameOID.COMMON_NAME]
    except UNREADABLE:
        return []


def _plain(name: str) -> str:
    """One writing of a name or an address."""
    name = name.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    return str(getattr(address, "ipv4_mapped", None) or address)
