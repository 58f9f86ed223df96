"""Whether a certificate authority that the user gives can sign for nodes: its certificate, its key, and both together.

Pure but for reading what it is given. Does not own whether the cluster trusts it, which only the API can tell
(`components/cluster/objections.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from components.settings.forms import pem_certificates

_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_KEY_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
# Of certificates for kubelets' clients and servers alike.
_PURPOSES = {ExtendedKeyUsageOID.CLIENT_AUTH: "client", ExtendedKeyUsageOID.SERVER_AUTH: "server"}


@dataclass
class Examined:
    """`certificate` and `key` are PEM, None where they are missing or no use. Problems name the part they are of."""

    certificate: str | None = None
    key: str | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)


def examined(certificate_text: str | None, key_text: str | None, now: datetime) -> Examined:
    """What is wrong with the two, as far as they are there. No text of either is ever in a problem."""
    found = Examined()
    certificate = None
    if certificate_text is not None:
        certificate = _certificate(certificate_text, now, found)
    key = _key(key_text, found) if key_text is not None else None
    if certificate is not None and key is not None and _public(certificate) != _public(key):
        found.problems.append(
            ("privateKey", "is not the key of the certificate: give the two that go together")
        )
    return found


def is_among(certificate_pem: str, bundle_pem: str) -> bool | None:
    """Whether a bundle has this authority: its name and key, however often they were signed anew.

    None for a bundle that cannot be read.
    """
    try:
        ours = x509.load_pem_x509_certificate(certificate_pem.encode())
        theirs = x509.load_pem_x509_certificates(bundle_pem.encode())
        return any((one.subject, _public(one)) == (ours.subject, _public(ours)) for one in theirs)
    except (ValueError, UnsupportedAlgorithm):
        return None


def early_end(certificate_pem: str, validity_hours: int, now: datetime) -> datetime | None:
    """When the authority ends, if that is before what it signs now would; nobody trusts that any longer then."""
    try:
        end = x509.load_pem_x509_certificate(certificate_pem.encode()).not_valid_after_utc
    except ValueError:
        return None
    return end if end < now + timedelta(hours=validity_hours) else None


def _certificate(text: str, now: datetime, found: Examined) -> x509.Certificate | None:
    def refuse(message: str) -> None:
        found.problems.append(("certificate", message))

    pem = pem_certificates(text)
    if pem is None:
        refuse("expected a certificate in PEM, for example -----BEGIN CERTIFICATE-----...")
        return None
    if pem.count("-----BEGIN") > 1:
        refuse("expected one certificate, that of the authority which signs: leave the others out")
        return None
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        extensions = certificate.extensions
        _public(certificate)
    except (ValueError, UnsupportedAlgorithm):
        refuse("is no readable certificate")
        return None
    for message in _signing_faults(extensions):
        refuse(message)
    if certificate.not_valid_after_utc <= now:
        refuse(
            f"has expired, on {certificate.not_valid_after_utc:%Y-%m-%d}: what it signs is trusted by nobody"
        )
    elif certificate.not_valid_before_utc > now:
        refuse(f"is valid from {certificate.not_valid_before_utc:%Y-%m-%dT%H:%MZ} on only")
    found.certificate = pem
    return certificate


def _signing_faults(extensions: x509.Extensions) -> list[str]:
    """Why what it signs would be trusted by nobody."""
    faults = []
    try:
        is_authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        faults.append("may not sign: it is no authority's (its basic constraints do not say CA:TRUE)")
    try:
        if not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            faults.append("may not sign: its key usage lacks the signing of certificates (keyCertSign)")
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return faults
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in purposes:
        faults += [
            f"may not sign for a {what}: its extended key usage lacks {what}Auth"
            for purpose, what in _PURPOSES.items()
            if purpose not in purposes
        ]
    return faults


def _key(text: str, found: Examined) -> _Key | None:
    # A file of openssl may have the curve's parameters, as a block of its own, before the key.
    block = _KEY_BLOCK.search(text)
    message = "expected a private key in PEM, RSA, ECDSA or Ed25519, without passphrase"
    try:
        key = load_pem_private_key(block.group(0).encode(), None) if block else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, _Key):
        found.problems.append(("privateKey", message))
        return None
    own = (
        PrivateFormat.PKCS8
        if isinstance(key, ed25519.Ed25519PrivateKey)
        else PrivateFormat.TraditionalOpenSSL
    )
    found.key = key.private_bytes(Encoding.PEM, own, NoEncryption()).decode()
    return key


def _public(holder: x509.Certificate | _Key) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
