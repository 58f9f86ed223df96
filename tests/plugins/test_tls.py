"""The tls plugin over gRPC: formats, replacement rules and renewal."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from sandbox.plugins import tls as plugin
from sandbox.plugins.values import UNKNOWN, Secret, plain
from tests.plugins.rpc import Engine, RefusedError, State

KEY, REQUEST = "tls:index/privateKey:PrivateKey", "tls:index/certRequest:CertRequest"
SELF, SIGNED = "tls:index/selfSignedCert:SelfSignedCert", "tls:index/locallySignedCert:LocallySignedCert"


@pytest.mark.parametrize(
    ("inputs", "preamble", "ssh"),
    [
        ({"algorithm": "RSA"}, "RSA PRIVATE KEY", "ssh-rsa "),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, "EC PRIVATE KEY", "ecdsa-sha2-nistp256 "),
        ({"algorithm": "ECDSA"}, "EC PRIVATE KEY", ""),
        ({"algorithm": "ED25519"}, "PRIVATE KEY", "ssh-ed25519 "),
    ],
)
def test_key_formats(tls: Engine, tmp_path: Path, inputs: dict[str, Any], preamble: str, ssh: str) -> None:
    made = tls.create(KEY, "k", **inputs)
    out = plain(made.outputs)
    assert out["privateKeyPem"].startswith(f"-----BEGIN {preamble}-----\n")
    assert out["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert out["publicKeyPem"].startswith("-----BEGIN PUBLIC KEY-----\n")
    secret = {name for name, value in made.outputs.items() if isinstance(value, Secret)}
    assert secret == {"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"}
    if not ssh:
        assert (out["publicKeyOpenssh"], out["privateKeyOpenssh"], out["publicKeyFingerprintMd5"]) == (
            "",
            "",
            "",
        )
        return
    assert out["publicKeyOpenssh"].startswith(ssh)
    file = tmp_path / "key.pub"
    file.write_text(out["publicKeyOpenssh"])
    for kind in ("sha256", "md5"):
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-E", kind, "-f", file], check=True, capture_output=True, text=True
        )
        assert shown.stdout.split()[1].removeprefix("MD5:") == out[f"publicKeyFingerprint{kind.capitalize()}"]
    serialization.load_ssh_private_key(out["privateKeyOpenssh"].encode(), None)


@pytest.fixture
def authority(tls: Engine) -> dict[str, Any]:
    key = plain(tls.create(KEY, "ca", algorithm="ECDSA", ecdsaCurve="P256").outputs)["privateKeyPem"]
    made = tls.create(
        SELF,
        "ca",
        privateKeyPem=key,
        subject={"commonName": "ca"},
        isCaCertificate=True,
        validityPeriodHours=100,
        allowedUses=["cert_signing"],
    )
    return {"caPrivateKeyPem": key, "caCertPem": made.outputs["certPem"]}


def request(tls: Engine) -> str:
    key = plain(tls.create(KEY, "k", algorithm="ECDSA", ecdsaCurve="P256").outputs)["privateKeyPem"]
    made = tls.create(
        REQUEST,
        "r",
        privateKeyPem=key,
        subject={"commonName": "system:node:w1", "organization": "system:nodes"},
        dnsNames=["w1"],
        ipAddresses=["10.0.0.1"],
    )
    assert made.outputs["keyAlgorithm"] == "ECDSA"
    return str(made.outputs["certRequestPem"])


def signed_inputs(tls: Engine, authority: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        **authority,
        "certRequestPem": request(tls),
        "validityPeriodHours": 10,
        "allowedUses": ["digital_signature", "client_auth"],
        **more,
    }


def test_signed_certificate(tls: Engine, authority: dict[str, Any]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    made = tls.create(SIGNED, "c", **signed_inputs(tls, authority))
    certificate = x509.load_pem_x509_certificate(made.outputs["certPem"].encode())
    issuer = x509.load_pem_x509_certificate(authority["caCertPem"].encode())
    certificate.verify_directly_issued_by(issuer)
    assert certificate.subject.rfc4514_string() == "CN=system:node:w1,O=system:nodes"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["w1"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert before <= certificate.not_valid_before_utc <= before + timedelta(seconds=5)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(hours=10)
    end = datetime.fromisoformat(made.outputs["validityEndTime"])
    assert end.replace(microsecond=0) == certificate.not_valid_after_utc
    assert made.id == str(certificate.serial_number)
    assert made.outputs["readyForRenewal"] is False
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert (
        certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        == own
    )


def test_what_replaces(tls: Engine, authority: dict[str, Any]) -> None:
    inputs = signed_inputs(tls, authority)
    made = tls.create(SIGNED, "c", **inputs)
    assert tls.diff(SIGNED, "c", made, **inputs).changes == 1  # none
    assert tls.diff(SIGNED, "c", made, **inputs, earlyRenewalHours=0).changes == 1  # the default
    assert list(tls.diff(SIGNED, "c", made, **inputs, earlyRenewalHours=1).replaces) == []
    uses = {**inputs, "allowedUses": ["client_auth", "digital_signature"]}
    assert list(tls.diff(SIGNED, "c", made, **uses).replaces) == ["allowedUses[0]", "allowedUses[1]"]
    unknown = {**inputs, "certRequestPem": UNKNOWN}
    assert list(tls.diff(SIGNED, "c", made, **unknown).replaces) == ["certRequestPem"]


def test_renewal_is_seen_by_diff_and_by_refresh(
    tls: Engine, authority: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = signed_inputs(tls, authority, earlyRenewalHours=4)
    made = tls.create(SIGNED, "c", **inputs)

    def at(hours: float) -> tuple[list[str], Any]:
        monkeypatch.setattr(plugin, "now", lambda: datetime.now(UTC) + timedelta(hours=hours))
        read = tls.read(SIGNED, "c", made)
        assert isinstance(read, State)
        return list(tls.diff(SIGNED, "c", made, **inputs).replaces), read.outputs["readyForRenewal"]

    assert at(5.9) == ([], False)
    assert at(6.1) == (["readyForRenewal"], True)
    assert at(11) == (["readyForRenewal"], True)


def test_early_renewal_hours_change_in_place(tls: Engine, authority: dict[str, Any]) -> None:
    inputs = signed_inputs(tls, authority)
    made = tls.create(SIGNED, "c", **inputs)
    updated = tls.update(SIGNED, "c", made, **inputs, earlyRenewalHours=2)
    assert updated.outputs["certPem"] == made.outputs["certPem"]
    assert updated.outputs["earlyRenewalHours"] == 2


def test_preview_knows_only_the_inputs(tls: Engine) -> None:
    outputs = tls.preview_create(KEY, "k", algorithm="RSA")
    assert (outputs["rsaBits"], outputs["publicKeyPem"]) == (2048, UNKNOWN)


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (KEY, {}, "algorithm: Missing required property"),
        (KEY, {"algorithm": "DSA"}, "value must be one of: ECDSA, ED25519, RSA, got: DSA"),
        (SIGNED, {"allowedUses": ["all"]}, "got: all"),
        (REQUEST, {"privateKeyPemWo": "x"}, "knows no input privateKeyPemWo"),
    ],
)
def test_wrong_inputs_are_named(tls: Engine, token: str, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        tls.check(token, "x", inputs)


def test_errors_say_what_is_wrong(tls: Engine, authority: dict[str, Any]) -> None:
    wrong = signed_inputs(tls, authority)
    wrong["caCertPem"] = wrong["certRequestPem"]
    with pytest.raises(grpc.RpcError) as caught:
        tls.create(SIGNED, "c", **wrong)
    assert 'expected "CERTIFICATE", got "CERTIFICATE REQUEST"' in str(caught.value.details())
