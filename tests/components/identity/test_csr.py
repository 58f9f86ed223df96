"""Whose a request is, and whether that user may ask."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from components.identity.csr import Standing, judge
from components.identity.expectation import Expectation
from tests.components.identity.requests import (
    BOOTSTRAP,
    EXPECTED,
    NODE,
    REFUSED,
    SERVING_NAMES,
    USER,
    client,
    ip,
    pem,
    serving,
)


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
    "its own, which joins": (client(pem("system:node:worker-2"), user="system:bootstrap:zzzzzz"), []),
    "a person's certificate": (
        client(pem("alice"), user="alice", signerName="kubernetes.io/kube-apiserver-client"),
        [],
    ),
    "our host name in other letters": (
        serving(pem("x", names=[x509.DNSName("Worker-1.")]), user="mallory"),
        ["host name"],
    ),
    "our address, mapped": (serving(pem("x", names=[ip("::ffff:10.0.0.7")]), user="mallory"), ["address"]),
    "behind much other text": (client("x" * 17_000 + "\n" + pem(), user="mallory"), ["name"]),
    "among many names": (
        serving(
            pem("x", names=[*(x509.DNSName(f"n{n}") for n in range(2000)), ip("10.0.0.7")]), user="mallory"
        ),
        ["address"],
    ),
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_others_ask_for_of_our_node(name: str) -> None:
    asked, claims = OF_OTHERS[name]
    judgement = judge(asked, EXPECTED)
    assert judgement.standing is Standing.FOREIGN
    assert [one.split(" asks for the ")[1] for one in judgement.reasons] == [
        f"{one} of this node" for one in claims
    ]


STRANGE: dict[str, tuple[dict[str, Any], str]] = {
    "nothing readable": (
        client("no request", user="mallory"),
        "kubernetes.io/kube-apiserver-client-kubelet for something that cannot be read",
    ),
    "the API server's address": (
        serving(pem("system:node:worker-9", names=[ip("10.96.0.1")]), user="mallory"),
        "kubernetes.io/kubelet-serving for 'system:node:worker-9'",
    ),
    "kube-proxy's name": (
        client(pem("system:kube-proxy"), user="mallory"),
        "kubernetes.io/kube-apiserver-client-kubelet for 'system:kube-proxy'",
    ),
    "another node's name, by a node": (
        client(pem("system:node:worker-3"), user="system:node:worker-2"),
        "kubernetes.io/kube-apiserver-client-kubelet for 'system:node:worker-3'",
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_no_node_asks_for_itself_is_told_of_too(name: str) -> None:
    asked, words = STRANGE[name]
    judgement = judge(asked, EXPECTED)
    assert judgement.standing is Standing.FOREIGN
    assert judgement.reasons == (f"requestor: {asked['spec']['username']!r} asks {words}",)


def test_of_several_common_names_each_counts() -> None:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, one) for one in ("foo", USER)]
    text = pem(name=x509.Name(names))
    assert judge(client(text, user="mallory"), EXPECTED).reasons == (
        "requestor: 'mallory' asks for the name of this node",
    )


def test_an_approved_request_of_another_for_our_name_is_told_of() -> None:
    """As RBAC approves whatever a user of its group asks for."""
    approved = {"conditions": [{"type": "Approved", "status": "True"}]}
    assert judge({**client(user="mallory"), "status": approved}, EXPECTED).reasons == (
        "requestor: 'mallory' asks for the name of this node, and it was approved",
    )
    strange = client(pem("system:kube-proxy"), user="mallory")
    assert judge({**strange, "status": approved}, EXPECTED).reasons == ()


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


def test_a_stranger_s_text_is_shown_short_and_printable() -> None:
    hostile = client(pem("x\x1b[31m" + "y" * 50), signerName="z" * 500)
    text = " ".join(judge(hostile, EXPECTED).reasons)
    assert "\x1b" not in text
    assert "z" * 200 not in text
