"""Hostile requests before a real API server: what it takes of them is told of, and never approved."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from components.local.nodes import label_value
from tests.components.identity.requests import BOOTSTRAP, NODE, REFUSED, USER
from tests.components.local.cluster import (
    GROUP,
    STACK,
    allow_bootstrap,
    is_pending,
    make_node,
    new_name,
    new_token,
    requests_of,
    until,
)
from tests.components.local.conftest import Run
from tests.support.apiserver import ApiError, ApiServer, Client, new_key
from tests.support.would_be_kubelet import (
    CLIENT_SIGNER,
    REQUESTS,
    SERVING_SIGNER,
    request_pem,
    signing_request,
)

pytestmark = pytest.mark.sandbox
CLIENT_USAGES = ["digital signature", "client auth"]
SERVING_USAGES = ["digital signature", "server auth"]
TOKEN = {"tokenId": BOOTSTRAP.rpartition(":")[2], "tokenSecret": "0123456789abcdef"}
VALUES: dict[str, Any] = {"node": NODE, "stack": STACK, "groups": [GROUP], **TOKEN}

# What the API server itself does not take; every other case of the table reaches the check.
NOT_TAKEN = {
    "no signer",
    "node user without its group",
    "the legacy signer",
    "bootstrap user without our group",
    "no usages",
    "a minute",
    "a broken signature",
    "a broken RSA signature",
    "the other PEM name",
    "no PEM",
    "an empty request",
    "no base64",
    "no DER",
    "an endless request",
    "more behind its end",
    "a name that is no text",
    "two lists of names",
    "a second list of extensions",
    "a whole network",
    "another key's signature",
}


@pytest.fixture
def clean(api_server: ApiServer) -> Iterator[ApiServer]:
    """No request is there before and after."""
    allow_bootstrap(api_server)
    for _ in range(2):
        for one in api_server.admin.get(REQUESTS)["items"]:
            api_server.admin.delete(f"{REQUESTS}/{one['metadata']['name']}")
        if _ == 0:
            yield api_server


def token_of(run: Run, server: ApiServer, node: str) -> tuple[dict[str, str], Client]:
    """A live token of a node, and who uses it."""
    token = TOKEN if node == NODE else new_token()
    run("bootstrap-token", "apply", node=node, stack=STACK, groups=[GROUP], **token)
    client = server.client(token=f"{token['tokenId']}.{token['tokenSecret']}")
    until(lambda: _may_ask(client))
    return token, client


def _may_ask(client: Client) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "group": "certificates.k8s.io",
                "resource": "certificatesigningrequests",
                "verb": "create",
            }
        },
    }
    try:
        answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    except ApiError:
        return False
    return bool(answer["status"]["allowed"])


def node_client(server: ApiServer, user: str) -> Client:
    return server.client(*("", *server.authority.issue(user, ["system:nodes"])))


def post(client: Client, body: dict[str, Any]) -> str:
    return str(client.post(REQUESTS, body)["metadata"]["name"])


def asked(user: str, **names: Any) -> dict[str, Any]:
    """A request in order for a node's client certificate, or with names for its serving certificate."""
    signer, usages = (SERVING_SIGNER, SERVING_USAGES) if names else (CLIENT_SIGNER, CLIENT_USAGES)
    return signing_request(request_pem(new_key(), user, **names), signer, usages)


def test_every_hostile_request_that_the_api_server_takes_is_told_of_and_stays(
    clean: ApiServer, run: Run
) -> None:
    _, by_token = token_of(run, clean, NODE)
    by_node = node_client(clean, USER)
    outsider = clean.client(*("", *clean.authority.issue(USER)))
    taken: dict[str, str] = {}
    for case, (request, _) in REFUSED.items():
        spec = {key: value for key, value in request["spec"].items() if key not in ("username", "groups")}
        body = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": "csr-"},
            "spec": spec,
        }
        client = by_token if request["spec"]["username"] == BOOTSTRAP else by_node
        if "system:nodes" not in request["spec"]["groups"] and client is by_node:
            client = outsider
        # The API server gives the groups that a user has.
        if case != "bootstrap user without our group":
            with contextlib.suppress(ApiError):
                taken[case] = post(client, body)
    assert set(REFUSED) - set(taken) == NOT_TAKEN
    outcome = run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=1, expect=1, **VALUES)
    for case, name in taken.items():
        assert is_pending(clean.admin.get(f"{REQUESTS}/{name}")), case
        (line,) = [one for one in outcome.stderr.splitlines() if one.startswith(f"request {name}: ")]
        assert "not approved: " in line
        assert REFUSED[case][1] in line, case


def test_a_token_of_other_groups_is_not_our_node_s(clean: ApiServer, run: Run) -> None:
    """The same token, minted for another group by somebody who may."""
    group = "system:bootstrappers:other"
    clean.kubectl(
        "create",
        "clusterrolebinding",
        "kubenode-test-other",
        "--clusterrole=system:node-bootstrapper",
        f"--group={group}",
    )
    values = {**VALUES, **new_token()}
    run("bootstrap-token", "apply", **{**values, "groups": [group]})
    client = clean.client(token=f"{values['tokenId']}.{values['tokenSecret']}")
    until(lambda: _may_ask(client))
    name = post(client, asked(USER))
    outcome = run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=1, expect=1, **values)
    assert is_pending(clean.admin.get(f"{REQUESTS}/{name}"))
    user = f"system:bootstrap:{values['tokenId']}"
    assert f"request {name}: not approved: requestor: {user} without the group {GROUP}" in outcome.stderr


@pytest.mark.parametrize("serving", [False, True])
def test_what_others_ask_for_of_a_node_is_told_of_and_stays(
    clean: ApiServer, run: Run, serving: bool
) -> None:
    """Another live token, a plain user, another node: with what would be in order from the node itself."""
    names: dict[str, Any] = {"dns_names": [NODE], "ips": ["10.0.0.7"]} if serving else {}
    other = new_name()
    token, by_token = token_of(run, clean, other)
    clean.kubectl(
        "create",
        "clusterrolebinding",
        f"{other}-mallory",
        "--clusterrole=system:node-bootstrapper",
        "--user=mallory",
    )
    plain = clean.client(*("", *clean.authority.issue("mallory")))
    until(lambda: _may_ask(plain))
    by_node = node_client(clean, f"system:node:{other}")
    senders = {f"system:bootstrap:{token['tokenId']}": by_token, "mallory": plain}
    posted = {user: post(client, asked(USER, **names)) for user, client in senders.items()}
    # NodeRestriction keeps a node from another's name, and from nothing else.
    with pytest.raises(ApiError, match=f"can only create a node CSR with CN=system:node:{other}"):
        post(by_node, asked(USER, **names))
    if serving:
        posted[f"system:node:{other}"] = post(by_node, asked(f"system:node:{other}", **names))
    # What that node asks for of itself is nobody's business here.
    own = post(by_node, asked(f"system:node:{other}"))
    outcome = run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=1, expect=1, **VALUES)
    for user, name in posted.items():
        assert is_pending(clean.admin.get(f"{REQUESTS}/{name}")), user
        (line,) = [one for one in outcome.stderr.splitlines() if one.startswith(f"request {name} ")]
        assert f"of others left alone: requestor: '{user}' asks for the " in line
        assert ("asks for the name of this node" in line) == (user in senders)
        assert ("asks for the address of this node" in line) == serving
    assert own not in outcome.stderr
    run("bootstrap-token", "remove", node=other, stack=STACK, **token)


def test_many_requests_of_one_node_are_each_judged_for_itself(clean: ApiServer, run: Run) -> None:
    _, client = token_of(run, clean, NODE)
    right = [post(client, asked(USER)) for _ in range(3)]
    wrong = post(client, asked("system:node:victim"))
    outcome = run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=5, expect=1, **VALUES)
    assert [is_pending(clean.admin.get(f"{REQUESTS}/{name}")) for name in [*right, wrong]] == [
        False,
        False,
        False,
        True,
    ]
    for name in right:
        assert f"request {name}: approved by this run" in outcome.stderr
    assert f"request {wrong}: not approved: common name" in outcome.stderr
    # Whoever sent it, it need not be why this node has not joined.
    assert f"Next: kubectl get csr {wrong} -o yaml; if its kubelet sent that, mend" in outcome.stderr
    assert "systemctl status kubelet" in outcome.stderr


def decided(server: ApiServer, name: str, subresource: str, **status: Any) -> None:
    current = server.admin.get(f"{REQUESTS}/{name}")
    current["status"] = {**(current.get("status") or {}), **status}
    server.admin.request("PUT", f"{REQUESTS}/{name}/{subresource}", current)


def condition(kind: str) -> dict[str, str]:
    return {"type": kind, "status": "True", "reason": "BySomebody", "message": "for a reason"}


@pytest.mark.parametrize("kind", ["Denied", "Failed"])
def test_a_request_that_somebody_would_not_have_is_explained_and_the_next_one_approved(
    clean: ApiServer, run: Run, kind: str
) -> None:
    _, client = token_of(run, clean, NODE)
    name = post(client, asked(USER))
    decided(clean, name, "approval" if kind == "Denied" else "status", conditions=[condition(kind)])
    outcome = run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=1, expect=1, **VALUES)
    assert f"request {name}: {kind} BySomebody for a reason" in outcome.stderr
    assert f"Next: kubectl get csr {name} -o yaml says who would not have it" in outcome.stderr
    again = post(client, asked(USER))
    run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=1, expect=1, **VALUES)
    assert not is_pending(clean.admin.get(f"{REQUESTS}/{again}"))
    (left,) = clean.admin.get(f"{REQUESTS}/{name}")["status"]["conditions"]
    assert left["type"] == kind, "what others decided stays decided"


def test_a_certificate_of_an_earlier_try_that_has_ended_is_explained(clean: ApiServer, run: Run) -> None:
    _, client = token_of(run, clean, NODE)
    name = post(client, asked(USER))
    ended, _ = clean.authority.issue(USER, ["system:nodes"], valid_for=timedelta(minutes=-10))
    decided(clean, name, "status", certificate=base64.b64encode(ended.encode()).decode())
    outcome = run("csr-approval", "apply", nodeIp="10.0.0.7", timeoutSeconds=1, expect=1, **VALUES)
    assert f"request {name}: approved before, and its certificate ended on 20" in outcome.stderr


STATIC: dict[str, Any] = {"stack": STACK, "bootstrapUser": "kubelet-bootstrap", "nodeIp": "10.0.0.7"}


@pytest.fixture
def static(clean: ApiServer) -> Client:
    """The user of a token file. The API server of the tests has none, so it comes with a certificate."""
    with contextlib.suppress(AssertionError):
        clean.kubectl(
            "create",
            "clusterrolebinding",
            "kubenode-test-static",
            "--clusterrole=system:node-bootstrapper",
            "--user=kubelet-bootstrap",
        )
    client = clean.client(*("", *clean.authority.issue("kubelet-bootstrap", ["system:kubelet-bootstrap"])))
    until(lambda: _may_ask(client))
    return client


def test_a_user_of_all_nodes_gets_for_each_what_that_node_may_have(
    clean: ApiServer, run: Run, static: Client
) -> None:
    mine, neighbour, stranger = new_name(), new_name(), new_name("stranger")
    make_node(clean, neighbour)
    names = {node: post(static, asked(f"system:node:{node}")) for node in (mine, neighbour, stranger)}
    admin = post(static, asked("system:admin"))
    more = post(static, asked(f"system:node:{mine}", dns_names=[mine], ips=["10.0.0.7"]))
    outcome = run("csr-approval", "apply", node=mine, timeoutSeconds=1, expect=1, **STATIC)
    pending = {node: is_pending(clean.admin.get(f"{REQUESTS}/{name}")) for node, name in names.items()}
    assert pending == {mine: False, neighbour: True, stranger: True}
    assert names[neighbour] not in outcome.stderr, "its own run looks after it"
    assert (
        f"request {names[stranger]} of others left alone: requestor: kubelet-bootstrap asks" in outcome.stderr
    )
    for name in (admin, more):
        assert is_pending(clean.admin.get(f"{REQUESTS}/{name}"))
        assert f"request {name}: not approved: " in outcome.stderr
    clean.admin.delete(f"/api/v1/nodes/{neighbour}")


def test_by_hand_a_user_of_all_nodes_is_named_for_this_node_alone(
    clean: ApiServer, run: Run, static: Client
) -> None:
    mine = new_name()
    post(static, asked(f"system:node:{new_name()}"))
    run("csr-approval", "apply", node=mine, approval="manual", timeoutSeconds=1, expect=1, **STATIC)
    name = post(static, asked(f"system:node:{mine}"))
    stopped = run("csr-approval", "apply", node=mine, approval="manual", timeoutSeconds=1, expect=1, **STATIC)
    assert f"kubectl certificate approve {name}" in stopped.stderr
    assert "requestor: kubelet-bootstrap" in stopped.stderr


def test_who_approves_by_hand_is_told_what_is_not_to_be_approved(
    clean: ApiServer, run: Run, static: Client
) -> None:
    mine = new_name()
    good = post(static, asked(f"system:node:{mine}"))
    strange = post(static, asked(f"system:node:{mine}", dns_names=["api.example.org"]))
    neighbour = f"system:node:{new_name()}"
    other = post(node_client(clean, neighbour), asked(neighbour, dns_names=[mine]))
    stopped = run("csr-approval", "apply", node=mine, approval="manual", timeoutSeconds=1, expect=1, **STATIC)
    assert f"kubectl certificate approve {good}" in stopped.stderr
    assert f"request {strange} not approved: " in stopped.stderr
    assert f"request {other} of others left alone: requestor: " in stopped.stderr


def test_a_removal_takes_the_requests_of_this_node_alone(clean: ApiServer, run: Run, static: Client) -> None:
    """Also those of an approval that was killed, and that no state knows."""
    mine, neighbour, theirs = (new_name() for _ in range(3))
    for node in (mine, neighbour, theirs):
        post(static, asked(f"system:node:{node}"))
        post(node_client(clean, f"system:node:{node}"), asked(f"system:node:{node}", dns_names=[node]))
    # Sent by the stack for a certificate that the node is given.
    ours = asked(f"system:node:{mine}", dns_names=[mine])
    ours["metadata"]["labels"] = {"kubenode/stack": label_value(STACK)}
    issued = clean.admin.post(REQUESTS, ours)["metadata"]["name"]
    make_node(clean, theirs, **{"kubenode/claim": "acme/kubenode/prod"})
    for node in (mine, theirs):
        run("leftovers", "remove", node=node, stack=STACK, bootstrapUser="kubelet-bootstrap")
    assert requests_of(clean, f"system:node:{mine}") == []
    assert clean.admin.find(f"{REQUESTS}/{issued}") is None
    assert len(requests_of(clean, "kubelet-bootstrap")) == 2
    for node in (neighbour, theirs):
        assert len(requests_of(clean, f"system:node:{node}")) == 1
    clean.admin.delete(f"/api/v1/nodes/{theirs}")
