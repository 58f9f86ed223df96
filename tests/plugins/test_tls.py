"""The tls plugin over gRPC: what a program seldom meets. What it meets is in `conformance`."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.plugins.values import UNKNOWN
from tests.plugins.rpc import Engine, RefusedError

KEY, REQUEST = "tls:index/privateKey:PrivateKey", "tls:index/certRequest:CertRequest"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"


def test_preview_knows_only_the_inputs(tls: Engine) -> None:
    outputs = tls.preview_create(KEY, "k", algorithm="RSA")
    assert (outputs["rsaBits"], outputs["publicKeyPem"]) == (2048, UNKNOWN)


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (KEY, {}, "algorithm: Missing required property"),
        (KEY, {"algorithm": "DSA"}, "value must be one of: ECDSA, ED25519, RSA, got: DSA"),
        (
            KEY,
            {"algorithm": "ECDSA", "ecdsaCurve": "P-256"},
            "ecdsaCurve: value must be one of: P224, .*, got: P-256",
        ),
        (SIGNED, {"allowedUses": ["all"]}, "got: all"),
        (REQUEST, {"other": "x"}, "knows no input other"),
    ],
)
def test_wrong_inputs_are_named(tls: Engine, token: str, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        tls.check(token, "x", inputs)
