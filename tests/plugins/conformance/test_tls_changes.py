"""Changed inputs, renewal and the end of keys, requests and certificates.

One program: every resource is named after the one input of it that changes in the second phase. Between the phases an
unchanged program is previewed, refreshed and previewed again.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass

import pytest

from tests.plugins.behaviours import behaviour, counter
from tests.plugins.engine import Project, new_project
from tests.plugins.scenario import Phase, Scenario

_PROGRAM = """
    import pulumi_tls as tls
    def key(name, **arguments):
        return tls.PrivateKey("key-" + name, **{"algorithm": "ED25519", **arguments})
    one, two = key("one"), key("two")
    key("algorithm", algorithm=at("ED25519", "RSA"), rsa_bits=1024)
    key("curve", algorithm="ECDSA", ecdsa_curve=at("P256", "P384"))
    key("bits", algorithm="RSA", rsa_bits=at(1024, 1032))
    key("unused-curve", ecdsa_curve=at("P256", "P384"))
    key("default-curve", ecdsa_curve=at(None, "P224"))
    key("default-bits", rsa_bits=at(None, 2048))

    def request(name, **arguments):
        return tls.CertRequest("request-" + name, **{**dict(private_key_pem=one.private_key_pem,
            subject={"common_name": "x"}), **arguments})
    plain = request("same")
    request("key", private_key_pem=at(one, two).private_key_pem)
    request("common-name", subject={"common_name": at("a", "b")})
    request("organization", subject={"common_name": "x", "organization": at("a", None)})
    request("dns-more", dns_names=at(["a"], ["a", "b"]))
    request("dns-order", dns_names=at(["a", "b"], ["b", "a"]))
    request("dns-none", dns_names=at(None, ["a"]))
    request("dns-same", dns_names=["b", "a"])
    request("addresses-order", ip_addresses=at(["10.0.0.1", "10.0.0.2"], ["10.0.0.2", "10.0.0.1"]))
    request("uris-order", uris=at(["urn:a", "urn:b"], ["urn:b", "urn:a"]))

    def self_signed(name, **arguments):
        return tls.SelfSignedCert("self-" + name, **{**dict(private_key_pem=one.private_key_pem,
            subject={"common_name": "x"}, allowed_uses=["cert_signing"], validity_period_hours=100), **arguments})
    ca, again = self_signed("ca", is_ca_certificate=True), self_signed("again", is_ca_certificate=True)
    self_signed("key", private_key_pem=at(one, two).private_key_pem)
    self_signed("common-name", subject={"common_name": at("a", "b")})
    self_signed("dns-order", dns_names=at(["a", "b"], ["b", "a"]))
    self_signed("hours", validity_period_hours=at(100, 101))
    self_signed("uses-more", allowed_uses=at([], ["client_auth"]))
    self_signed("uses-order", allowed_uses=at(["client_auth", "server_auth"], ["server_auth", "client_auth"]))
    self_signed("is-ca", is_ca_certificate=at(False, True))
    self_signed("path", is_ca_certificate=True, max_path_length=at(1, 2))
    self_signed("subject-id", set_subject_key_id=at(False, True))
    self_signed("authority-id", set_subject_key_id=True, set_authority_key_id=at(False, True))
    self_signed("early", early_renewal_hours=at(1, 2))
    self_signed("early-lowered", early_renewal_hours=at(2, None))
    self_signed("defaults", **at({}, dict(early_renewal_hours=0, is_ca_certificate=False, set_subject_key_id=False,
        set_authority_key_id=False)))

    def signed(name, **arguments):
        return tls.LocallySignedCert("signed-" + name, **{**dict(ca_cert_pem=ca.cert_pem,
            ca_private_key_pem=one.private_key_pem, cert_request_pem=plain.cert_request_pem,
            allowed_uses=["client_auth"], validity_period_hours=100), **arguments})
    signed("ca", ca_cert_pem=at(ca, again).cert_pem)
    signed("ca-key", ca_private_key_pem=at(one.private_key_pem, Output.concat("the same\\n", one.private_key_pem)))
    signed("request", cert_request_pem=at(plain, request("other", dns_names=["b"])).cert_request_pem)
    signed("hours", validity_period_hours=at(100, 99))
    signed("uses-more", allowed_uses=at(["client_auth"], ["client_auth", "digital_signature"]))
    signed("uses-order", allowed_uses=at(["client_auth", "server_auth"], ["server_auth", "client_auth"]))
    signed("is-ca", is_ca_certificate=at(None, True))
    signed("path", is_ca_certificate=True, max_path_length=at(1, 2))
    signed("subject-id", set_subject_key_id=at(None, True))
    signed("early", early_renewal_hours=at(None, 99))
    signed("defaults", **at({}, dict(early_renewal_hours=0, is_ca_certificate=False, set_subject_key_id=False)))
    signed("of-changed-key", cert_request_pem=request("of-changed-key",
        private_key_pem=at(one, two).private_key_pem).cert_request_pem)

    # What is due depends on the clock.
    self_signed("due", validity_period_hours=1, early_renewal_hours=1)
    self_signed("not-due", validity_period_hours=2, early_renewal_hours=1)
    signed("due", validity_period_hours=1, early_renewal_hours=1)
    signed("not-due", validity_period_hours=2, early_renewal_hours=1)
    signed("becomes-due", early_renewal_hours=at(1, 100))
    signed("due-no-more", validity_period_hours=1, early_renewal_hours=at(1, 0))
    signed("expired")
    signed("early-passed", early_renewal_hours=5)
    signed("early-ahead", early_renewal_hours=5)
"""
_CHANGED_KEYS = ["key-algorithm", "key-curve", "key-bits", "key-unused-curve"]
_CHANGED_REQUESTS = [
    f"request-{name}"
    for name in (
        "key",
        "common-name",
        "organization",
        "dns-more",
        "dns-order",
        "dns-none",
        "addresses-order",
        "uris-order",
    )
]
_CHANGED_SELF = [
    f"self-{name}"
    for name in (
        "key",
        "common-name",
        "dns-order",
        "hours",
        "uses-more",
        "uses-order",
        "is-ca",
        "path",
        "subject-id",
        "authority-id",
    )
]
_CHANGED_SIGNED = [
    f"signed-{name}"
    for name in ("ca", "ca-key", "request", "hours", "uses-more", "uses-order", "is-ca", "path", "subject-id")
]
_REPLACED = ["create-replacement", "replace", "delete-replaced"]


@dataclass(frozen=True)
class Life:
    """The phases, in their order."""

    created: Phase
    unchanged: Phase
    refreshed: Phase
    unchanged_again: Phase
    previewed: Phase
    changed: Phase
    destroyed: Phase


def ends_in(project: Project, hours: dict[str, int]) -> None:
    """Time goes on for some certificates: their end is as many hours ahead as said here, as the state has it."""
    file = project.state_file
    checkpoint = json.loads(file.read_text())
    for resource in checkpoint["checkpoint"]["latest"]["resources"]:
        name = resource["urn"].rpartition("::")[2]
        if name in hours:
            end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours[name])
            resource["outputs"]["validityEndTime"] = end.isoformat().replace("+00:00", "Z")
    file.write_text(json.dumps(checkpoint))


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    directory = tmp_path_factory.mktemp("changes")
    scenario = Scenario(new_project(directory, directory / "home"))
    scenario.write(_PROGRAM)
    created = scenario.up()
    ends_in(scenario.project, {"signed-expired": -1, "signed-early-passed": 4, "signed-early-ahead": 6})
    return Life(
        created=created,
        unchanged=scenario.run("preview", "--diff"),
        refreshed=scenario.refresh(),
        unchanged_again=scenario.run("preview", "--diff"),
        previewed=scenario.preview(),
        changed=scenario.up(),
        destroyed=scenario.destroy(),
    )


@behaviour(
    "any changed input of a key replaces it, one that its algorithm does not use too",
    source="resource_private_key.go",
    but="the default written out is no change",
)
@pytest.mark.parametrize("name", _CHANGED_KEYS)
def test_what_replaces_a_key(life: Life, name: str) -> None:
    assert_replaced(life, name, "publicKeyPem")
    for same in ("key-one", "key-default-curve", "key-default-bits"):
        assert_same(life, same, "publicKeyPem")


@behaviour(
    "any changed input of a request replaces it; lists are compared in their order",
    source="resource_cert_request.go",
    but="the same list in the same order is no change",
)
@pytest.mark.parametrize("name", _CHANGED_REQUESTS)
def test_what_replaces_a_request(life: Life, name: str) -> None:
    assert_replaced(life, name, "certRequestPem")
    for same in ("request-same", "request-dns-same"):
        assert_same(life, same, "certRequestPem")


@behaviour(
    "any changed input of a self-signed certificate but `earlyRenewalHours` replaces it",
    source="resource_self_signed_cert.go",
    but="the defaults written out are no change",
)
@pytest.mark.parametrize("name", _CHANGED_SELF)
def test_what_replaces_a_self_signed_certificate(life: Life, name: str) -> None:
    assert_replaced(life, name, "certPem")
    for same in ("self-ca", "self-defaults"):
        assert_same(life, same, "certPem")


@behaviour(
    "any changed input of a locally signed certificate but `earlyRenewalHours` replaces it",
    source="resource_locally_signed_cert.go",
    but="the defaults written out are no change",
)
@pytest.mark.parametrize("name", _CHANGED_SIGNED)
def test_what_replaces_a_locally_signed_certificate(life: Life, name: str) -> None:
    assert_replaced(life, name, "certPem")
    assert_same(life, "signed-defaults", "certPem")


@behaviour(
    "`earlyRenewalHours` changes in place; the certificate stays",
    source="resource_self_signed_cert.go, resource_locally_signed_cert.go",
    but="a value that makes it due replaces it",
)
def test_early_renewal_hours(life: Life) -> None:
    for name, hours in (("self-early", 2), ("self-early-lowered", 0), ("signed-early", 99)):
        assert life.previewed.ops(name) == life.changed.ops(name) == ["update"]
        assert life.changed.outputs(name)["certPem"] == life.created.outputs(name)["certPem"]
        assert life.changed.outputs(name)["earlyRenewalHours"] == hours
    assert_replaced(life, "signed-becomes-due", "certPem")


@behaviour(
    "what is made anew ripples: the request of a replaced key, and its certificate, are replaced in the same run",
    source="`RequiresReplace` with unknown values",
    but="what only stands beside it is left",
)
def test_replacements_ripple(life: Life) -> None:
    assert_replaced(life, "request-of-changed-key", "certRequestPem")
    assert_replaced(life, "signed-of-changed-key", "certPem")
    assert_same(life, "request-other", "certRequestPem")


@behaviour(
    "a certificate of which `earlyRenewalHours` or less are left is replaced; a preview says so without a refresh and "
    "without any change",
    source="common_cert.go `modifyPlanIfCertificateReadyForRenewal`; the bridge's Diff plans",
    but="with more than that left nothing happens",
)
def test_renewal_in_a_preview(life: Life) -> None:
    for name in ("self-due", "signed-due", "signed-expired", "signed-early-passed"):
        for preview in (life.unchanged, life.unchanged_again):
            assert preview.ops(name) == _REPLACED
    for name in ("self-not-due", "signed-not-due", "signed-early-ahead"):
        for preview in (life.unchanged, life.unchanged_again):
            assert preview.ops(name) == ["same"]


@behaviour(
    "a due certificate is made anew by an `up`, valid from now on",
    source="common_cert.go",
    but="nothing else is renewed by the way",
)
def test_renewal(life: Life) -> None:
    for name in ("self-due", "signed-due", "signed-expired", "signed-early-passed"):
        assert life.changed.ops(name) == _REPLACED
        old, new = (each.outputs(name)["validityStartTime"] for each in (life.created, life.changed))
        assert datetime.datetime.fromisoformat(old) < datetime.datetime.fromisoformat(new)
    assert life.changed.outputs("signed-expired")["readyForRenewal"] is False
    for name in ("self-not-due", "signed-not-due", "signed-early-ahead"):
        assert life.changed.ops(name) == ["same"]


@counter(test_renewal, "what was due is so no more with fewer `earlyRenewalHours`, in place")
def test_due_no_more(life: Life) -> None:
    assert life.changed.ops("signed-due-no-more") == ["update"]
    assert life.created.outputs("signed-due-no-more")["readyForRenewal"] is True
    assert life.changed.outputs("signed-due-no-more")["readyForRenewal"] is False


@behaviour(
    "a refresh sets `readyForRenewal` of what is due",
    source="common_cert.go `modifyStateIfCertificateReadyForRenewal`",
    but="and changes nothing else",
)
def test_refresh(life: Life) -> None:
    for name, due in {
        "signed-expired": True,
        "signed-early-passed": True,
        "signed-early-ahead": False,
    }.items():
        assert life.unchanged.outputs(name)["readyForRenewal"] is False
        assert life.refreshed.outputs(name)["readyForRenewal"] is due
    before, after = (
        {name: each.get("outputs", {}).get("certPem") for name, each in phase.state.items()}
        for phase in (life.created, life.refreshed)
    )
    assert before == after


@behaviour(
    "deleting anything only forgets it",
    source="`Delete` of all four",
    but="every resource is deleted, none is kept",
)
def test_delete(life: Life) -> None:
    deleted = [step.name for step in life.destroyed.steps if step.op == "delete"]
    assert set(life.changed.state) - set(deleted) == set()
    assert life.destroyed.state == {}


def assert_replaced(life: Life, name: str, output: str) -> None:
    """The preview says so, and it is another one; made before the old one goes."""
    assert sorted(life.previewed.ops(name)) == sorted(_REPLACED)
    ops = life.changed.ops(name)
    assert ops.index("create-replacement") < ops.index("delete-replaced")
    assert life.changed.outputs(name)[output] != life.created.outputs(name)[output]
    assert life.changed.state[name]["id"] != life.created.state[name]["id"]


def assert_same(life: Life, name: str, output: str) -> None:
    assert life.unchanged.ops(name) == life.previewed.ops(name) == life.changed.ops(name) == ["same"]
    assert life.changed.outputs(name)[output] == life.created.outputs(name)[output]
