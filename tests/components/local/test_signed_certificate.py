"""Certificates that the cluster signs for the stack."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.identity.csr import subject_of
from components.local import signed_certificate
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import Kubectl
from components.local.nodes import label_value
from components.local.session import Session
from components.local.signed_certificate import Order, certificate_faults, public_key
from tests.components.local.cluster import STACK, new_name
from tests.components.local.conftest import FakeKubectl, Outcome, Run
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


def now(**shift: float) -> str:
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
        "notBefore": now(),
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
        given["notBefore"] = now(minutes=12)
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


def test_an_expired_certificate_is_replaced(api_server: ApiServer, run: Run) -> None:
    pem, _ = api_server.authority.issue(PROXY, valid_for=timedelta(hours=-0.5))
    found = x509.load_pem_x509_certificate(pem.encode())
    wanted = Order.read(Arguments("p", order(new_key(), notBefore=now(hours=-2))))
    assert certificate_faults(pem, public_key(found), wanted, datetime.now(UTC)) == ["it has expired"]
    earlier = datetime.now(UTC) - timedelta(minutes=45)
    assert certificate_faults(pem, public_key(found), wanted, earlier) == []


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
    monkeypatch.setenv("PATH", fake_kubectl.environment["PATH"])
    monkeypatch.setattr("secrets.token_hex", lambda _: "abc")
    given = order(new_key(), name="proxy")
    wanted = signed_certificate.manifest(Order.read(Arguments("p", given)), "kubenode-proxy-abc")
    made = {
        **wanted,
        "metadata": {**wanted["metadata"], "uid": "u"},
        "spec": {**wanted["spec"], "username": "admin", **change},
    }
    name = "kubenode-proxy-abc"
    fake_kubectl.answer(f"create {REQUESTS}", {"out": made})
    fake_kubectl.answer(f"get {REQUESTS}/{name}", {"out": made})
    who = {"status": {"userInfo": {"username": "admin"}}}
    fake_kubectl.answer("create /apis/authentication.k8s.io/v1/selfsubjectreviews", {"out": who})
    fake_kubectl.answer(f"delete {REQUESTS}/{name}", {"out": {}})
    selector = f"{REQUESTS}?labelSelector=kubenode%2Fname%3Dproxy%2Ckubenode%2Fstack%3D{label(STACK)}"
    fake_kubectl.answer(f"get {selector}", {"out": {"items": []}})
    fake_kubectl.write()
    session = Session(Kubectl(str(fake_kubectl.kubeconfig)), "proxy")
    with pytest.raises(Failure, match=message):
        signed_certificate.apply(session, Arguments("signed-certificate", given))
    assert fake_kubectl.asked("replace") == []
    assert len(fake_kubectl.asked("delete")) == 1


def test_another_key_s_certificate_is_not_printed(api_server: ApiServer) -> None:
    pem, _ = api_server.authority.issue(PROXY)
    mine = new_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    wanted = Order.read(Arguments("p", order(new_key(), notBefore=now(hours=-2))))
    assert certificate_faults(pem, mine, wanted, datetime.now(UTC)) == ["it is for another key"]


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
