"""Reads a certificate request as a stranger sent it.

Owns reading exactly one request, and the first of a text that holds more; what is in it, taken apart and shown. Pure.
Does not own what is right of it (`request_faults.py`). Whatever is sent, reading it ends in a value or in
MalformedRequestError.
"""

from __future__ import annotations

import base64
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# X.509 limits a common name to 64 letters, which no part of Kubernetes heeds: a node's name may have 63, and its user's
# has 12 more. What must be right of it is compared.
warnings.filterwarnings("ignore", message="Attribute's length must be ")

_LONGEST_REQUEST: Final = 16 * 1024
# Of a stranger's, only to tell of it; etcd takes no more.
_LONGEST_READ: Final = 1536 * 1024
_BEGIN: Final = "-----BEGIN CERTIFICATE REQUEST-----"

# The API server reads the first PEM block and ignores what stands around it. Two readers of one text may then
# see two requests, so here the text must be one block and nothing else.
_ONE_REQUEST: Final = re.compile(
    r"\A-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)\n-----END CERTIFICATE REQUEST-----\n?\Z"
)

UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for a request, or a piece of one, that it cannot read."""


@dataclass(frozen=True)
class Subject:
    """Common name and organizations of a request or certificate, and whether it holds anything else."""

    common_name: str
    organizations: tuple[str, ...]
    other_parts: tuple[str, ...] = ()


class MalformedRequestError(ValueError):
    """The text is no single well-formed request."""


def load_request(pem: str) -> x509.CertificateSigningRequest:
    """Reads exactly one PEM request."""
    if len(pem) > _LONGEST_REQUEST:
        raise MalformedRequestError(f"longer than {_LONGEST_REQUEST} bytes")
    found = _ONE_REQUEST.match(pem.replace("\r\n", "\n"))
    if found is None:
        raise MalformedRequestError("not exactly one PEM block of type CERTIFICATE REQUEST")
    try:
        return x509.load_der_x509_csr(base64.b64decode(found.group(1).replace("\n", ""), validate=True))
    except UNREADABLE as error:
        raise MalformedRequestError(f"no readable request: {error}") from error


def first_request(spec: Mapping[str, Any]) -> x509.CertificateSigningRequest | None:
    """What the API server reads of a text that may hold more; only to tell of it, never to approve it."""
    try:
        text = base64.b64decode(str(spec.get("request") or "")).decode("ascii", "replace")
        return x509.load_pem_x509_csr(text[max(text.find(_BEGIN), 0) :][:_LONGEST_READ].encode())
    except UNREADABLE:
        return None


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


def alternative_names(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    """All of them, of whatever kind; raises one of UNREADABLE."""
    return [
        name
        for extension in request.extensions
        if isinstance(extension.value, x509.SubjectAlternativeName)
        for name in extension.value
    ]


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
    names = [str(name.value) for name in alternative_names(request)]
    return [*lines, f"names: {', '.join(names)}"] if names else lines


def shown(value: object) -> str:
    """A stranger's text, short and printable, for an error message."""
    text = "".join(one if one.isprintable() else "?" for one in str(value))
    return repr(text if len(text) <= 120 else text[:117] + "...")
