"""Decides whether a certificate signing request is exactly the one that a node of ours may send.

Owns the check of one CertificateSigningRequest object against what is known of the node: signer, requestor,
subject, names, usages, key and signature. Pure: no clock, no API, no Pulumi. Does not own approving (that is
`components.local.csr_approval`), nor finding requests; and it never looks at a request's name, which proves
nothing.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

# X.509 limits a common name to 64 letters, which no part of Kubernetes heeds: a node's name may have 63, and its user's
# has 12 more. What must be right of it is compared here.
warnings.filterwarnings("ignore", message="Attribute's length must be ")

CLIENT_SIGNER: Final = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER: Final = "kubernetes.io/kubelet-serving"
NODES_GROUP: Final = "system:nodes"
NODE_PREFIX: Final = "system:node:"
BOOTSTRAPPERS_GROUP: Final = "system:bootstrappers"

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
_LONGEST_REQUEST: Final = 16 * 1024
_EXTENSION_REQUEST: Final = ObjectIdentifier("1.2.840.113549.1.9.14")

# The API server reads the first PEM block and ignores what stands around it. Two readers of one text may then
# see two requests, so here the text must be one block and nothing else.
_ONE_REQUEST: Final = re.compile(
    r"\A-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)\n-----END CERTIFICATE REQUEST-----\n?\Z"
)


class Standing(Enum):
    """What is to be done with a request."""

    FOREIGN = "foreign"
    """Somebody else's, and never touched; with reasons if it asks for our node's name or address."""
    SETTLED = "settled"
    """Ours, and approved, denied or failed already."""
    EXPECTED = "expected"
    """Ours, pending, and exactly what the node may ask for."""
    REFUSED = "refused"
    """Sent by our node's user, pending, and not what the node may ask for."""


@dataclass(frozen=True)
class Expectation:
    """What one node may ask for."""

    node: str
    node_ips: tuple[str, ...]
    dns_names: tuple[str, ...] = ()
    """Further names that the serving certificate may hold; the node's own name is always among them."""
    bootstrap_user: str = ""
    """Exact user name of the node's bootstrap identity; empty when it has none."""
    bootstrap_groups: tuple[str, ...] = ()
    """Groups that a request of the bootstrap user must show."""
    bootstrap_user_is_shared: bool = False
    """Whether other nodes bootstrap as the same user: its requests for other nodes are theirs."""

    @property
    def node_user(self) -> str:
        return f"{NODE_PREFIX}{self.node}"


@dataclass(frozen=True)
class Judgement:
    """The standing of a request, with every reason against it."""

    standing: Standing
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """Common name and organizations of a request or certificate, and whether it holds anything else."""

    common_name: str
    organizations: tuple[str, ...]
    other_parts: tuple[str, ...] = ()


class MalformedRequestError(ValueError):
    """The text is no single well-formed request."""


def bootstrap_user(token_id: str) -> str:
    """The user name that the API server gives to a bootstrap token."""
    return f"system:bootstrap:{token_id}"


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
        claims = () if is_settled(request) else _claims(spec, expectation)
        found = tuple(f"requestor: {_shown(username)} asks for the {claim} of this node" for claim in claims)
        return Judgement(Standing.FOREIGN, found)
    if expectation.bootstrap_user_is_shared and username == expectation.bootstrap_user:
        asked = requested_node(request)
        if asked is not None and asked != expectation.node:
            is_open = not is_settled(request)
            reason = f"requestor: {username} asks for {_shown(asked)}, which is no node of this stack"
            return Judgement(Standing.FOREIGN, (reason,) if is_open else ())
    if is_settled(request):
        return Judgement(Standing.SETTLED)
    reasons = [*_requestor_faults(spec, expectation), *_request_faults(spec, expectation)]
    return Judgement(Standing.REFUSED, tuple(reasons)) if reasons else Judgement(Standing.EXPECTED)


def is_settled(request: Mapping[str, Any]) -> bool:
    """Whether somebody has decided on the request: approved, denied, failed or issued."""
    status = request.get("status") or {}
    if status.get("certificate"):
        return True
    return any(one.get("type") in ("Approved", "Denied", "Failed") for one in status.get("conditions") or ())


def requested_node(request: Mapping[str, Any]) -> str | None:
    """The node whose name is the common name of a request; None where that is no node's, or cannot be read."""
    found = _first_request(request.get("spec") or {})
    try:
        name = subject_of(found.subject).common_name if found is not None else ""
    except ValueError:
        return None
    return name.removeprefix(NODE_PREFIX) if name.startswith(NODE_PREFIX) else None


def load_request(pem: str) -> x509.CertificateSigningRequest:
    """Reads exactly one PEM request."""
    if len(pem) > _LONGEST_REQUEST:
        raise MalformedRequestError(f"longer than {_LONGEST_REQUEST} bytes")
    found = _ONE_REQUEST.match(pem.replace("\r\n", "\n"))
    if found is None:
        raise MalformedRequestError("not exactly one PEM block of type CERTIFICATE REQUEST")
    try:
        return x509.load_der_x509_csr(base64.b64decode(found.group(1).replace("\n", ""), validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedRequestError(f"no readable request: {error}") from error


def subject_of(name: x509.Name) -> Subject:
    """Takes a distinguished name apart."""
    common_names: list[str] = []
    organizations: list[str] = []
    others: list[str] = []
    for attribute in name:
        value = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
        if attribute.oid == NameOID.ORGANIZATION_NAME:
            organizations.append(value)
        elif attribute.oid == NameOID.COMMON_NAME and not common_names:
            common_names.append(value)
        else:
            others.append(f"{attribute.rfc4514_attribute_name}={value}")
    return Subject("".join(common_names), tuple(organizations), tuple(others))


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


def described(encoded: str) -> list[str]:
    """What a request that is in order asks for, one line each, for a human to look at."""
    request = load_request(base64.b64decode(encoded).decode("ascii"))
    subject, key = subject_of(request.subject), request.public_key()
    kind = f"ECDSA {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else "RSA"
    lines = [
        f"common name: {subject.common_name}",
        f"organization: {', '.join(subject.organizations)}",
        f"key: {kind}",
    ]
    names = [
        str(name.value)
        for extension in request.extensions
        if isinstance(extension.value, x509.SubjectAlternativeName)
        for name in extension.value
    ]
    return [*lines, f"names: {', '.join(names)}"] if names else lines


def _first_request(spec: Mapping[str, Any]) -> x509.CertificateSigningRequest | None:
    """What the API server reads of a text that may hold more; only to tell of it, never to approve it."""
    try:
        text = base64.b64decode(str(spec.get("request") or "")).decode("ascii", "replace")
        return x509.load_pem_x509_csr(text[:_LONGEST_REQUEST].encode())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _claims(spec: Mapping[str, Any], expectation: Expectation) -> tuple[str, ...]:
    """What of our node's identity a request of somebody else asks for."""
    request = _first_request(spec)
    if request is None:
        return ()
    ips = {str(ipaddress.ip_address(ip)) for ip in expectation.node_ips}
    found: list[str] = []
    try:
        if subject_of(request.subject).common_name == expectation.node_user:
            found.append("name")
        names = [
            str(name.value)
            for extension in request.extensions
            if isinstance(extension.value, x509.SubjectAlternativeName)
            for name in extension.value
        ]
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return tuple(found)
    if expectation.node in names:
        found.append("host name")
    if ips.intersection(names):
        found.append("address")
    return tuple(found)


def _requestor_faults(spec: Mapping[str, Any], expectation: Expectation) -> list[str]:
    """The user is one of ours: is this signer, and are these groups, right for that user?"""
    signer = spec.get("signerName")
    groups = frozenset(str(group) for group in spec.get("groups") or ())
    faults: list[str] = []
    if signer not in _USAGES:
        faults.append(f"signer: expected {CLIENT_SIGNER} or {SERVING_SIGNER}, found {_shown(signer)}")
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


def _request_faults(spec: Mapping[str, Any], expectation: Expectation) -> list[str]:
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
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
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
        f"found {_shown(seconds)}"
    ]


def _signature_faults(request: x509.CertificateSigningRequest) -> list[str]:
    """Key first: a signature by a key that is refused anyway is not worth a verification."""
    try:
        faults = key_faults(request.public_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        return [f"key: unreadable: {error}"]
    if faults:
        return faults
    try:
        if not isinstance(request.signature_hash_algorithm, (hashes.SHA256, hashes.SHA384, hashes.SHA512)):
            return ["signature: expected SHA-256, SHA-384 or SHA-512"]
        if not request.is_signature_valid:
            return ["signature: not made by the request's own key"]
    except (ValueError, UnsupportedAlgorithm) as error:
        return [f"signature: cannot be verified: {error}"]
    return []


def _subject_faults(request: x509.CertificateSigningRequest, expectation: Expectation) -> list[str]:
    try:
        subject = subject_of(request.subject)
    except ValueError as error:
        return [f"subject: unreadable: {error}"]
    faults: list[str] = []
    if subject.common_name != expectation.node_user:
        faults.append(f"common name: expected {expectation.node_user}, found {_shown(subject.common_name)}")
    if subject.organizations != (NODES_GROUP,):
        faults.append(
            f"organization: expected {NODES_GROUP} alone, found {_shown(', '.join(subject.organizations))}"
        )
    if subject.other_parts:
        faults.append(f"subject: unexpected {_shown(', '.join(subject.other_parts))}")
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
    names: list[x509.GeneralName] = []
    for extension in request.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names.extend(extension.value)
        else:
            faults.append(f"request: unexpected extension {extension.oid.dotted_string}")
    if signer == SERVING_SIGNER:
        return faults + _serving_name_faults(names, expectation)
    if names:
        faults.append(
            f"names: a client certificate holds none, found {_shown(', '.join(map(_general_name, names)))}"
        )
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
                faults.append(f"names: unexpected DNS name {_shown(name.value)}")
        elif isinstance(name, x509.IPAddress) and isinstance(
            name.value, (ipaddress.IPv4Address, ipaddress.IPv6Address)
        ):
            found_ips.add(name.value)
        else:
            faults.append(f"names: unexpected {_shown(_general_name(name))}")
    for extra in sorted(map(str, found_ips - expected_ips)):
        faults.append(f"names: unexpected IP address {extra}")
    for missing in sorted(map(str, expected_ips - found_ips)):
        faults.append(f"names: IP address {missing} of the node is missing")
    return faults


def _general_name(name: x509.GeneralName) -> str:
    return f"{type(name).__name__} {name.value}"


def _shown(value: object) -> str:
    """A stranger's text, short and printable, for an error message."""
    text = "".join(one if one.isprintable() else "?" for one in str(value))
    return repr(text if len(text) <= 120 else text[:117] + "...")
