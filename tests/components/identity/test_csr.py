"""Every request that a node may send is expected; each hostile one is refused for its own reason."""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID

from components.identity.csr import (
    CLIENT_SIGNER,
    SERVING_SIGNER,
    Expectation,
    MalformedRequestError,
    Standing,
    judge,
    load_request,
)

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

Change = Callable[[dict[str, Any]], None]


def pem(
    common_name: str = USER,
    subject: Sequence[tuple[x509.ObjectIdentifier, str]] = NODES,
    names: Sequence[x509.GeneralName] = (),
    key: Any = KEY,
    extensions: Sequence[x509.ExtensionType] = (),
    password: bytes | None = None,
    algorithm: Any = None,
) -> str:
    parts = [x509.NameAttribute(kind, value) for kind, value in subject]
    if common_name:
        parts.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
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


def tampered(text: str) -> str:
    """The same request with its last byte, which belongs to the signature, changed."""
    der = bytearray(x509.load_pem_x509_csr(text.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    body = base64.encodebytes(bytes(der)).decode().replace("\n", "")
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""])


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
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_a_node_may_ask_for_is_expected(name: str) -> None:
    judgement = judge(ACCEPTED[name], EXPECTED)
    assert judgement.reasons == ()
    assert judgement.standing is Standing.EXPECTED


def test_a_node_may_have_the_longest_name() -> None:
    """Its user's is longer than what X.509 foresees."""
    node = "w" * 63
    expected = dataclasses.replace(EXPECTED, node=node)
    assert judge(client(pem(f"system:node:{node}")), expected).standing is Standing.EXPECTED
    other = judge(client(pem(f"system:node:{node[:-1]}x")), expected)
    assert other.standing is Standing.REFUSED


def test_nobody_is_warned_of_a_long_name() -> None:
    """In a process of its own: here the warnings are pytest's."""
    program = (
        "import sys; from components.identity.csr import load_request as load; load(sys.stdin.read()).subject"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pem(f"system:node:{'w' * 63}"),
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stderr == ""


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_request_is_refused_for_its_own_reason(name: str) -> None:
    hostile, reason = REFUSED[name]
    judgement = judge(hostile, EXPECTED)
    assert judgement.standing is Standing.REFUSED
    assert any(reason in one for one in judgement.reasons), judgement.reasons


ONE_FAULT = [
    name for name in REFUSED if name not in {"another node's address", "serving by the bootstrap user"}
]


@pytest.mark.parametrize("name", ONE_FAULT)
def test_nothing_else_speaks_against_it(name: str) -> None:
    """Each case differs from an accepted one in one thing: a check that is dropped lets it through."""
    assert len(judge(REFUSED[name][0], EXPECTED).reasons) == 1


@pytest.mark.parametrize(
    "user",
    [
        "system:node:worker-2",
        "system:node:worker-1x",
        "system:bootstrap:abcdeg",
        "kubernetes-admin",
        "",
        None,
        7,
    ],
)
def test_a_request_of_another_for_our_name_is_told_of_and_is_not_ours(user: object) -> None:
    judgement = judge(client(user=user), EXPECTED)
    assert judgement.standing is Standing.FOREIGN
    assert judgement.reasons == (f"requestor: {str(user)!r} asks for the name of this node",)


OF_OTHERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "our host name": (
        serving(pem("system:node:worker-2", names=[x509.DNSName(NODE), ip("10.0.0.8")]), user="mallory"),
        ["host name"],
    ),
    "our address": (
        serving(pem("system:node:worker-2", names=[ip("10.0.0.7")]), user="system:node:worker-2"),
        ["address"],
    ),
    "all of it, behind other text": (
        serving("hello\n" + pem(names=SERVING_NAMES) + pem(), user="mallory"),
        ["name", "host name", "address"],
    ),
    "for another signer": (
        client(user="mallory", signerName="kubernetes.io/kube-apiserver-client"),
        ["name"],
    ),
    "its own": (
        serving(
            pem("system:node:worker-2", names=[x509.DNSName("worker-2"), ip("10.0.0.8")]),
            user="system:node:worker-2",
        ),
        [],
    ),
    "nothing readable": (client("no request", user="mallory"), []),
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_others_ask_for_of_our_node(name: str) -> None:
    asked, claims = OF_OTHERS[name]
    judgement = judge(asked, EXPECTED)
    assert judgement.standing is Standing.FOREIGN
    assert [one.split(" asks for the ")[1] for one in judgement.reasons] == [
        f"{one} of this node" for one in claims
    ]


def test_a_decided_request_of_another_is_not_told_of() -> None:
    decided = client(user="mallory")
    decided["status"] = {"conditions": [{"type": "Denied", "status": "True"}]}
    assert judge(decided, EXPECTED).reasons == ()


STATIC = Expectation(
    node=NODE,
    node_ips=("10.0.0.7",),
    bootstrap_user="kubelet-bootstrap",
    bootstrap_user_is_shared=True,
)


def test_a_user_of_all_nodes_asks_for_each_of_them_and_only_ours_is_ours() -> None:
    ours, other = (client(pem(name), user="kubelet-bootstrap") for name in (USER, "system:node:worker-2"))
    assert judge(ours, STATIC).standing is Standing.EXPECTED
    assert judge(serving(user="kubelet-bootstrap"), STATIC).standing is Standing.REFUSED
    judgement = judge(other, STATIC)
    assert judgement.standing is Standing.FOREIGN
    assert judgement.reasons == (
        "requestor: kubelet-bootstrap asks for 'worker-2', which is no node of this stack",
    )
    other["status"] = {"conditions": [{"type": "Approved", "status": "True"}]}
    assert judge(other, STATIC).reasons == ()
    # Who asks for no node at all is not left to the run of another.
    for name in ("system:admin", "", "system:nodes"):
        assert judge(client(pem(name), user="kubelet-bootstrap"), STATIC).standing is Standing.REFUSED
    assert judge(client("rubbish", user="kubelet-bootstrap"), STATIC).standing is Standing.REFUSED


# A token file gives whatever groups it likes.
@pytest.mark.parametrize("name", [one for one in REFUSED if one != "bootstrap user without our group"])
def test_a_hostile_request_of_a_user_of_all_nodes_is_never_expected(name: str) -> None:
    hostile = REFUSED[name][0]
    spec = {**hostile["spec"]}
    if spec["username"] == BOOTSTRAP:
        spec["username"] = "kubelet-bootstrap"
    assert judge({**hostile, "spec": spec}, STATIC).standing in (Standing.REFUSED, Standing.FOREIGN)


def test_without_a_bootstrap_identity_an_empty_user_is_foreign() -> None:
    expected = Expectation(node=NODE, node_ips=("10.0.0.7",))
    assert judge(client(user=""), expected).standing is Standing.FOREIGN
    assert judge(client(), expected).standing is Standing.FOREIGN
    assert judge(serving(), expected).standing is Standing.EXPECTED


def test_an_object_without_a_spec_is_foreign() -> None:
    assert judge({}, EXPECTED).standing is Standing.FOREIGN


@pytest.mark.parametrize("kind", ["Approved", "Denied", "Failed"])
def test_a_decided_request_is_settled(kind: str) -> None:
    decided = client()
    decided["status"] = {"conditions": [{"type": kind, "status": "True"}]}
    assert judge(decided, EXPECTED).standing is Standing.SETTLED


def test_all_reasons_are_told_at_once() -> None:
    hostile = client(
        pem("system:admin", subject=[(NameOID.ORGANIZATION_NAME, "system:masters")]), usages=["any"]
    )
    assert {one.split(":")[0] for one in judge(hostile, EXPECTED).reasons} == {
        "usages",
        "common name",
        "organization",
    }


def test_a_node_named_by_an_address_has_it_and_no_dns_name() -> None:
    expected = Expectation(node="10.0.0.7", node_ips=("10.0.0.7",))
    spec = {"user": "system:node:10.0.0.7"}
    by_ip = serving(pem("system:node:10.0.0.7", names=[ip("10.0.0.7")]), **spec)
    by_name = serving(pem("system:node:10.0.0.7", names=[ip("10.0.0.7"), x509.DNSName("10.0.0.7")]), **spec)
    assert judge(by_ip, expected).standing is Standing.EXPECTED
    assert judge(by_name, expected).standing is Standing.REFUSED


def test_both_addresses_of_a_dual_stack_node_and_a_configured_name() -> None:
    names = [*SERVING_NAMES, ip("fd00::7"), x509.DNSName("worker-1.example.com")]
    dual = Expectation(node=NODE, node_ips=("10.0.0.7", "fd00:0::7"), dns_names=("worker-1.example.com",))
    assert judge(serving(pem(names=names)), dual).standing is Standing.EXPECTED
    assert judge(serving(), dual).reasons == ("names: IP address fd00::7 of the node is missing",)


def test_a_stranger_s_text_is_shown_short_and_printable() -> None:
    hostile = client(pem("x\x1b[31m" + "y" * 50), signerName="z" * 500)
    text = " ".join(judge(hostile, EXPECTED).reasons)
    assert "\x1b" not in text
    assert "z" * 200 not in text


def test_load_request_names_what_is_wrong() -> None:
    with pytest.raises(MalformedRequestError, match="exactly one PEM block"):
        load_request("x")
