"""Keys, requests and certificates: what is in them.

One program, run once: nothing changes. A second one has only resources that must be refused.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from tests.plugins.behaviours import behaviour, bug
from tests.plugins.decrypted import Decrypted, decrypted
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_PROGRAM = """
    import pulumi_tls as tls
    keys = {name: tls.PrivateKey(name, **arguments) for name, arguments in {
        "rsa": dict(algorithm="RSA"), "rsa-1024": dict(algorithm="RSA", rsa_bits=1024),
        "ecdsa": dict(algorithm="ECDSA"), "p256": dict(algorithm="ECDSA", ecdsa_curve="P256"),
        "p384": dict(algorithm="ECDSA", ecdsa_curve="P384"), "p521": dict(algorithm="ECDSA", ecdsa_curve="P521"),
        "ed25519": dict(algorithm="ED25519")}.items()}
    pem = {name: key.private_key_pem for name, key in keys.items()}
    pulumi.export("key", pem["p256"])
    pulumi.export("public", keys["p256"].public_key_pem)

    for name in ("rsa", "ecdsa", "p384", "ed25519"):
        tls.CertRequest("request-" + name, private_key_pem=pem[name], subject={"common_name": "x"})
    tls.CertRequest("request-pkcs8", private_key_pem=keys["p256"].private_key_pem_pkcs8)
    proxy = tls.CertRequest("request", private_key_pem=pem["p256"],
        subject={"organization": "system:nodes", "common_name": "system:node:w1"},
        dns_names=["w1", "b.example", "a.example"], ip_addresses=["10.0.0.2", "10.0.0.1", "fd00::1"],
        uris=["spiffe://x/b", "spiffe://x/a"])
    tls.CertRequest("long-name", private_key_pem=pem["p256"], subject={"common_name": "system:node:" + 63 * "w"})
    tls.CertRequest("empty-name", private_key_pem=pem["p256"], subject={"organization": "o", "common_name": ""})
    tls.CertRequest("whole-subject", private_key_pem=pem["p256"], subject=dict(
        common_name="cn", serial_number="7", organization="o", organizational_unit="ou", country="DE",
        province="st", locality="l", postal_code="1", street_addresses=["s"], email_address="e@example"))

    def self_signed(name, key="p256", uses=("cert_signing",), **more):
        return tls.SelfSignedCert(name, **{**dict(private_key_pem=pem[key], subject={"common_name": name},
            allowed_uses=list(uses), validity_period_hours=100), **more})
    ca = self_signed("ca", is_ca_certificate=True, max_path_length=1)
    path_zero = self_signed("path-zero", is_ca_certificate=True, max_path_length=0)
    other = self_signed("other", "p384", is_ca_certificate=True)
    self_signed("clock", uses=())
    self_signed("no-subject", subject=None, dns_names=["x.example"], uses=["server_auth"])
    self_signed("names", dns_names=["b", "a"], ip_addresses=["10.0.0.1"], uris=["urn:a"])
    self_signed("mapped", ip_addresses=["::ffff:10.0.0.9", "fd00::9"])
    self_signed("key-ids", set_subject_key_id=True, set_authority_key_id=True)
    self_signed("key-id-ed25519", "ed25519", set_subject_key_id=True)
    self_signed("key-id-rsa", "rsa", set_subject_key_id=True)
    self_signed("due", early_renewal_hours=100)

    def signed(name, uses=("client_auth",), **more):
        return tls.LocallySignedCert(name, **{**dict(ca_cert_pem=ca.cert_pem, ca_private_key_pem=pem["p256"],
            cert_request_pem=proxy.cert_request_pem, allowed_uses=list(uses), validity_period_hours=10), **more})
    signed("signed", ["client_auth", "digital_signature", "server_auth", "key_encipherment"])
    signed("other-order", ["key_encipherment", "server_auth", "client_auth", "digital_signature"])
    signed("no-uses", [])
    signed("foreign", cert_request_pem=foreign)
    signed("of-a-bundle", ca_cert_pem=Output.concat(ca.cert_pem, other.cert_pem))
    signed("with-text-around", ca_cert_pem=Output.concat("# the CA\\n\\n", ca.cert_pem, "\\nthe end"))
    signed("intermediate", ["cert_signing"], is_ca_certificate=True)
    signed("by-ca-without-id", ca_cert_pem=signed("leaf").cert_pem,
        cert_request_pem=tls.CertRequest("r", private_key_pem=pem["ed25519"], subject={"common_name": "r"})
        .cert_request_pem)
"""
_REFUSED = """
    import pulumi_tls as tls
    key, other = tls.PrivateKey("k", algorithm="ED25519"), tls.PrivateKey("o", algorithm="ED25519")
    pem = key.private_key_pem
    def self_signed(name, **more):
        return tls.SelfSignedCert(name, **{**dict(private_key_pem=pem, subject={"common_name": name},
            allowed_uses=["cert_signing"], validity_period_hours=1), **more})
    ca = self_signed("ca", is_ca_certificate=True)
    request = tls.CertRequest("request", private_key_pem=pem, subject={"common_name": "x"})
    def signed(name, **more):
        return tls.LocallySignedCert(name, **{**dict(ca_cert_pem=ca.cert_pem, ca_private_key_pem=pem,
            cert_request_pem=request.cert_request_pem, allowed_uses=[], validity_period_hours=1), **more})
    signed("in-order")
    signed("ca-is-a-request", ca_cert_pem=request.cert_request_pem)
    signed("ca-is-no-pem", ca_cert_pem="nothing")
    signed("bundle-in-wrong-order", ca_cert_pem=Output.concat(self_signed("stranger",
        private_key_pem=other.private_key_pem, is_ca_certificate=True).cert_pem, ca.cert_pem))
    signed("key-of-another", ca_private_key_pem=other.private_key_pem)
    signed("request-is-a-certificate", cert_request_pem=ca.cert_pem)
    tls.CertRequest("key-is-openssh", private_key_pem=key.private_key_openssh)
    tls.CertRequest("key-is-public", private_key_pem=key.public_key_pem)
    def indented(text):
        return text.apply(lambda lines: lines.replace("-----", "  -----", 1))
    signed("ca-is-indented", ca_cert_pem=indented(ca.cert_pem))
    tls.CertRequest("key-is-indented", private_key_pem=indented(pem))
    tls.CertRequest("no-address", private_key_pem=pem, ip_addresses=["10.0.0.256"])
    self_signed("address-with-zone", ip_addresses=["fe80::1%eth0"])
    self_signed("uri-without-end", uris=["http://[::1"])
    tls.CertRequest("uri-with-space", private_key_pem=pem, uris=["http://a b/"])
    self_signed("uri-with-port", uris=["http://a:b/"])
    self_signed("uri-with-escape", uris=["http://a/%zz"])
    self_signed("uri-without-scheme", uris=["1:2"])
    self_signed("name-not-ascii", dns_names=["\u00fc.example"])
    tls.CertRequest("name-not-ascii-in-request", private_key_pem=pem, dns_names=["\u00fc.example"])
    self_signed("ca-without-subject", subject=None, is_ca_certificate=True)
    self_signed("authority-without-id", set_authority_key_id=True)
    self_signed("path-without-ca", max_path_length=1)
"""
_WRONG = """
    import pulumi_tls as tls
    key = tls.PrivateKey("key", algorithm="ED25519")
    tls.SelfSignedCert("wrong", private_key_pem=key.private_key_pem, allowed_uses=["client_auth", "everything"],
        validity_period_hours=-1, early_renewal_hours=-2, max_path_length=-3)
"""
_WRITE_ONLY = """
    import pulumi_tls as tls
    tls.CertRequest("write-only", private_key_pem_wo="the key of a test", private_key_pem_wo_version=1)
"""


@dataclass(frozen=True)
class Made:
    """What the first program made, and between which times."""

    phase: Phase
    resources: Mapping[str, Decrypted]
    begun: datetime.datetime
    ended: datetime.datetime

    def text(self, name: str, output: str) -> str:
        found = self.resources[name].outputs[output]
        assert isinstance(found, str)
        return found

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.text(name, "certPem").encode())

    def request(self, name: str) -> x509.CertificateSigningRequest:
        return x509.load_pem_x509_csr(self.text(name, "certRequestPem").encode())


def foreign_request() -> str:
    """A request of somebody else: with things in it that no request of the plugin has."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "somebody@example"),
            x509.NameAttribute(NameOID.COMMON_NAME, "foreign"),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "example"),
        ]
    )
    names: list[x509.GeneralName] = [
        x509.RFC822Name("somebody@example"),
        x509.UniformResourceIdentifier("urn:a"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.9")),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.DNSName("foreign.example"),
    ]
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM).decode()


def scenario(directory: Path, program: str) -> Scenario:
    made = Scenario(new_project(directory, directory / "home"), values={"foreign": foreign_request()})
    # Times are written as the operator's machine has them.
    made.project.environment["TZ"] = "Asia/Kathmandu"
    made.write(program)
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    run = scenario(tmp_path_factory.mktemp("made"), _PROGRAM)
    begun = datetime.datetime.now(datetime.UTC)
    phase = run.up()
    return Made(phase, decrypted(run.project), begun, datetime.datetime.now(datetime.UTC))


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Phase:
    return scenario(tmp_path_factory.mktemp("refused"), _REFUSED).up("--continue-on-error", fails=True)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Phase:
    return scenario(tmp_path_factory.mktemp("wrong"), _WRONG).preview(fails=True)


_OFFICIAL = os.environ.get("KUBENODE_TOOLS") == "system"
_KEY = "resource_private_key.go"
_REQUEST = "resource_cert_request.go"
_SELF = "resource_self_signed_cert.go"
_SIGNED = "resource_locally_signed_cert.go"
_CERTIFICATE = "common_cert.go"


def private_key(made: Made, name: str) -> serialization.ssh.SSHPrivateKeyTypes:
    key = serialization.load_pem_private_key(made.text(name, "privateKeyPem").encode(), None)
    assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey))
    return key


def error_of(phase: Phase, name: str) -> str:
    """The error of a resource, which is told the other way round before."""
    before, error = phase.messages(name, "error")
    summary, _, detail = error.partition(": ")
    assert before == f"[ERROR] {detail}: {summary}"
    return error


@behaviour(
    "an RSA key has 2048 bits, an ECDSA key the curve P224",
    source=_KEY,
    but="`rsaBits` and `ecdsaCurve` say otherwise",
)
def test_default_curve_and_bits(made: Made) -> None:
    sizes = {}
    for name in ("rsa", "rsa-1024", "ecdsa", "p256", "p384", "p521"):
        key = private_key(made, name)
        assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
        sizes[name] = key.key_size
    assert sizes == {"rsa": 2048, "rsa-1024": 1024, "ecdsa": 224, "p256": 256, "p384": 384, "p521": 521}
    assert made.resources["rsa"].outputs["rsaBits"] == 2048
    assert made.resources["ecdsa"].outputs["ecdsaCurve"] == "P224"
    assert isinstance(private_key(made, "ed25519"), ed25519.Ed25519PrivateKey)


@behaviour(
    "`privateKeyPem` is PKCS#1 for RSA and SEC 1 for ECDSA",
    source=_KEY,
    but="PKCS#8 for Ed25519; `privateKeyPemPkcs8` is PKCS#8 for all",
)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rsa", "RSA PRIVATE KEY"),
        ("p256", "EC PRIVATE KEY"),
        ("ecdsa", "EC PRIVATE KEY"),
        ("ed25519", "PRIVATE KEY"),
    ],
)
def test_forms_of_a_private_key(made: Made, name: str, kind: str) -> None:
    assert block_kind(made.text(name, "privateKeyPem")) == kind
    assert block_kind(made.text(name, "privateKeyPemPkcs8")) == "PRIVATE KEY"
    pkcs8 = serialization.load_pem_private_key(made.text(name, "privateKeyPemPkcs8").encode(), None)
    assert pkcs8.public_key() == private_key(made, name).public_key()


@behaviour(
    "PEM ends with one newline, lines are of 64 characters",
    source=_KEY,
    but="a line of `publicKeyOpenssh` is as long as the key, and ends with a newline too",
)
def test_lines_of_pem(made: Made) -> None:
    outputs = [made.text("rsa", name) for name in ("privateKeyPem", "privateKeyPemPkcs8", "publicKeyPem")]
    outputs += [made.text("signed", "certPem"), made.text("request", "certRequestPem")]
    for pem in outputs:
        first, *lines, last, rest, end = pem.split("\n")
        assert (first[:11], rest[:9], end) == ("-----BEGIN ", "-----END ", "")
        assert {len(line) for line in lines} == {64}
        assert 0 < len(last) <= 64
    line = made.text("rsa", "publicKeyOpenssh")
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert len(line) > 64


@behaviour(
    "a key has OpenSSH's forms and fingerprints too",
    source=_KEY,
    but="empty for P224, which SSH does not know",
)
def test_openssh_forms(made: Made, tmp_path: Path) -> None:
    kinds = {
        "rsa": "ssh-rsa",
        "p256": "ecdsa-sha2-nistp256",
        "p384": "ecdsa-sha2-nistp384",
        "ed25519": "ssh-ed25519",
    }
    for name, kind in kinds.items():
        line = made.text(name, "publicKeyOpenssh")
        assert line.split()[0] == kind
        assert len(line.split()) == 2  # no comment
        file = tmp_path / f"{name}.pub"
        file.write_text(line)
        for hashed, output in (("md5", "publicKeyFingerprintMd5"), ("sha256", "publicKeyFingerprintSha256")):
            command = ["ssh-keygen", "-l", "-E", hashed, "-f", str(file)]
            shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]
            assert made.text(name, output) == shown.removeprefix("MD5:")
        private = made.text(name, "privateKeyOpenssh")
        assert block_kind(private) == "OPENSSH PRIVATE KEY"
        loaded = serialization.load_ssh_private_key(private.encode(), None)
        assert loaded.public_key() == private_key(made, name).public_key()
    none = ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256")
    assert [made.text("ecdsa", output) for output in none] == [""] * 4


@behaviour(
    "the id of a key is the SHA-1 of its public half, of a certificate its serial number",
    source=f"{_KEY}, {_CERTIFICATE}",
    but="two certificates of one request have two ids",
)
def test_ids(made: Made) -> None:
    public = serialization.load_pem_public_key(made.text("p256", "publicKeyPem").encode())
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert made.phase.state["p256"]["id"] == hashlib.sha1(der).hexdigest()
    assert made.phase.state["signed"]["id"] == str(made.certificate("signed").serial_number)
    assert made.phase.state["signed"]["id"] != made.phase.state["other-order"]["id"]


@behaviour(
    "private keys are encrypted in state, as outputs and as inputs",
    source="`Sensitive` in the schemas, the SDK's `additional_secret_outputs`",
    but="public keys, requests and certificates are plain",
)
def test_secrets_in_state(made: Made) -> None:
    assert "PRIVATE KEY" not in made.phase.text_of_state
    assert made.resources["p256"].secret_outputs == {
        "privateKeyPem",
        "privateKeyOpenssh",
        "privateKeyPemPkcs8",
    }
    for name in ("request", "clock"):
        assert made.resources[name].secret_inputs == made.resources[name].secret_outputs == {"privateKeyPem"}
    assert made.resources["signed"].secret_inputs == {"caPrivateKeyPem"}
    assert made.resources["signed"].secret_outputs == {"caPrivateKeyPem"}


@behaviour(
    "a private key does not show on the screen",
    source="`Sensitive` in the schemas",
    but="a public one that is exported does",
)
def test_secrets_on_the_screen(made: Made) -> None:
    assert re.search(r"key *: \[secret\]", made.phase.output)
    assert "PRIVATE" not in made.phase.output
    assert "-----BEGIN PUBLIC KEY-----" in made.phase.output


@behaviour(
    "a request is signed by its key, which says the algorithm",
    source=_REQUEST,
    but="the form of the key's PEM does not matter",
)
def test_requests_of_every_algorithm(made: Made) -> None:
    algorithms = {
        "request-rsa": "RSA",
        "request-ecdsa": "ECDSA",
        "request-p384": "ECDSA",
        "request-ed25519": "ED25519",
    }
    assert {name: made.text(name, "keyAlgorithm") for name in algorithms} == algorithms
    assert made.request("request-p384").is_signature_valid
    for name, key in (("request-rsa", "rsa"), ("request-ed25519", "ed25519"), ("request-pkcs8", "p256")):
        assert made.request(name).public_key() == private_key(made, key).public_key()


@behaviour(
    "alternative names are in the order of the program: all DNS names, then all addresses, then all URIs",
    source=_REQUEST,
    but="a request without any has no such extension",
)
def test_order_of_alternative_names(made: Made) -> None:
    wanted = [
        "w1",
        "b.example",
        "a.example",
        "10.0.0.2",
        "10.0.0.1",
        "fd00::1",
        "spiffe://x/b",
        "spiffe://x/a",
    ]
    assert names(made.request("request").extensions) == wanted
    assert names(made.certificate("names").extensions) == ["b", "a", "10.0.0.1", "urn:a"]
    assert list(made.request("request-rsa").extensions) == []


@behaviour(
    "the order within a subject is fixed: country, organization, unit, locality, province, street, postal code, common "
    "name, serial number, and last an e-mail address",
    source="crypto/x509/pkix of Go 1.25, with which the release is built; in Go 1.26 the place is before the company",
    but="what the program does not give is not there",
)
def test_order_within_a_subject(made: Made) -> None:
    whole = [attribute.oid for attribute in made.request("whole-subject").subject]
    company = [NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME]
    before = [NameOID.LOCALITY_NAME, NameOID.STATE_OR_PROVINCE_NAME]
    after = [NameOID.STREET_ADDRESS, NameOID.POSTAL_CODE]
    end = [NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER, NameOID.EMAIL_ADDRESS]
    of_go_1_25 = [NameOID.COUNTRY_NAME, *company, *before, *after, *end]
    of_go_1_26 = [NameOID.COUNTRY_NAME, *reversed(before), *after, *company, *end]
    assert whole == of_go_1_25 or (_OFFICIAL and whole == of_go_1_26)
    given = [(attribute.oid, attribute.value) for attribute in made.request("request").subject]
    assert given == [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, "system:node:w1")]


@behaviour(
    "a common name may be longer than the 64 bytes of X.509",
    source=_REQUEST,
    but="an empty one is left out",
)
def test_long_common_name(made: Made) -> None:
    name = made.request("long-name").subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [one.value for one in name] == ["system:node:" + 63 * "w"]
    assert [one.value for one in made.request("empty-name").subject] == ["o"]


@behaviour(
    "a locally signed certificate has the key, the subject and the DNS, IP and URI names of its request",
    source=_SIGNED,
    but="no other kind of name, no e-mail address or domain component in the subject, no extension that was asked for",
)
def test_what_is_copied_from_a_request(made: Made) -> None:
    certificate, request = made.certificate("signed"), made.request("request")
    assert certificate.public_key() == request.public_key()
    assert certificate.subject == request.subject
    assert names(certificate.extensions) == names(request.extensions)
    foreign = made.certificate("foreign")
    assert foreign.subject.rfc4514_string() == "CN=foreign"
    assert names(foreign.extensions) == ["foreign.example", "10.0.0.9", "urn:a"]
    assert not constraints(foreign).ca
    assert extended(foreign) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@behaviour(
    "it is signed by the authority, whose subject and key id it names",
    source=_SIGNED,
    but="no key id of an authority that has none",
)
def test_issuer(made: Made) -> None:
    certificate, authority = made.certificate("signed"), made.certificate("ca")
    certificate.verify_directly_issued_by(authority)
    own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert authority_id(certificate) == own
    assert authority_id(made.certificate("by-ca-without-id")) is None
    assert authority_id(made.certificate("clock")) is None
    assert made.text("signed", "caKeyAlgorithm") == "ECDSA"


@behaviour(
    "the authority is the first PEM block of `caCertPem`; text around it does not matter",
    source=f"{_SIGNED} `decodePEM`, which leaves what follows the first block unread",
    but="a bundle whose first certificate is not that of the key is refused",
)
def test_one_authority(made: Made, refused: Phase) -> None:
    authority = made.certificate("ca")
    for name in ("of-a-bundle", "with-text-around"):
        made.certificate(name).verify_directly_issued_by(authority)
    error = error_of(refused, "bundle-in-wrong-order")
    assert "provided PrivateKey doesn't match parent's PublicKey" in error


@behaviour(
    "`allowedUses` become key usages, and extended ones in the order of the program",
    source=_CERTIFICATE,
    but="with no uses, or none of a kind, the extension is not there",
)
def test_allowed_uses(made: Made) -> None:
    server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    assert extended(made.certificate("signed")) == [client, server]
    assert extended(made.certificate("other-order")) == [server, client]
    for name in ("signed", "other-order"):
        assert usages(made.certificate(name)) == {"digital_signature", "key_encipherment"}
    assert usages(made.certificate("ca")) == {"key_cert_sign"}
    for name in ("no-uses", "clock"):
        assert (extended(made.certificate(name)), usages(made.certificate(name))) == ([], set())
    assert (extended(made.certificate("ca")), usages(made.certificate("no-subject"))) == ([], set())


@behaviour(
    "`isCaCertificate` makes an authority with a key id; `maxPathLength` is its path length",
    source=f"{_CERTIFICATE}, Go's crypto/x509",
    but="a path length of 0 is not written; without `isCaCertificate` it is no authority",
)
def test_authorities(made: Made) -> None:
    found = {
        name: constraints(made.certificate(name)) for name in ("ca", "path-zero", "intermediate", "signed")
    }
    assert {name: (each.ca, each.path_length) for name, each in found.items()} == {
        "ca": (True, 1),
        "path-zero": (True, None),
        "intermediate": (True, None),
        "signed": (False, None),
    }
    assert has(made.certificate("ca"), ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    assert not has(made.certificate("signed"), ExtensionOID.SUBJECT_KEY_IDENTIFIER)


@behaviour(
    "`setSubjectKeyId` and `setAuthorityKeyId` write the SHA-1 of the key",
    source=_CERTIFICATE,
    but="neither is there without them; the second needs the first, or `isCaCertificate`",
)
def test_key_ids(made: Made, refused: Phase) -> None:
    both = made.certificate("key-ids")
    own = x509.SubjectKeyIdentifier.from_public_key(both.public_key()).digest
    assert (subject_id(both), authority_id(both)) == (own, own)
    rsa_one = made.certificate("key-id-rsa")
    assert subject_id(rsa_one) == x509.SubjectKeyIdentifier.from_public_key(rsa_one.public_key()).digest
    ed = made.certificate("key-id-ed25519").public_key()
    assert isinstance(ed, ed25519.Ed25519PublicKey)
    # Of the key as an octet string, not of its bits as elsewhere.
    assert (
        subject_id(made.certificate("key-id-ed25519"))
        == hashlib.sha1(b"\x04\x20" + ed.public_bytes_raw()).digest()
    )
    assert subject_id(made.certificate("clock")) is None
    assert authority_id(made.certificate("clock")) is None
    assert "Could not determine Authority Key Identifier" in error_of(refused, "authority-without-id")


@behaviour(
    "a certificate is valid from the second at which it is made, for `validityPeriodHours`",
    source=_CERTIFICATE,
    but="there is no backdating, not by a second",
)
def test_not_before_is_now(made: Made) -> None:
    for name, hours in (("signed", 10), ("clock", 100)):
        certificate = made.certificate(name)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        assert made.begun.replace(microsecond=0) <= begin <= made.ended
        assert end - begin == datetime.timedelta(hours=hours)


@behaviour(
    "`validityStartTime` and `validityEndTime` are RFC 3339 with a fraction, in the zone of the operator's machine",
    source=f"{_CERTIFICATE}, Go's `time.MarshalText`",
    but="the certificate itself has whole seconds of UTC",
)
def test_form_of_times(made: Made) -> None:
    certificate = made.certificate("signed")
    for output, inside in (
        ("validityStartTime", certificate.not_valid_before_utc),
        ("validityEndTime", certificate.not_valid_after_utc),
    ):
        text = made.text("signed", output)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,8}[1-9]|\.[1-9])?\+05:45", text)
        assert datetime.datetime.fromisoformat(text).replace(microsecond=0) == inside


@behaviour(
    "`readyForRenewal` is false in the beginning",
    source="attribute_plan_modifier_bool",
    but="true if `earlyRenewalHours` is all of the validity",
)
def test_ready_for_renewal_in_the_beginning(made: Made) -> None:
    assert made.resources["signed"].outputs["readyForRenewal"] is False
    assert made.resources["clock"].outputs["readyForRenewal"] is False
    assert made.resources["due"].outputs["readyForRenewal"] is True


@behaviour(
    "an address of IPv4 that is written as one of IPv6 is one of IPv4",
    source="Go's crypto/x509",
    but="another one of IPv6 stays so",
)
def test_mapped_addresses(made: Made) -> None:
    assert names(made.certificate("mapped").extensions) == ["10.0.0.9", "fd00::9"]


@behaviour(
    "an authority whose certificate is not that of one signs, with a warning",
    source=_SIGNED,
    but="of one that is, nothing is said",
)
def test_warning_of_no_authority(made: Made) -> None:
    (said,) = made.phase.messages("by-ca-without-id")
    assert "does not appear to be a valid Certificate Authority" in said
    assert made.certificate("by-ca-without-id").subject.rfc4514_string() == "CN=r"
    assert made.phase.messages("signed") == []


@behaviour(
    "a certificate without a subject has critical alternative names",
    source="Go's crypto/x509",
    but="beside a subject they are not critical",
)
def test_no_subject(made: Made) -> None:
    san = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    assert list(made.certificate("no-subject").subject) == []
    assert made.certificate("no-subject").extensions.get_extension_for_oid(san).critical
    assert not made.certificate("names").extensions.get_extension_for_oid(san).critical


@behaviour(
    "what cannot be made fails its resource with the reason, told twice, and nothing of it is in state",
    source=f"{_REQUEST}, {_SELF}, {_SIGNED}, common_key.go",
    but="resources beside it are made",
)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ca-is-a-request", 'invalid PEM type - expected "CERTIFICATE", got "CERTIFICATE REQUEST"'),
        ("ca-is-no-pem", 'failed to decode PEM of expected type "CERTIFICATE" from bytes'),
        ("key-of-another", "x509: provided PrivateKey doesn't match parent's PublicKey"),
        ("request-is-a-certificate", 'invalid PEM type - expected "CERTIFICATE REQUEST", got "CERTIFICATE"'),
        ("key-is-openssh", "unsupported PEM preamble/type: OPENSSH PRIVATE KEY"),
        ("key-is-public", "unable to determine parser for PEM preamble: PUBLIC KEY"),
        ("no-address", 'Failed to parse "10.0.0.256"'),
        ("ca-is-indented", 'failed to decode PEM of expected type "CERTIFICATE" from bytes'),
        ("key-is-indented", "failed to decode PEM block: decoded bytes 0, undecoded"),
        ("address-with-zone", 'Failed to parse "fe80::1%eth0"'),
        ("uri-without-end", "missing ']' in host"),
        ("uri-with-space", 'invalid character " " in host name'),
        ("uri-with-port", 'invalid port ":b" after host'),
        ("uri-with-escape", 'invalid URL escape "%zz"'),
        ("uri-without-scheme", "first path segment in URL cannot contain colon"),
        ("name-not-ascii", 'x509: "ü.example" cannot be encoded as an IA5String'),
        ("name-not-ascii-in-request", 'x509: "ü.example" cannot be encoded as an IA5String'),
        ("ca-without-subject", "Must contain at least one Distinguished Name"),
        ("path-without-ca", "x509: only CAs are allowed to specify MaxPathLen"),
    ],
)
def test_failures(refused: Phase, name: str, reason: str) -> None:
    assert reason in error_of(refused, name)
    assert name not in refused.state
    assert {"in-order", "ca", "request"} <= set(refused.state)


@behaviour(
    "inputs that are wrong by themselves are refused by a preview, all of a resource at once",
    source="validators in the schemas",
    but="the good value beside the wrong one is not named",
)
def test_wrong_inputs(wrong: Phase) -> None:
    said = "\n".join(wrong.messages("wrong", "error"))
    assert "everything" in said
    assert all(f"got: {value}" in said for value in (-1, -2, -3))
    assert "got: client_auth" not in said
    assert "wrong" not in wrong.state


def block_kind(pem: str) -> str:
    found = re.fullmatch(r"-----BEGIN ([A-Z ]+)-----\n.*-----END \1-----\n", pem, re.DOTALL)
    assert found, "not one PEM block"
    return found[1]


def names(extensions: x509.Extensions) -> list[str]:
    found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


def has(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bool:
    return oid in [extension.oid for extension in certificate.extensions]


def constraints(certificate: x509.Certificate) -> x509.BasicConstraints:
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value


def subject_id(certificate: x509.Certificate) -> bytes | None:
    if not has(certificate, ExtensionOID.SUBJECT_KEY_IDENTIFIER):
        return None
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def authority_id(certificate: x509.Certificate) -> bytes | None:
    if not has(certificate, ExtensionOID.AUTHORITY_KEY_IDENTIFIER):
        return None
    return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier


def extended(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    if not has(certificate, ExtensionOID.EXTENDED_KEY_USAGE):
        return []
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def usages(certificate: x509.Certificate) -> set[str]:
    if not has(certificate, ExtensionOID.KEY_USAGE):
        return set()
    found = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    kinds = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    )
    return {kind for kind in (*kinds, "key_cert_sign", "crl_sign") if getattr(found, kind)}


@bug(
    "`privateKeyPemWo` and `caPrivateKeyPemWo` take the place of the key's ordinary input and are not kept in state; "
    "only another `...WoVersion` brings a new key in",
    source="the SDK's documentation; not tried with the official plugin",
    decision="refused",
    here="an error that says so, and does not show the key",
)
def test_write_only_keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    phase = scenario(tmp_path_factory.mktemp("write-only"), _WRITE_ONLY).preview(fails=True)
    assert "takes the key of privateKeyPemWo in place of privateKeyPem" in phase.output
    assert "only if privateKeyPemWoVersion changes" in phase.output
    assert "the key of a test" not in phase.output
