"""What a killed run made and no state knows, on a real API server: it goes, and nothing of others does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from components.cluster import names
from components.local import nodes
from tests.components.local.cluster import (
    GROUP,
    STACK,
    TOKENS,
    allow_bootstrap,
    content,
    make_node,
    new_name,
    new_token,
    tokens_of,
)
from tests.components.local.conftest import FakeKubectl, Run, refused
from tests.support.apiserver import ApiServer, new_key
from tests.support.would_be_kubelet import CLIENT_SIGNER, REQUESTS, request_pem, signing_request

OTHER = "acme/kubenode/prod"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
ACCOUNTS = "/api/v1/namespaces/kube-system/serviceaccounts"
NAMESPACES = "/api/v1/namespaces"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
on_a_real_api_server = pytest.mark.sandbox


def _given(stack: str, proof: str, *others: dict[str, Any]) -> dict[str, Any]:
    return {
        "stack": stack,
        "slug": names.stack_slug(stack),
        "objects": names.possible(stack, proof, others),
    }


def _bind(server: ApiServer, name: str, **annotations: str) -> str:
    body = {
        "metadata": {"name": name, "annotations": annotations},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    }
    server.admin.post(BINDINGS, body)
    return f"{BINDINGS}/{name}"


def _is_there(server: ApiServer, path: str) -> bool:
    return server.admin.find(path) is not None


def _request(server: ApiServer, user: str, **labels: str) -> str:
    """A request of the admin's for a node's certificate; returns its path."""
    body = signing_request(request_pem(new_key(), user), CLIENT_SIGNER, ["digital signature", "client auth"])
    body["metadata"] = {"generateName": "left-", "labels": labels}
    made = server.admin.post(REQUESTS, body)
    return f"{REQUESTS}/{made['metadata']['name']}"


@pytest.fixture
def stack(api_server: ApiServer) -> Iterator[str]:
    """A stack that no other test uses."""
    claim = f"acme/kubenode/{new_name('stack')}"
    yield claim
    for one in api_server.admin.get(BINDINGS)["items"]:
        if one["metadata"]["name"].startswith("kubenode:"):
            api_server.admin.delete(f"{BINDINGS}/{one['metadata']['name']}")


@on_a_real_api_server
def test_all_that_a_stack_may_have_made_goes(api_server: ApiServer, run: Run, stack: str) -> None:
    account, proof = names.proxy_account(stack), new_name("proof")
    calico = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": proof, "namespace": "default"}}
    gone = [
        _bind(api_server, names.binding(stack, "renew")),
        f"{ACCOUNTS}/{account}",
        f"{NAMESPACES}/{proof}",
        f"{CONFIG_MAPS}/{proof}",
        _request(api_server, "system:node:x", **{nodes.STACK_LABEL: nodes.label_value(stack)}),
    ]
    api_server.admin.post(ACCOUNTS, {"metadata": {"name": account}})
    mine = {"annotations": {"kubenode/claim": stack}}
    api_server.admin.post(NAMESPACES, {"metadata": {"name": proof, **mine}})
    api_server.admin.post(CONFIG_MAPS, {"metadata": {"name": proof, **mine}})
    stays = [_bind(api_server, names.binding(OTHER, "renew")), _request(api_server, "system:node:y")]
    assert all(_is_there(api_server, path) for path in (*gone[:-1], *stays))
    given = _given(stack, proof, calico)
    assert run("leftovers", "apply", **given).stderr == ""
    said = run("leftovers", "remove", **given).stderr.splitlines()
    told = "which a killed run made and the state does not know"
    assert [path for path in gone if _is_there(api_server, path)] == []
    assert [path for path in stays if not _is_there(api_server, path)] == []
    kinds = ("ClusterRoleBinding", "ServiceAccount", "Namespace", "ConfigMap")
    assert [line.split(": deleted ")[1].split()[0] for line in said if told in line] == list(kinds)
    # Again, as after a destroy that was cut off.
    assert run("leftovers", "remove", **given).stderr == ""
    for path in stays:
        api_server.admin.delete(path)


@on_a_real_api_server
def test_what_another_stack_claims_or_nobody_marked_as_ours_stays(
    api_server: ApiServer, run: Run, stack: str
) -> None:
    """Somebody has a namespace of the proof's name, or a Calico of his own."""
    claimed, bare = new_name("proof"), new_name("own")
    api_server.admin.post(
        NAMESPACES, {"metadata": {"name": claimed, "annotations": {"kubenode/claim": OTHER}}}
    )
    api_server.admin.post(CONFIG_MAPS, {"metadata": {"name": bare}})
    taken = _bind(api_server, names.binding(stack, "join"), **{"kubenode/claim": OTHER})
    others = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": bare, "namespace": "default"}},
        {"apiVersion": "nobody.has/v1", "kind": "This", "metadata": {"name": bare}},
        {"apiVersion": "v1", "kind": "NorThis", "metadata": {"name": bare}},
    ]
    outcome = run("leftovers", "remove", **_given(stack, claimed, *others))
    assert outcome.stderr == ""
    for path in (f"{NAMESPACES}/{claimed}", f"{CONFIG_MAPS}/{bare}", taken):
        assert _is_there(api_server, path), path
        api_server.admin.delete(path)


@on_a_real_api_server
def test_what_does_not_go_is_an_error_that_says_what_holds_it(
    api_server: ApiServer, run: Run, stack: str
) -> None:
    name = new_name("held")
    held = {"annotations": {"kubenode/claim": stack}, "finalizers": ["example.com/hold"]}
    api_server.admin.post(CONFIG_MAPS, {"metadata": {"name": name, **held}})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
    given = {**_given(stack, "none", body), "timeoutSeconds": 1}
    outcome = run("leftovers", "remove", **given, expect=1)
    assert f"{stack}: ConfigMap {name} was deleted, but is still there after 1 s" in outcome.stderr
    assert "(finalizers: example.com/hold)" in outcome.stderr
    api_server.admin.merge(f"{CONFIG_MAPS}/{name}", {"metadata": {"finalizers": None}})
    run("leftovers", "remove", **given)


@on_a_real_api_server
def test_a_node_that_the_state_does_not_know_goes_with_its_tokens_and_no_other_does(
    api_server: ApiServer, run: Run
) -> None:
    allow_bootstrap(api_server)
    mine, neighbour, theirs = (new_name() for _ in range(3))
    for node in (mine, neighbour):
        make_node(api_server, node)
    make_node(api_server, theirs, **{"kubenode/claim": OTHER})
    unknown = {"node": mine, "stack": STACK, "groups": [GROUP], **new_token()}
    others = {**unknown, **new_token(), "stack": OTHER}
    beside = {**unknown, **new_token(), "node": neighbour}
    for one in (unknown, others, beside):
        run("bootstrap-token", "apply", **one)
    for node in (mine, theirs):
        run("leftovers", "remove", node=node, stack=STACK)
    assert not _is_there(api_server, f"/api/v1/nodes/{mine}")
    (left,) = tokens_of(api_server, mine)
    assert content(left)["token-id"] == others["tokenId"]
    assert len(tokens_of(api_server, neighbour)) == 1
    for node in (neighbour, theirs):
        assert _is_there(api_server, f"/api/v1/nodes/{node}")
        api_server.admin.delete(f"/api/v1/nodes/{node}")
    for one in (others, beside):
        run("bootstrap-token", "remove", **one)
    assert not _is_there(api_server, f"{TOKENS}/bootstrap-token-{unknown['tokenId']}")


def test_who_may_not_read_a_kind_has_made_none_of_it(fake_kubectl: FakeKubectl) -> None:
    """With certificates that a CA of the user's issues, nobody needs a right to Secrets or to requests."""
    forbidden = refused("Error from server (Forbidden): it is forbidden")
    kinds = {"resources": [{"name": "nodes", "kind": "Node"}, {"name": "nodes/status", "kind": "Node"}]}
    fake_kubectl.answer("get /api/v1", {"out": kinds})
    fake_kubectl.answer("get /api/v1/nodes/worker-1", forbidden)
    selector = f"kubenode%2Fnode%3Dworker-1%2Ckubenode%2Fstack%3D{nodes.label_value(STACK)}"
    fake_kubectl.answer(f"get {TOKENS}?labelSelector={selector}", forbidden)
    fake_kubectl.answer(f"get {REQUESTS}", forbidden)
    fake_kubectl.run("leftovers", "remove", node="worker-1", stack=STACK)
    assert len(fake_kubectl.calls) == 4


def test_an_api_server_that_is_out_of_reach_is_an_error(fake_kubectl: FakeKubectl) -> None:
    fake_kubectl.answer("get /api/v1", refused("The connection was refused: connection refused"))
    outcome = fake_kubectl.run(
        "leftovers", "remove", node="worker-1", stack=STACK, apiRetrySeconds=1, expect=1
    )
    assert "the API server cannot be reached" in outcome.stderr
