"""A certificate authority that could not sign for nodes is refused, with every reason at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from components.settings import SettingsError, load
from components.settings.authority import early_end, examined, is_among
from tests.components import example
from tests.components.authorities import NOW, certificate_pem, key_pem, new_key

KEY = new_key()


def problems(certificate: str | None, key: str | None) -> list[str]:
    return [f"{part}: {message}" for part, message in examined(certificate, key, NOW).problems]


@pytest.mark.parametrize("may_sign", [True, None], ids=["key usage", "no key usage"])
@pytest.mark.parametrize(
    "purposes",
    [
        (),
        (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,),
        (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
    ],
)
def test_a_good_one_is_taken(may_sign: bool | None, purposes: Any) -> None:
    assert problems(certificate_pem(KEY, may_sign=may_sign, purposes=purposes), key_pem(KEY)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"is_authority": False},
            "may not sign: it is no authority's (its basic constraints do not say CA:TRUE)",
        ),
        ({"may_sign": False}, "may not sign: its key usage lacks the signing of certificates (keyCertSign)"),
        (
            {"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)},
            "may not sign for a client: its extended key usage lacks clientAuth",
        ),
        ({"end": NOW - timedelta(days=1)}, "has expired, on 2026-05-31: what it signs is trusted by nobody"),
        ({"start": NOW + timedelta(days=1)}, "is valid from 2026-06-02T00:00Z on only"),
    ],
)
def test_one_that_cannot_sign_is_refused(changes: dict[str, Any], expected: str) -> None:
    assert problems(certificate_pem(KEY, **changes), key_pem(KEY)) == [f"certificate: {expected}"]


def test_the_key_of_another_is_refused_and_everything_is_said_at_once() -> None:
    bad = certificate_pem(KEY, is_authority=False, may_sign=False, end=NOW - timedelta(days=2))
    found = problems(bad, key_pem(new_key()))
    assert len(found) == 4
    assert found[-1] == "privateKey: is not the key of the certificate: give the two that go together"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing", "expected a certificate in PEM, for example -----BEGIN CERTIFICATE-----..."),
        (example.CA_PEM, "is no readable certificate"),
        (
            certificate_pem(KEY) + certificate_pem(new_key()),
            "expected one certificate, that of the authority which signs: leave the others out",
        ),
    ],
    ids=["no PEM", "no certificate", "two"],
)
def test_what_is_not_one_certificate_is_refused(text: str, expected: str) -> None:
    assert problems(text, None) == [f"certificate: {expected}"]


def test_a_key_that_cannot_be_read_is_refused_and_not_shown() -> None:
    locked = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")).decode()
    for text in ("nothing", locked, example.private_key()):
        (problem,) = problems(None, text)
        assert (
            problem == "privateKey: expected a private key in PEM, RSA, ECDSA or Ed25519, without passphrase"
        )


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_is_kept_in_the_form_that_every_reader_takes(form: PrivateFormat) -> None:
    from cryptography.hazmat.primitives.serialization import NoEncryption  # noqa: PLC0415

    written = KEY.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    found = examined(None, parameters + written, NOW).key or ""
    assert found.startswith("-----BEGIN EC PRIVATE KEY-----\n")
    read = load_pem_private_key(found.encode(), None)
    assert isinstance(read, ec.EllipticCurvePrivateKey)
    assert read.private_numbers() == KEY.private_numbers()


def test_an_authority_is_known_by_its_name_and_key() -> None:
    ours, other = certificate_pem(KEY), certificate_pem(new_key())
    renewed = certificate_pem(KEY, end=NOW + timedelta(days=9999))
    assert is_among(ours, other + renewed) is True
    assert is_among(ours, other) is False
    assert is_among(ours, certificate_pem(KEY, common_name="else")) is False
    assert is_among(ours, example.CA_PEM) is None


def test_an_authority_that_ends_before_what_it_signs_is_found_out() -> None:
    end = NOW + timedelta(days=10)
    pem = certificate_pem(KEY, end=end)
    assert early_end(pem, 10 * 24 + 1, NOW) == end
    assert early_end(pem, 10 * 24, NOW) is None
    assert early_end(example.CA_PEM, 1, NOW) is None


# From the stack file.


def raw(directory: Path, **ca: object) -> dict[str, Any]:
    example.write_project(directory)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (directory / "ca.pem").write_text(certificate_pem(key, end=NOW + timedelta(days=36500)))
    (directory / "ca-key.pem").write_text(key_pem(key))
    given = {"certificateFile": "ca.pem", "privateKeyFile": "ca-key.pem", **ca}
    wanted = {name: value for name, value in given.items() if value is not None}
    return example.changed(example.raw(), {"identity": {"issuer": "ca", "ca": wanted}})


def lines(directory: Path, given: dict[str, Any], encrypted: set[str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(given, directory, encrypted)
    return str(caught.value).splitlines()


def test_files_and_contents_are_the_same(tmp_path: Path) -> None:
    by_file = load(raw(tmp_path), tmp_path)
    contents = {
        "certificateFile": None,
        "privateKeyFile": None,
        "certificate": (tmp_path / "ca.pem").read_text(),
        "privateKey": (tmp_path / "ca-key.pem").read_text(),
    }
    given = example.changed(
        example.raw(),
        {"identity": {"issuer": "ca", "ca": {key: text for key, text in contents.items() if text}}},
    )
    inline = load(given, tmp_path, {"identity"})
    assert by_file.authority == inline.authority
    assert by_file.authority is not None
    assert by_file.authority.private_key is not None
    assert "RSA PRIVATE KEY" not in repr(by_file)


def test_a_key_in_plain_text_is_refused_and_not_repeated(tmp_path: Path) -> None:
    given = raw(tmp_path)
    secret = (tmp_path / "ca-key.pem").read_text()
    given["identity"]["ca"] = {"certificateFile": "ca.pem", "privateKey": secret}
    (problem,) = lines(tmp_path, given, {"ssh"})
    assert problem == (
        "identity.ca.privateKey: is a secret, and so must be encrypted: "
        "pulumi config set --secret --path 'identity.ca.privateKey'"
    )
    assert load(given, tmp_path, {"identity"}).authority is not None


def test_without_the_key_s_file_a_preview_is_enough(tmp_path: Path) -> None:
    given = raw(tmp_path)
    (tmp_path / "ca-key.pem").unlink()
    found = load(given, tmp_path)
    assert found.authority is not None
    assert found.authority.private_key is None
    with pytest.raises(SettingsError, match=r"identity\.ca\.privateKeyFile: there is no file ca-key\.pem"):
        found.require_files()


def test_both_or_neither_of_a_pair_is_refused(tmp_path: Path) -> None:
    given = raw(tmp_path, certificate=certificate_pem(KEY), privateKeyFile=None)
    assert lines(tmp_path, given) == [
        "identity.ca.certificate: expected exactly one of certificateFile, certificate; both are given",
        "identity.ca.privateKey: expected exactly one of privateKeyFile, privateKey; none is given, "
        "for example privateKeyFile: secrets/ca-key.pem",
    ]
