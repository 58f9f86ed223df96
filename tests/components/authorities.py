"""Certificate authorities as users have them, good ones and bad ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate_pem(
    key: Key,
    *,
    is_authority: bool = True,
    may_sign: bool | None = True,
    purposes: tuple[ObjectIdentifier, ...] = (),
    start: datetime = NOW - timedelta(days=100),
    end: datetime = NOW + timedelta(days=3650),
    common_name: str = "kubernetes",
) -> str:
    """A self-signed certificate. `may_sign` None: without key usage."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, end)
    builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    if may_sign is not None:
        usage = x509.KeyUsage(True, False, False, False, False, may_sign, False, False, False)
        builder = builder.add_extension(usage, critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
