"""Certificates that the cluster signs for the stack."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.identity.request import load_request, subject_of
from components.local import signed_certificate
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import Kubectl
from components.local.nodes import label_value
from components.local.session import Session
from components.local.signed_certificate import Order, certificate_faults, shortened
from tests.components.local.cluster import STACK, new_name
from tests.components.local.conftest import FakeKubectl, Outcome, Run, refused
from tests.support.apiserver import ApiServer, Key, key_pem, new_key
from tests.support.would_be_kubelet import REQUESTS, request_pem, signing_request

pytestmark = pytest.mark.sandbox
PROXY = "system:kube-proxy"
NOWHERE = json.dumps(
    {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "canary-kubeconfig-token"}}],
        "current-context": "c",
    }
)


def _shifted(**shift: float) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).strftime("%Y-%m-%dT%H:%M:%SZ")


def order(
    key: Key, common_name: str = PROXY, organizations: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    return {
        "name": new_name("kube-proxy"),
        "stack": STACK,
        "request": request_pem(key, common_name, organizations),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["digital signature", "client auth"],
        "expirationSeconds": 86400,
        "notBefore": _shifted(),
        "expectedCommonName": common_name,
        "expectedOrganizations": list(organizations),
        **more,
    }


def certificate(outcome: Outcome) -> x509.Certificate:
    return x509.load_pem_x509_certificate(outcome.stdout.encode())


def left(server: ApiServer, name: str) -> list[str]:
    found = server.admin.get(REQUESTS)["items"]
    return [one["metadata"]["name"] for one in found if name in one["metadata"]["name"]]


def test_a_certificate_is_signed_and_nothing_else_is_printed_or_left(api_server: ApiServer, run: Run) -> None:
    key = new_key()
    given = order(key, organizations=["a-group"])
    outcome = run("signed-certificate", "apply", **given)
    assert outcome.stderr == ""
    assert outcome.stdout.startswith("-----BEGIN CERTIFICATE-----\n")
    assert outcome.stdout.count("BEGIN") == 1
    issued = certificate(outcome)
    assert issued.public_key() == key.public_key()
    subject = subject_of(issued.subject)
    assert (subject.common_name, subject.organizations) == (PROXY, ("a-group",))
    assert issued.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=1)
    assert left(api_server, given["name"]) == []
    # The API server knows its bearer.
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    client = api_server.client(certificate=outcome.stdout, key=key_pem(key))
    who = client.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)["status"]["userInfo"]
    assert who["username"] == PROXY


def test_the_last_certificate_is_printed_again_without_the_api(run: Run) -> None:
    given = order(new_key())
    first = run("signed-certificate", "apply", **given)
    last = {"PULUMI_COMMAND_STDOUT": first.stdout.strip()}
    again = run("signed-certificate", "apply", env=last, kubeconfig=NOWHERE, **given)
    assert again.stdout == first.stdout


@pytest.mark.parametrize("why", ["clock", "key", "subject", "rubbish"])
def test_a_last_certificate_that_is_not_the_wanted_one_is_replaced(run: Run, why: str) -> None:
    given = order(new_key())
    first = run("signed-certificate", "apply", **given)
    last = "no certificate" if why == "rubbish" else first.stdout.strip()
    if why == "clock":
        given["notBefore"] = _shifted(minutes=12)
        # A signer cannot issue for a clock that lies ahead: this shows that it was asked.
        outcome = run("signed-certificate", "apply", env={"PULUMI_COMMAND_STDOUT": last}, **given, expect=1)
        assert "it is due for renewal" in outcome.stderr
        return
    if why == "key":
        given["request"] = request_pem(new_key(), PROXY, [])
    if why == "subject":
        given = order(new_key(), organizations=["another"])
    second = run("signed-certificate", "apply", env={"PULUMI_COMMAND_STDOUT": last}, **given)
    assert second.stdout != first.stdout
    assert certificate(second).not_valid_after_utc > datetime.now(UTC)


NAMES = [x509.DNSName("worker-1"), x509.IPAddress(ipaddress.ip_address("10.0.0.7"))]
SUBJECT = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, "system:node:worker-1")]
SERVER = [ExtendedKeyUsageOID.SERVER_AUTH]
CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING


def made(
    key: Key,
    *,
    subject: Sequence[tuple[x509.ObjectIdentifier, str]] = SUBJECT,
    names: Sequence[x509.GeneralName] = NAMES,
    uses: Sequence[x509.ObjectIdentifier] = SERVER,
    signs: bool = False,
    is_authority: bool = False,
    hours: tuple[float, float] = (-1, 1),
) -> str:
    """A certificate as a signer might issue it."""
    flags = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        encipher_only=False,
        decipher_only=False,
        **dict.fromkeys(flags, False),
    )
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in subject])
    start, end = (datetime.now(UTC) + timedelta(hours=one) for one in hours)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def faults(pem: str, key: Key, now: datetime | None = None) -> list[str]:
    """What is wrong with it for somebody who asked for a node's serving certificate."""
    request = load_request(request_pem(key, "system:node:worker-1", dns_names=["worker-1"], ips=["10.0.0.7"]))
    wanted = Order.read(
        Arguments(
            "p",
            {
                **order(key, "system:node:worker-1", ["system:nodes"], notBefore=_shifted(hours=-2)),
                "usages": ["digital signature", "server auth"],
            },
        )
    )
    return certificate_faults(pem, request, wanted, now or datetime.now(UTC))


def test_a_certificate_as_asked_is_taken_until_it_has_expired() -> None:
    key = new_key()
    assert faults(made(key), key) == []
    assert faults(made(key, names=list(reversed(NAMES))), key) == []
    assert faults(made(key), key, datetime.now(UTC) + timedelta(hours=2)) == ["it has expired"]
    assert faults(made(key, hours=(-3, 1)), key) == ["it is due for renewal"]


def test_what_a_signer_shortens_is_told_with_the_hours_that_it_gives() -> None:
    key, now = new_key(), datetime.now(UTC)
    wanted = Order.read(Arguments("p", order(key, expirationSeconds=10 * 3600)))
    # Signers backdate by some minutes.
    assert shortened(made(key, hours=(0, 10)), wanted, now + timedelta(minutes=5)) is None
    assert shortened(made(key, hours=(0, 12)), wanted, now) is None
    assert shortened(made(key, hours=(0, 7)), wanted, now) == 7
    assert shortened(made(key, hours=(0, 7)), replace(wanted, expiration_seconds=0), now) is None


OTHER: dict[str, tuple[dict[str, Any], str]] = {
    "a further DNS name": (
        {"names": [*NAMES, x509.DNSName("kubernetes.default.svc")]},
        "names DNSName kubernetes.default.svc, DNSName worker-1, IPAddress 10.0.0.7; "
        "expected DNSName worker-1, IPAddress 10.0.0.7",
    ),
    "another address": (
        {"names": [NAMES[0], x509.IPAddress(ipaddress.ip_address("10.0.0.8"))]},
        "names DNSName worker-1, IPAddress 10.0.0.8; expected DNSName worker-1, IPAddress 10.0.0.7",
    ),
    "an address as a name": (
        {"names": [NAMES[0], x509.DNSName("10.0.0.7")]},
        "names DNSName 10.0.0.7, DNSName worker-1; expected DNSName worker-1, IPAddress 10.0.0.7",
    ),
    "no names": ({"names": []}, "names none; expected DNSName worker-1, IPAddress 10.0.0.7"),
    "a further use": (
        {"uses": [*SERVER, ExtendedKeyUsageOID.CLIENT_AUTH]},
        "usages client auth, digital signature, server auth; expected digital signature, server auth",
    ),
    "another use": (
        {"uses": [CODE_SIGNING]},
        f"usages {CODE_SIGNING.dotted_string}, digital signature; expected digital signature, server auth",
    ),
    "any use": ({"uses": []}, "usages digital signature; expected digital signature, server auth"),
    "the right to sign": (
        {"signs": True},
        "usages cert sign, digital signature, server auth; expected digital signature, server auth",
    ),
    "an authority's": ({"is_authority": True}, "it is an authority's, which may sign others"),
    "another node": (
        {"subject": [SUBJECT[0], (NameOID.COMMON_NAME, "system:node:worker-2")]},
        "common name 'system:node:worker-2', expected 'system:node:worker-1'",
    ),
    "a further group": (
        {"subject": [(NameOID.ORGANIZATION_NAME, "system:masters"), *SUBJECT]},
        "organizations ['system:masters', 'system:nodes'], expected ['system:nodes']",
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_a_certificate_that_is_not_what_was_asked_is_refused(name: str) -> None:
    key = new_key()
    change, fault = OTHER[name]
    assert faults(made(key, **change), key) == [fault]


def test_another_key_s_certificate_is_refused() -> None:
    assert faults(made(new_key()), new_key()) == ["it is for another key"]


def test_rubbish_is_no_certificate() -> None:
    assert faults("rubbish", new_key()) == ["no readable certificate"]


def test_a_signer_that_issues_something_else_is_named_and_nothing_is_printed(
    fake_kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = new_key()
    given = order(key, name="proxy")
    issued = made(key, subject=[(NameOID.COMMON_NAME, PROXY)], uses=[ExtendedKeyUsageOID.CLIENT_AUTH])
    status = {"certificate": base64.b64encode(issued.encode()).decode()}
    session = _answered(fake_kubectl, monkeypatch, given, {}, status)
    with pytest.raises(
        Failure, match=r"issued another certificate: names DNSName worker-1, .*; expected none"
    ):
        signed_certificate.apply(session, Arguments("signed-certificate", given))
    assert len(fake_kubectl.asked("replace")) == 1
    assert capsys.readouterr().out == ""


def test_a_request_for_somebody_else_is_never_sent(api_server: ApiServer, run: Run) -> None:
    given = order(new_key(), "system:admin", ["system:masters"])
    given |= {"expectedCommonName": PROXY, "expectedOrganizations": []}
    outcome = run("signed-certificate", "apply", **given, expect=1)
    assert "common name 'system:admin', expected 'system:kube-proxy'" in outcome.stderr
    assert "organizations ['system:masters'], expected []" in outcome.stderr
    assert outcome.stdout == ""
    assert left(api_server, given["name"]) == []


def test_what_the_api_server_forbids_is_told_and_nothing_is_left(api_server: ApiServer, run: Run) -> None:
    given = order(new_key(), "me", ["system:masters"])
    outcome = run("signed-certificate", "apply", **given, expect=1)
    assert "system:masters" in outcome.stderr
    assert left(api_server, given["name"]) == []


def test_without_a_signer_the_error_says_so_and_nothing_is_left(api_server: ApiServer, run: Run) -> None:
    given = order(new_key(), timeoutSeconds=2)
    api_server.stop("kube-controller-manager")
    try:
        outcome = run("signed-certificate", "apply", **given, expect=1)
    finally:
        api_server.start("kube-controller-manager")
    assert "issued no certificate within 2 s" in outcome.stderr
    assert "is --cluster-signing-cert-file set on the controller manager?" in outcome.stderr
    assert left(api_server, given["name"]) == []


@pytest.mark.parametrize("verb", ["apply", "remove"])
def test_requests_of_a_killed_run_go(api_server: ApiServer, run: Run, verb: str) -> None:
    given = order(new_key())
    other = order(new_key())
    for one, stack in ((given, STACK), (given, "acme/kubenode/prod"), (other, STACK)):
        body = signing_request(one["request"], one["signerName"], one["usages"])
        labels = {"kubenode/name": one["name"], "kubenode/stack": label(stack)}
        body["metadata"] = {"generateName": f"kubenode-{one['name']}-", "labels": labels}
        api_server.admin.post(REQUESTS, body)
    run("signed-certificate", verb, **given)
    assert len(left(api_server, given["name"])) == 1, "that of the other stack"
    assert len(left(api_server, other["name"])) == 1
    run("signed-certificate", "remove", **other)
    run("signed-certificate", "remove", **{**given, "stack": "acme/kubenode/prod"})
    assert left(api_server, given["name"]) + left(api_server, other["name"]) == []


def label(text: str) -> str:
    return label_value(text)


def _answered(
    fake_kubectl: FakeKubectl,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    change: dict[str, Any],
    status: dict[str, Any] | None = None,
) -> Session:
    """An API server that gives the request back with a change, and this status."""
    monkeypatch.setenv("PATH", fake_kubectl.environment["PATH"])
    monkeypatch.setattr("secrets.token_hex", lambda _: "abc")
    name = "kubenode-proxy-abc"
    wanted = signed_certificate.manifest(Order.read(Arguments("p", given)), name)
    there = {
        **wanted,
        "metadata": {**wanted["metadata"], "uid": "u"},
        "spec": {**wanted["spec"], "username": "admin", **change},
        "status": status or {},
    }
    fake_kubectl.answer(f"create {REQUESTS}", {"out": there})
    fake_kubectl.answer(f"get {REQUESTS}/{name}", {"out": there})
    fake_kubectl.answer(f"replace {REQUESTS}/{name}/approval", {"out": there})
    who = {"status": {"userInfo": {"username": "admin"}}}
    fake_kubectl.answer("create /apis/authentication.k8s.io/v1/selfsubjectreviews", {"out": who})
    fake_kubectl.answer(f"delete {REQUESTS}/{name}", {"out": {}})
    selector = f"{REQUESTS}?labelSelector=kubenode%2Fname%3Dproxy%2Ckubenode%2Fstack%3D{label(STACK)}"
    fake_kubectl.answer(f"get {selector}", {"out": {"items": []}})
    fake_kubectl.write()
    return Session(Kubectl(str(fake_kubectl.kubeconfig)), "proxy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"request": "b3RoZXI="}, "changed on its way: request; not approved"),
        ({"usages": ["server auth"]}, "changed on its way: usages; not approved"),
        ({"signerName": "kubernetes.io/legacy-unknown"}, "changed on its way: signerName; not approved"),
        ({"expirationSeconds": 600}, "changed on its way: expirationSeconds; not approved"),
        ({"username": "mallory"}, "was sent by mallory, not by admin; not approved"),
    ],
)
def test_what_comes_back_changed_is_not_approved(
    fake_kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str
) -> None:
    given = order(new_key(), name="proxy")
    session = _answered(fake_kubectl, monkeypatch, given, change)
    with pytest.raises(Failure, match=message):
        signed_certificate.apply(session, Arguments("signed-certificate", given))
    assert fake_kubectl.asked("replace") == []
    assert len(fake_kubectl.asked("delete")) == 1


def test_what_somebody_wrote_to_before_the_approval_is_not_approved(
    fake_kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = order(new_key(), name="proxy")
    session = _answered(fake_kubectl, monkeypatch, given, {})
    conflict = refused("Error from server (Conflict): the object has been modified")
    fake_kubectl.answer(f"replace {REQUESTS}/kubenode-proxy-abc/approval", conflict)
    fake_kubectl.write()
    with pytest.raises(Failure, match="was changed by somebody else before it was approved"):
        signed_certificate.apply(session, Arguments("signed-certificate", given))
    assert len(fake_kubectl.asked("delete")) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"request": "no request"}, "request: expected a PEM request"),
        ({"notBefore": "soon"}, "notBefore: expected an RFC 3339 time"),
        ({"expectedCommonName": ""}, "expectedCommonName: expected a text"),
    ],
)
def test_mistakes(run: Run, change: dict[str, str], message: str) -> None:
    outcome = run("signed-certificate", "apply", **{**order(new_key()), **change}, expect=2)
    assert message in outcome.stderr
