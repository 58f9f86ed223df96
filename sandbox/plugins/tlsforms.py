"""The forms of keys, requests and certificates: PEM and OpenSSH, key ids, names, times.

Pure functions, as Go and the official tls provider write and read them. Does not own what is in a certificate, nor when
it is made (`tls.py`).
"""

import base64
import hashlib
import ipaddress
import re
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from sandbox.plugins.base import PluginError
from sandbox.plugins.gotext import quote
from sandbox.plugins.values import Properties

# Of a name that Go writes and reads without a word: a node's may have 63 letters, and its user's 12 more.
warnings.filterwarnings("ignore", message="Attribute's length must be ")

Curve = ec.SECP224R1 | ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

CURVES: Final[dict[str, type[Curve]]] = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
}

# Each of the two lines begins where a line begins: as Go reads it, an indented block is none.
_BLOCK: Final = re.compile(
    r"^-----BEGIN ([^-\n]+)-----[ \t\r]*$.*?^-----END \1-----", re.DOTALL | re.MULTILINE
)
_KEY_KINDS: Final = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
_OTHER_KINDS: Final = ("PUBLIC KEY", "CERTIFICATE", "CERTIFICATE REQUEST")
_KNOWN_KINDS: Final = (
    *_KEY_KINDS,
    *_OTHER_KINDS,
    "OPENSSH PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "DSA PRIVATE KEY",
    "RSA PUBLIC KEY",
    "NEW CERTIFICATE REQUEST",
    "TRUSTED CERTIFICATE",
    "X509 CRL",
    "PKCS7",
)
_LEFT_OUT_IF_EMPTY: Final = ("commonName", "serialNumber")
# In the order in which Go writes a name, whatever the order in a request.
SUBJECT: Final = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}


def private_pem(key: Key, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, serialization.NoEncryption()).decode()


def openssh(key: Key) -> Properties:
    """The OpenSSH forms; SSH knows no P-224, for which they are empty."""
    names = ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == ec.SECP224R1.name:
        return dict.fromkeys(names, "")
    public = key.public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    md5 = serialization.ssh_key_fingerprint(public, hashes.MD5()).hex(":")  # noqa: S303 - asked for by name
    sha256 = serialization.ssh_key_fingerprint(public, hashes.SHA256())
    return {
        "privateKeyOpenssh": private_pem(key, PrivateFormat.OpenSSH),
        "publicKeyOpenssh": f"{line}\n",
        "publicKeyFingerprintMd5": md5,
        "publicKeyFingerprintSha256": "SHA256:" + _base64(sha256).rstrip("="),
    }


def sha1(data: bytes) -> bytes:
    """A name for what is hashed, not a protection of it."""
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def rfc3339(moment: datetime, below_micro: int) -> str:
    """As Go writes a time: in the zone of this machine, with nanoseconds, but no zeros at their end."""
    local = moment.astimezone()
    fraction = f".{local.microsecond:06}{below_micro:03}".rstrip("0").rstrip(".")
    zone = f"{local:%z}"
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}" + (f"{zone[:3]}:{zone[3:]}" if int(zone) else "Z")


def _first_block(text: str) -> tuple[str, bytes] | None:
    """The kind of the first PEM block, and the block; what stands around it is nobody's concern."""
    found = _BLOCK.search(text)
    return (found[1], found[0].encode() + b"\n") if found else None


def _shown(kind: str) -> str:
    """The kind of a PEM block, unless it is none: anything may stand there, and be secret."""
    return kind if kind in _KNOWN_KINDS else "[unknown]"


def first_pem(text: str, kind: str, what: str) -> bytes:
    found = _first_block(text)
    if found is None:
        raise PluginError(
            f'Failed to parse {what} PEM: failed to decode PEM of expected type "{kind}" from bytes'
        )
    if found[0] != kind:
        raise PluginError(
            f'Failed to parse {what} PEM: invalid PEM type - expected "{kind}", got "{_shown(found[0])}"'
        )
    return found[1]


def load_key(pem: str) -> tuple[Key, str]:
    kind, block = _first_block(pem) or ("", b"")
    if not kind:
        length = len(pem.encode())
        raise PluginError(
            f"Failed to parse private key PEM: failed to decode PEM block: decoded bytes 0, undecoded {length}"
        )
    if kind not in _KEY_KINDS:
        known = kind in _OTHER_KINDS
        reason = "unable to determine parser for PEM preamble" if known else "unsupported PEM preamble/type"
        raise PluginError(f"Failed to parse private key PEM: {reason}: {_shown(kind)}")
    try:
        key = serialization.load_pem_private_key(block, None)
    except (ValueError, TypeError) as error:
        raise PluginError(f"Failed to parse private key PEM: {error}") from error
    if isinstance(key, rsa.RSAPrivateKey):
        return key, "RSA"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key, "ECDSA"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key, "ED25519"
    raise PluginError("Failed to parse private key PEM: neither RSA, ECDSA nor ED25519")


def hash_for(key: Key) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()


def key_id(public: PublicKey) -> bytes:
    if isinstance(public, ed25519.Ed25519PublicKey):
        # As the official provider does: the hash of the key as an ASN.1 octet string.
        return sha1(b"\x04\x20" + public.public_bytes_raw())
    return x509.SubjectKeyIdentifier.from_public_key(public).digest


def subject_key_id(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def subject(given: Properties | None) -> x509.Name:
    subject = given or {}
    attributes = []
    for field, oid in SUBJECT.items():
        value = subject.get(field)
        for item in value if isinstance(value, list) else [value]:
            if item is not None and (item or field not in _LEFT_OUT_IF_EMPTY):
                # Go writes whatever it is given, also a common name of more than 64 bytes.
                attributes.append(x509.NameAttribute(oid, item, _validate=False))
    if subject.get("emailAddress") is not None:
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, subject["emailAddress"]))
    return x509.Name(attributes)


def alternative_names(inputs: Properties, failed: str) -> list[x509.GeneralName]:
    """`failed` begins an error that what they are for would make."""
    names: list[x509.GeneralName] = []
    for name in inputs.get("dnsNames") or []:
        if not name.isascii():
            reason = f"x509: {quote(name)} cannot be encoded as an IA5String"
            raise PluginError(f"{failed}: {reason}")
        names.append(x509.DNSName(name))
    names += [x509.IPAddress(_address(address)) for address in inputs.get("ipAddresses") or []]
    for uri in inputs.get("uris") or []:
        if why := next(_uri_problems(uri), None):
            raise PluginError(f'Invalid URI: Failed to parse "{uri}": parse {quote(uri)}: {why}')
        names.append(x509.UniformResourceIdentifier(uri))
    return names


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """As Go reads one: an address without a zone; one of IPv4 written as IPv6 is one of IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or "%" in text:
        raise PluginError(f'Invalid IP address: Failed to parse "{text}"')
    return getattr(address, "ipv4_mapped", None) or address


def _uri_problems(text: str) -> Iterator[str]:
    """Why Go would not parse this URI; of those that it would write otherwise than given, that they are not ASCII."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        yield "net/url: invalid control character in URL"
    if not text.isascii():
        yield "the sandbox's tls plugin takes ASCII only; the official one escapes the rest"
    scheme, colon, rest = text.partition(":")
    if colon and not scheme:
        yield "missing protocol scheme"
    elif not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        rest = text
        if ":" in text.partition("/")[0]:
            yield "first path segment in URL cannot contain colon"
    before_query = rest.partition("#")[0].partition("?")[0]
    host = before_query[2:].partition("/")[0].rpartition("@")[2] if before_query.startswith("//") else ""
    if host.startswith("[") and "]" not in host:
        yield "missing ']' in host"
    if found := re.search(r"[^A-Za-z0-9\-._~%!$&'()*+,;=:\[\]<>\"]", host):
        yield f"invalid character {quote(found[0])} in host name"
    found = re.search(r":[^:\]]*$", host)
    if found and not re.fullmatch(r":\d*", found[0]):
        yield f"invalid port {quote(found[0])} after host"
    if found := re.search(r"%(?![0-9A-Fa-f]{2}).{0,2}", before_query):
        yield f"invalid URL escape {quote(found[0])}"
