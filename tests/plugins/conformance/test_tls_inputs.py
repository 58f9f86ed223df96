"""What tls resources take: inputs of other types than their own, and values that a preview does not know.

A preview ends at the first resource that is refused, so each case has one of its own; then the right inputs are made,
and changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.plugins.behaviours import behaviour, bug
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_CONVERT = "pulumi-terraform-bridge pkg/convert"
_RENEWAL = "internal/provider/common_cert.go, modifyPlanIfCertificateReadyForRenewal"
_SECRETS = ("3.1.4.1.5", "7391", "no-such-use", "LABEL OF A TEST")

_PROGRAM = """
    import pulumi_tls as tls
    hidden = Output.secret
    def key(name, **arguments):
        return tls.PrivateKey(name, **{"algorithm": "ED25519", **arguments})
    one = key("one")
    def certificate(name, **arguments):
        return tls.SelfSignedCert(name, **{**dict(private_key_pem=one.private_key_pem,
            subject={"common_name": "x"}, allowed_uses=["cert_signing"], validity_period_hours=100), **arguments})

    if CASE == "list":
        certificate(CASE, dns_names="a")
    elif CASE == "switch":
        certificate(CASE, is_ca_certificate="false")
    elif CASE == "number":
        certificate(CASE, validity_period_hours="ten")
    elif CASE == "fraction":
        certificate(CASE, validity_period_hours=10.5)
    elif CASE == "hours":
        certificate(CASE, validity_period_hours=2562048)
    elif CASE == "early-hours":
        certificate(CASE, early_renewal_hours=2562048)
    elif CASE == "secret-use":
        certificate(CASE, allowed_uses=[hidden(SECRETS[2])])
    elif CASE == "secret-address":
        certificate(CASE, ip_addresses=[hidden(SECRETS[0])])
    elif CASE == "secret-bits":
        key(CASE, algorithm="RSA", rsa_bits=hidden(int(SECRETS[1]) - 7000))
    elif CASE == "secret-label":
        label = f"{SECRETS[3]}-----\\n"
        certificate(CASE, private_key_pem=hidden(f"-----BEGIN {label}AAAA\\n-----END {label}"))
    elif CASE == "few-bits":
        key(CASE, algorithm="RSA", rsa_bits=512)
    else:
        certificate("digits", validity_period_hours=at("100", 100), early_renewal_hours=at("2", 2))
        certificate("empty", early_renewal_hours=at("", None))
        certificate("text", subject={"common_name": at(True, "true"), "postal_code": at(123, "123")},
            dns_names=at([7], ["7"]))
        trigger = key("trigger", algorithm=at("ED25519", "ECDSA"))
        later = trigger.public_key_pem.apply(lambda _: 2)
        certificate("hours", early_renewal_hours=later if UNKNOWN == "there" else 1)
        if UNKNOWN == "new":
            certificate("new-hours", early_renewal_hours=later)
"""


@dataclass
class Inputs:
    """`told` is what was said in each case."""

    told: dict[str, str]
    created: Phase
    same: Phase
    unknown: Phase


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    directory = tmp_path_factory.mktemp("inputs")
    values = {"SECRETS": _SECRETS, "UNKNOWN": ""}
    scenario = Scenario(new_project(directory, directory / "home"), values=values)
    scenario.write(_PROGRAM)
    cases = ("list", "switch", "number", "fraction", "hours", "early-hours", "secret-use")
    told = {case: scenario.preview(fails=None, CASE=case).output for case in cases}
    for case in ("few-bits", "secret-address", "secret-bits", "secret-label"):
        told[case] = scenario.up(fails=None, CASE=case).output
        scenario.phase -= 1
    created = scenario.up(CASE="")
    same = scenario.preview(UNKNOWN="new")
    return Inputs(told, created, same, scenario.preview(fails=None, UNKNOWN="there"))


@behaviour(
    "a text in the place of a list, a switch or a number is refused in the preview",
    source=_CONVERT,
    but="digits are a number, and an empty text is none",
)
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("list", "Expected an Array PropertyValue"),
        ("switch", "Expected a Boolean"),
        ("number", "Expected a Number"),
    ],
)
def test_texts(inputs: Inputs, case: str, reason: str) -> None:
    assert reason in inputs.told[case]
    outputs = inputs.created.outputs("digits")
    assert (outputs["validityPeriodHours"], outputs["earlyRenewalHours"]) == (100, 2)
    assert inputs.created.outputs("empty")["earlyRenewalHours"] == 0


@behaviour(
    "a number with a fraction is refused where a whole one is due",
    source="terraform-plugin-framework types/basetypes/int64_type.go",
    but="a whole one is taken",
)
def test_fractions(inputs: Inputs) -> None:
    assert "is not an integer" in inputs.told["fraction"]
    assert inputs.created.outputs("digits")["validityPeriodHours"] == 100


@behaviour(
    "a number or a switch in the place of a text is that text, in lists and in `subject` too",
    source=_CONVERT,
    but="to write it as the text later is no change",
)
def test_numbers_as_texts(inputs: Inputs) -> None:
    outputs = inputs.created.outputs("text")
    assert (outputs["subject"]["commonName"], outputs["subject"]["postalCode"]) == ("true", "123")
    assert outputs["dnsNames"] == ["7"]
    for name in ("text", "digits", "empty"):
        assert inputs.same.ops(name) == ["same"]


@behaviour(
    "an RSA key of fewer than 1024 bits is refused when it is made",
    source="crypto/rsa",
    but="not by a preview",
)
def test_few_bits(inputs: Inputs) -> None:
    assert "crypto/rsa: 512-bit keys are insecure" in inputs.told["few-bits"]


@bug(
    "`earlyRenewalHours` that a preview does not know yet ends the preview of a certificate that is there with an "
    "error: it is compared with the clock",
    source=_RENEWAL,
    decision="copied",
    here="the same, with the name of the input; of a certificate that is new it is taken",
)
def test_unknown_hours(inputs: Inputs) -> None:
    assert "the target type cannot handle unknown values" in inputs.unknown.output
    assert inputs.same.ops("new-hours") == ["create"]


@bug(
    "of more than 2562047 hours (292 years) it loses count: the certificate may end before it begins",
    source="time.Duration of Go; seen",
    decision="refused",
    here="an error that says so, in the preview",
)
def test_many_hours(inputs: Inputs) -> None:
    for case in ("hours", "early-hours"):
        assert "counts at most 2562047 hours rightly, got: 2562048" in inputs.told[case]


@bug(
    "a reason quotes the value that it refuses, also if it is secret",
    source="terraform-plugin-framework-validators stringvalidator/one_of.go; internal/provider",
    decision="not copied",
    here="a mark in the place of what is secret",
)
def test_refused_secrets(inputs: Inputs) -> None:
    told = inputs.told
    assert "value must be one of" in told["secret-use"]
    assert "Failed to parse" in told["secret-address"]
    assert "unsupported PEM preamble/type: [unknown]" in told["secret-label"]
    assert "[secret]-bit keys are insecure" in told["secret-bits"]
    for secret in (*_SECRETS, "391-bit"):
        assert not [case for case in told if secret in told[case]]
