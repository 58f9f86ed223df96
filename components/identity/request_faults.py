"""What is wrong with the request that one of a node's own users sent: all of it, in words.

Owns the check of usages, lifetime, key, signature, subject, names and extensions against what the node may ask for.
Pure. Does not own who sent it (`csr.py`).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ObjectIdentifier

from components.identity.expectation import CLIENT_SIGNER, NODES_GROUP, SERVING_SIGNER, Expectation
from components.identity.request import UNREADABLE, MalformedRequestError, load_request, shown, subject_of

# With or without "key encipherment": the signer takes both for every key type, and kubelets before 1.27 ask
# for it with ECDSA keys too.
_ENCIPHERMENT: Final = "key encipherment"
_USAGES: Final = {
    CLIENT_SIGNER: frozenset({"digital signature", "client auth"}),
    SERVING_SIGNER: frozenset({"digital signature", "server auth"}),
}
_SHORTEST_SECONDS: Final = 600
_LONGEST_SECONDS: Final = 366 * 24 * 3600
_RSA_BITS: Final = (2048, 8192)
_EXTENSION_REQUEST: Final = ObjectIdentifier("1.2.840.113549.1.9.14")


def request_faults(spec: Mapping[str, Any], expectation: Expectation) -> list[str]:
    signer = str(spec.get("signerName"))
    faults = [*_usage_faults(signer, spec.get("usages")), *_expiration_faults(spec.get("expirationSeconds"))]
    try:
        pem = base64.b64decode(str(spec.get("request") or ""), validate=True).decode("ascii")
        request = load_request(pem)
    except (binascii.Error, UnicodeDecodeError, MalformedRequestError) as error:
        return [*faults, f"request: {error}"]
    faults += _signature_faults(request)
    faults += _subject_faults(request, expectation)
    try:
        faults += _name_faults(signer, request, expectation)
    except UNREADABLE as error:
        faults.append(f"request: unreadable attributes or extensions: {error}")
    return faults


def _usage_faults(signer: str, usages: Sequence[str] | None) -> list[str]:
    expected = _USAGES.get(signer)
    if expected is None:
        return []
    found = frozenset(usages or ())
    if found in (expected, expected | {_ENCIPHERMENT}):
        return []
    return [f"usages: expected {', '.join(sorted(expected))}, found {', '.join(sorted(found)) or 'none'}"]


def _expiration_faults(seconds: object) -> list[str]:
    if seconds is None or (isinstance(seconds, int) and _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS):
        return []
    return [
        f"expirationSeconds: expected none or {_SHORTEST_SECONDS} to {_LONGEST_SECONDS}, "
        f"found {shown(seconds)}"
    ]


def _signature_faults(request: x509.CertificateSigningRequest) -> list[str]:
    """Key first: a signature by a key that is refused anyway is not worth a verification."""
    try:
        faults = key_faults(request.public_key())
    except UNREADABLE as error:
        return [f"key: unreadable: {error}"]
    if faults:
        return faults
    try:
        if not isinstance(request.signature_hash_algorithm, (hashes.SHA256, hashes.SHA384, hashes.SHA512)):
            return ["signature: expected SHA-256, SHA-384 or SHA-512"]
        if not request.is_signature_valid:
            return ["signature: not made by the request's own key"]
    except UNREADABLE as error:
        return [f"signature: cannot be verified: {error}"]
    return []


def key_faults(key: object) -> list[str]:
    """What is wrong with a public key, if anything."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1)):
            return []
        return [f"key: expected ECDSA P-256 or P-384, found curve {key.curve.name}"]
    if isinstance(key, rsa.RSAPublicKey):
        shortest, longest = _RSA_BITS
        if not shortest <= key.key_size <= longest:
            return [f"key: expected RSA of {shortest} to {longest} bits, found {key.key_size}"]
        if key.public_numbers().e < 65537:
            return ["key: RSA public exponent smaller than 65537"]
        return []
    return [f"key: expected ECDSA or RSA, found {type(key).__name__}"]


def _subject_faults(request: x509.CertificateSigningRequest, expectation: Expectation) -> list[str]:
    try:
        subject = subject_of(request.subject)
    except UNREADABLE as error:
        return [f"subject: unreadable: {error}"]
    faults: list[str] = []
    if subject.common_name != expectation.node_user:
        faults.append(f"common name: expected {expectation.node_user}, found {shown(subject.common_name)}")
    if subject.organizations != (NODES_GROUP,):
        faults.append(
            f"organization: expected {NODES_GROUP} alone, found {shown(', '.join(subject.organizations))}"
        )
    if subject.other_parts:
        faults.append(f"subject: unexpected {shown(', '.join(subject.other_parts))}")
    elif any(len(list(part)) > 1 for part in request.subject.rdns):
        # Every reader takes it apart in its own way.
        faults.append("subject: unexpected part of several values")
    return faults


def _name_faults(signer: str, request: x509.CertificateSigningRequest, expectation: Expectation) -> list[str]:
    """Subject alternative names, and that nothing else rides along."""
    faults: list[str] = []
    kinds = [attribute.oid for attribute in request.attributes]
    foreign = [kind.dotted_string for kind in kinds if kind != _EXTENSION_REQUEST]
    if foreign:
        faults.append(f"request: unexpected attribute {', '.join(foreign)}")
    if kinds.count(_EXTENSION_REQUEST) > 1:
        faults.append("request: more than one list of extensions")
    names: list[x509.GeneralName] | None = None
    for extension in request.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names = list(extension.value)
        else:
            faults.append(f"request: unexpected extension {extension.oid.dotted_string}")
    if signer == SERVING_SIGNER:
        return faults + _serving_name_faults(names or [], expectation)
    if names is not None:
        found = ", ".join(map(_general_name, names)) or "an empty list"
        faults.append(f"names: a client certificate holds none, found {shown(found)}")
    return faults


def _serving_name_faults(names: Sequence[x509.GeneralName], expectation: Expectation) -> list[str]:
    allowed_dns = set(expectation.dns_names)
    expected_ips = {ipaddress.ip_address(ip) for ip in expectation.node_ips}
    try:
        # A node that is named by an address has that address, and no DNS name, in its certificate.
        expected_ips.add(ipaddress.ip_address(expectation.node))
    except ValueError:
        allowed_dns.add(expectation.node)
    found_ips: set[ipaddress.IPv4Address | ipaddress.IPv6Address] = set()
    faults: list[str] = []
    for name in names:
        if isinstance(name, x509.DNSName):
            if name.value not in allowed_dns:
                faults.append(f"names: unexpected DNS name {shown(name.value)}")
        elif isinstance(name, x509.IPAddress) and isinstance(
            name.value, (ipaddress.IPv4Address, ipaddress.IPv6Address)
        ):
            found_ips.add(name.value)
        else:
            faults.append(f"names: unexpected {shown(_general_name(name))}")
    for extra in sorted(map(str, found_ips - expected_ips)):
        faults.append(f"names: unexpected IP address {extra}")
    for missing in sorted(map(str, expected_ips - found_ips)):
        faults.append(f"names: IP address {missing} of the node is missing")
    return faults


def _general_name(name: x509.GeneralName) -> str:
    return f"{type(name).__name__} {name.value}"
