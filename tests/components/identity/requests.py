"""Certificate requests as nodes and strangers send them: accepted ones, and hostile ones with the reason for it."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID

from components.identity.expectation import CLIENT_SIGNER, SERVING_SIGNER, Expectation

NODE = "worker-1"
USER = f"system:node:{NODE}"
BOOTSTRAP = "system:bootstrap:abcdef"
GROUP = "system:bootstrappers:kubenode:dev"
EXPECTED = Expectation(
    node=NODE,
    node_ips=("10.0.0.7",),
    bootstrap_user=BOOTSTRAP,
    bootstrap_groups=("system:bootstrappers", GROUP),
)
KEY = ec.generate_private_key(ec.SECP256R1())
SMALL_RSA = rsa.generate_private_key(65537, 1024)
RSA = rsa.generate_private_key(65537, 2048)
WEAK_EXPONENT = rsa.generate_private_key(3, 2048)
NODES = ((NameOID.ORGANIZATION_NAME, "system:nodes"),)
SERVING_NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName(NODE),
    x509.IPAddress(ipaddress.ip_address("10.0.0.7")),
)


def pem(
    common_name: str = USER,
    subject: Sequence[tuple[x509.ObjectIdentifier, str]] = NODES,
    names: Sequence[x509.GeneralName] = (),
    key: Any = KEY,
    extensions: Sequence[x509.ExtensionType] = (),
    password: bytes | None = None,
    algorithm: Any = None,
    name: x509.Name | None = None,
) -> str:
    parts = [x509.NameAttribute(kind, value) for kind, value in subject]
    if common_name:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False))
    builder = x509.CertificateSigningRequestBuilder().subject_name(name or x509.Name(parts))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if password is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, password)
    if algorithm is None and not isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def request(text: str, signer: str = CLIENT_SIGNER, user: str = BOOTSTRAP, **spec: Any) -> dict[str, Any]:
    usages = ["digital signature", "client auth" if signer == CLIENT_SIGNER else "server auth"]
    groups = ["system:nodes", "system:authenticated"]
    if user == BOOTSTRAP:
        groups = ["system:bootstrappers", GROUP, "system:authenticated"]
    return {
        "metadata": {"name": "csr-abcde", "uid": "1"},
        "spec": {
            "request": base64.b64encode(text.encode()).decode(),
            "signerName": signer,
            "username": user,
            "groups": groups,
            "usages": usages,
            **spec,
        },
        "status": {},
    }


def client(text: str | None = None, **spec: Any) -> dict[str, Any]:
    return request(pem() if text is None else text, **spec)


def serving(text: str | None = None, **spec: Any) -> dict[str, Any]:
    spec = {"user": USER, **spec}
    return request(pem(names=SERVING_NAMES) if text is None else text, SERVING_SIGNER, **spec)


def ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def framed(der: bytes) -> str:
    """As PEM."""
    body = base64.b64encode(der).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""])


def unframed(text: str) -> bytes:
    return x509.load_pem_x509_csr(text.encode()).public_bytes(serialization.Encoding.DER)


def tampered(text: str) -> str:
    """The same request with its last byte, which belongs to the signature, changed."""
    der = bytearray(unframed(text))
    der[-1] ^= 1
    return framed(bytes(der))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(digits)]) + digits) + content


def signed(
    info: bytes,
    key: ec.EllipticCurvePrivateKey = KEY,
    digest: hashes.HashAlgorithm | None = None,
    algorithm: str = "300a06082a8648ce3d040302",
) -> str:
    """A request around any bytes, with a signature by KEY that is good."""
    signature = key.sign(info, ec.ECDSA(digest or hashes.SHA256()))
    return framed(_der(0x30, info + bytes.fromhex(algorithm) + _der(0x03, b"\0" + signature)))


def _info(text: str) -> bytes:
    """What is signed."""
    return x509.load_pem_x509_csr(text.encode()).tbs_certrequest_bytes


def edited(text: str, old: bytes, new: bytes) -> str:
    """A request with some of its bytes changed to as many others, signed anew."""
    info = _info(text)
    assert old in info
    assert len(old) == len(new)
    return signed(info.replace(old, new, 1))


def with_lists(extensions: Sequence[x509.ExtensionType], *attributes: tuple[str, bytes]) -> str:
    """With extensions and attributes that the library's builder would not put together."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, USER),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder(
        subject,
        [x509.Extension(one.oid, False, one) for one in extensions],
        [(x509.ObjectIdentifier(kind), value, None) for kind, value in attributes],
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def attributes_of(*names: tuple[x509.ObjectIdentifier, str]) -> list[x509.NameAttribute[str]]:
    return [x509.NameAttribute(kind, value) for kind, value in names]


ACCEPTED: dict[str, dict[str, Any]] = {
    "bootstrap": client(),
    "renewal": client(user=USER),
    "key encipherment, as old kubelets ask": client(
        usages=["key encipherment", "digital signature", "client auth"]
    ),
    "an RSA key": client(pem(key=RSA)),
    "a P-384 key": client(pem(key=ec.generate_private_key(ec.SECP384R1()), algorithm=hashes.SHA384())),
    "a year": client(expirationSeconds=31536000),
    "serving": serving(),
    "serving by address alone": serving(pem(names=[ip("10.0.0.7")])),
    "serving with key encipherment": serving(usages=["server auth", "key encipherment", "digital signature"]),
    "groups beyond those that are needed": client(
        groups=["system:bootstrappers", GROUP, "system:bootstrappers:other", "system:authenticated"]
    ),
}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another node's name": (client(pem("system:node:worker-2")), "common name"),
    "a name that starts like ours": (client(pem("system:node:worker-11")), "common name"),
    "no common name": (client(pem("")), "common name"),
    "the name in capitals": (client(pem("system:node:WORKER-1")), "common name"),
    "a further common name": (
        client(pem(subject=[*NODES, (NameOID.COMMON_NAME, USER)], common_name="system:admin")),
        "subject: unexpected",
    ),
    "a further organization": (
        client(pem(subject=[*NODES, (NameOID.ORGANIZATION_NAME, "system:masters")])),
        "organization",
    ),
    "another organization": (
        client(pem(subject=[(NameOID.ORGANIZATION_NAME, "system:masters")])),
        "organization",
    ),
    "no organization": (client(pem(subject=[])), "organization"),
    "our organization twice": (client(pem(subject=[*NODES, *NODES])), "organization"),
    "an organizational unit": (
        client(pem(subject=[*NODES, (NameOID.ORGANIZATIONAL_UNIT_NAME, "x")])),
        "subject: unexpected",
    ),
    "client with a DNS name": (client(pem(names=[x509.DNSName(NODE)])), "names: a client certificate"),
    "client with an address": (client(pem(names=[ip("10.0.0.7")])), "names: a client certificate"),
    "another signer": (client(signerName="kubernetes.io/kube-apiserver-client"), "signer"),
    "a signer of somebody's own": (client(user=USER, signerName="example.com/sign-all"), "signer"),
    "the legacy signer": (client(signerName="kubernetes.io/legacy-unknown"), "signer"),
    "no signer": (client(signerName=None), "signer"),
    "serving by the bootstrap user": (serving(user=BOOTSTRAP), "requestor: a serving"),
    "bootstrap user without our group": (
        client(groups=["system:bootstrappers", "system:bootstrappers:other"]),
        "requestor",
    ),
    "node user without its group": (client(user=USER, groups=["system:authenticated"]), "requestor"),
    "client asks for server auth": (
        client(usages=["digital signature", "client auth", "server auth"]),
        "usages",
    ),
    "client asks to sign certificates": (
        client(usages=["digital signature", "client auth", "cert sign"]),
        "usages",
    ),
    "client without client auth": (client(usages=["digital signature"]), "usages"),
    "serving asks for client auth": (
        serving(usages=["digital signature", "server auth", "client auth"]),
        "usages",
    ),
    "serving with client's usages": (serving(usages=["digital signature", "client auth"]), "usages"),
    "no usages": (client(usages=None), "usages"),
    "ten years": (client(expirationSeconds=10 * 31536000), "expirationSeconds"),
    "a minute": (client(expirationSeconds=60), "expirationSeconds"),
    "a 1024 bit RSA key": (client(pem(key=SMALL_RSA)), "key: expected RSA of 2048"),
    "an RSA key with exponent 3": (client(pem(key=WEAK_EXPONENT)), "key: RSA public exponent"),
    "a P-224 key": (client(pem(key=ec.generate_private_key(ec.SECP224R1()))), "key: expected ECDSA"),
    "a P-521 key": (client(pem(key=ec.generate_private_key(ec.SECP521R1()))), "key: expected ECDSA"),
    "an Ed25519 key": (client(pem(key=ed25519.Ed25519PrivateKey.generate())), "key: expected ECDSA or RSA"),
    "a broken signature": (client(tampered(pem())), "signature"),
    "a broken RSA signature": (client(tampered(pem(key=RSA))), "signature"),
    "a further DNS name": (
        serving(pem(names=[*SERVING_NAMES, x509.DNSName("kubernetes.default.svc")])),
        "names: unexpected DNS name 'kubernetes.default.svc'",
    ),
    "another node's DNS name": (
        serving(pem(names=[x509.DNSName("worker-2"), ip("10.0.0.7")])),
        "names: unexpected DNS name 'worker-2'",
    ),
    "a wildcard": (serving(pem(names=[*SERVING_NAMES, x509.DNSName("*")])), "names: unexpected DNS name '*'"),
    "a further address": (
        serving(pem(names=[*SERVING_NAMES, ip("10.96.0.1")])),
        "names: unexpected IP address 10.96.0.1",
    ),
    "a further IPv6 address": (
        serving(pem(names=[*SERVING_NAMES, ip("fd00::1")])),
        "names: unexpected IP address fd00::1",
    ),
    "another node's address": (serving(pem(names=[x509.DNSName(NODE), ip("10.0.0.8")])), "10.0.0.8"),
    "the node's address missing": (
        serving(pem(names=[x509.DNSName(NODE)])),
        "names: IP address 10.0.0.7 of the node is missing",
    ),
    "serving without names": (serving(pem()), "names: IP address 10.0.0.7"),
    "an email address": (
        serving(pem(names=[*SERVING_NAMES, x509.RFC822Name("a@example.com")])),
        "names: unexpected 'RFC822Name",
    ),
    "a URI": (
        serving(pem(names=[*SERVING_NAMES, x509.UniformResourceIdentifier("spiffe://x/y")])),
        "names: unexpected 'UniformResourceIdentifier",
    ),
    "a directory name": (
        serving(pem(names=[*SERVING_NAMES, x509.DirectoryName(x509.Name([]))])),
        "names: unexpected 'DirectoryName",
    ),
    "an authority's constraints": (
        client(pem(extensions=[x509.BasicConstraints(ca=True, path_length=None)])),
        "request: unexpected extension",
    ),
    "an extended key usage in the request": (
        client(pem(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])])),
        "request: unexpected extension",
    ),
    "a challenge password": (client(pem(password=b"secret")), "request: unexpected attribute"),
    "two requests in one text": (client(pem() + pem("system:node:worker-2")), "not exactly one PEM block"),
    "text before the request": (client("hello\n" + pem()), "not exactly one PEM block"),
    "headers in the request": (
        client(pem().replace("REQUEST-----\n", "REQUEST-----\nProc-Type: 4,ENCRYPTED\n\n", 1)),
        "not exactly one PEM block",
    ),
    "the other PEM name": (client(pem().replace(" CERT", " NEW CERT")), "not exactly one PEM block"),
    "no PEM": (client("not a request"), "not exactly one PEM block"),
    "an empty request": (client(""), "not exactly one PEM block"),
    "no base64": (client(request="%%%"), "request: "),
    "no DER": (
        client("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
        "no readable request",
    ),
    "an endless request": (client("A" * 20000), "longer than"),
    # What reads like the right thing, to one reader or the other.
    "a letter that looks the same": (client(pem("system:node:w\u043erker-1")), "common name"),
    "a letter that looks the same, in two bytes each": (
        client(
            pem(
                name=x509.Name(
                    [
                        *attributes_of(*NODES),
                        x509.NameAttribute(
                            NameOID.COMMON_NAME, "system:node:w\u043erker-1", _ASN1Type.BMPString
                        ),
                    ]
                )
            )
        ),
        "common name",
    ),
    "a NUL at the end": (client(pem(f"{USER}\0")), "common name"),
    "a NUL, and more": (client(pem(f"{USER}\0.example.com")), "common name"),
    "a space at the end": (client(pem(f"{USER} ")), "common name"),
    "a name of no width": (client(pem(f"{USER}\u200b")), "common name"),
    "a name that is no text": (client(edited(pem(), b"worker-1", b"worker-\xff")), "subject: unreadable"),
    "our name twice": (
        client(pem(subject=[*NODES, (NameOID.COMMON_NAME, USER)])),
        "subject: unexpected",
    ),
    "name and organization in one place": (
        client(
            pem(
                name=x509.Name(
                    [x509.RelativeDistinguishedName(attributes_of(*NODES, (NameOID.COMMON_NAME, USER)))]
                )
            )
        ),
        "subject: unexpected",
    ),
    "a domain": (
        client(pem(subject=[*NODES, (NameOID.DOMAIN_COMPONENT, "example")])),
        "subject: unexpected",
    ),
    "a version that there is not": (
        client(edited(pem(), b"\x02\x01\x00", b"\x02\x01\x01")),
        "no readable request",
    ),
    "more behind its end": (client(framed(unframed(pem()) + b"\0\0")), "no readable request"),
    # Names and extensions.
    "client with an empty list of names": (
        client(with_lists([x509.SubjectAlternativeName([])])),
        "names: a client certificate",
    ),
    "two lists of names": (
        serving(
            with_lists(
                [
                    x509.SubjectAlternativeName(SERVING_NAMES),
                    x509.SubjectAlternativeName([x509.DNSName("kubernetes")]),
                ]
            )
        ),
        "request: unreadable attributes or extensions",
    ),
    "a second list of extensions": (
        serving(with_lists([x509.SubjectAlternativeName(SERVING_NAMES)], ("1.2.840.113549.1.9.14", b"x"))),
        "request: ",
    ),
    "another system's list of extensions": (
        serving(with_lists([x509.SubjectAlternativeName(SERVING_NAMES)], ("1.3.6.1.4.1.311.2.1.14", b"x"))),
        "request: ",
    ),
    "an extension that nobody knows": (
        client(with_lists([x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")])),
        "request: unexpected extension 1.2.3.4",
    ),
    "a key usage in the request": (
        client(pem(extensions=[x509.KeyUsage(True, False, False, False, False, True, False, False, False)])),
        "request: unexpected extension",
    ),
    "the name in capitals, of the server": (
        serving(pem(names=[x509.DNSName("WORKER-1"), ip("10.0.0.7")])),
        "names: unexpected DNS name",
    ),
    "a dot at the end": (
        serving(pem(names=[x509.DNSName("worker-1."), ip("10.0.0.7")])),
        "names: unexpected DNS name",
    ),
    "a NUL in a DNS name": (
        serving(pem(names=[x509.DNSName("worker-1\0.example.com"), ip("10.0.0.7")])),
        "names: unexpected DNS name",
    ),
    "an empty DNS name": (
        serving(pem(names=[*SERVING_NAMES, x509.DNSName("")])),
        "names: unexpected DNS name",
    ),
    "the address as a DNS name": (
        serving(pem(names=[*SERVING_NAMES, x509.DNSName("10.0.0.7")])),
        "names: unexpected DNS name",
    ),
    "our address in the other family": (
        serving(pem(names=[*SERVING_NAMES, ip("::ffff:10.0.0.7")])),
        "names: unexpected IP address ::ffff:",
    ),
    "a whole network": (
        serving(pem(names=[*SERVING_NAMES, x509.IPAddress(ipaddress.ip_network("10.0.0.0/24"))])),
        "names: unexpected 'IPAddress",
    ),
    "a registered id": (
        serving(pem(names=[*SERVING_NAMES, x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))])),
        "names: unexpected 'RegisteredID",
    ),
    "another kind of name": (
        serving(
            pem(
                names=[
                    *SERVING_NAMES,
                    x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01x"),
                ]
            )
        ),
        "OtherName",
    ),
    "client with an email address": (
        client(pem(names=[x509.RFC822Name("a@example.com")])),
        "names: a client certificate",
    ),
    "a digest that is broken": (
        client(signed(_info(pem()), KEY, hashes.SHA1(), "300906072a8648ce3d0401")),
        "signature: expected SHA-256",
    ),
    "another key's signature": (
        client(signed(_info(pem()), ec.generate_private_key(ec.SECP256R1()))),
        "signature: not made by the request's own key",
    ),
}
