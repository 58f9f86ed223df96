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
    until,
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


def _own(stack: str) -> dict[str, Any]:
    """What the stack's own command is told."""
    return {
        "stack": stack,
        "slug": names.stack_slug(stack),
        "objects": names.own(stack),
        "nodesNeedThem": True,
    }


def _others(stack: str, *objects: dict[str, str]) -> dict[str, Any]:
    """What a command is told whose objects carry the claim."""
    return {"stack": stack, "objects": list(objects)}


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


def _deleted(said: str) -> list[str]:
    """The kinds of what a run says that it deleted."""
    end = ", which a killed run made and the state does not know"
    return [line.split(": deleted ")[1].split()[0] for line in said.splitlines() if line.endswith(end)]


@on_a_real_api_server
def test_what_has_the_stack_s_name_goes(api_server: ApiServer, run: Run, stack: str) -> None:
    account = names.proxy_account(stack)
    ours = {nodes.STACK_LABEL: nodes.label_value(stack)}
    gone = [
        _bind(api_server, names.binding(stack, "renew")),
        f"{ACCOUNTS}/{account}",
        f"{TOKENS}/{account}",
        _request(api_server, "system:node:x", **ours),
    ]
    api_server.admin.post(ACCOUNTS, {"metadata": {"name": account}})
    api_server.admin.post(TOKENS, {"metadata": {"name": account}})
    stays = [_bind(api_server, names.binding(OTHER, "renew")), _request(api_server, "system:node:y")]
    assert all(_is_there(api_server, path) for path in (*gone, *stays))
    assert run("leftovers", "apply", **_own(stack)).stderr == ""
    said = run("leftovers", "remove", **_own(stack)).stderr
    assert [path for path in gone if _is_there(api_server, path)] == []
    assert [path for path in stays if not _is_there(api_server, path)] == []
    assert _deleted(said) == ["ClusterRoleBinding", "Secret", "ServiceAccount"]
    # Again, as after a destroy that was cut off.
    assert run("leftovers", "remove", **_own(stack)).stderr == ""
    for path in stays:
        api_server.admin.delete(path)


@on_a_real_api_server
def test_what_carries_the_claim_goes_wherever_the_provider_put_it(
    api_server: ApiServer, run: Run, stack: str
) -> None:
    """Without a namespace in its manifest an object of a namespace is in `default`."""
    name = new_name("left")
    mine = {"name": name, "annotations": {"kubenode/claim": stack}}
    for path in (NAMESPACES, CONFIG_MAPS, TOKENS):
        api_server.admin.post(path, {"metadata": mine})
    given = _others(
        stack,
        {"apiVersion": "v1", "kind": "ConfigMap", "name": name},
        {"apiVersion": "v1", "kind": "Secret", "name": name, "namespace": "kube-system"},
        {"apiVersion": "v1", "kind": "Namespace", "name": name},
    )
    assert _deleted(run("leftovers", "remove", **given).stderr) == ["ConfigMap", "Secret", "Namespace"]
    for path in (NAMESPACES, CONFIG_MAPS, TOKENS):
        assert not _is_there(api_server, f"{path}/{name}")


@on_a_real_api_server
def test_what_another_stack_claims_or_nobody_marked_as_ours_stays(
    api_server: ApiServer, run: Run, stack: str
) -> None:
    """Somebody has a namespace of the proof's name, or a Calico of his own."""
    claimed, bare = new_name("proof"), f"proof-{names.stack_slug(stack)}"
    for name, notes in ((claimed, {"kubenode/claim": OTHER}), (bare, {})):
        api_server.admin.post(NAMESPACES, {"metadata": {"name": name, "annotations": notes}})
    taken = _bind(api_server, names.binding(stack, "join"), **{"kubenode/claim": OTHER})
    given = _others(
        stack,
        {"apiVersion": "v1", "kind": "Namespace", "name": claimed},
        {"apiVersion": "v1", "kind": "Namespace", "name": bare},
        {"apiVersion": "nobody.has/v1", "kind": "This", "name": bare},
        {"apiVersion": "v1", "kind": "NorThis", "name": bare},
    )
    for each in (given, _own(stack)):
        assert run("leftovers", "remove", **each).stderr == ""
    for path in (f"{NAMESPACES}/{claimed}", f"{NAMESPACES}/{bare}", taken):
        assert _is_there(api_server, path), path
        api_server.admin.delete(path)


@on_a_real_api_server
def test_what_does_not_go_keeps_nothing_else_and_is_told_of_with_what_holds_it(
    api_server: ApiServer, run: Run, stack: str
) -> None:
    held, free = new_name("held"), new_name("free")
    mine = {"annotations": {"kubenode/claim": stack}}
    within = {"name": "kept", "namespace": held, "finalizers": ["example.com/hold"]}
    kept = f"{NAMESPACES}/{held}/configmaps"
    for path, metadata in (
        (NAMESPACES, {"name": held, **mine}),
        (kept, within),
        (CONFIG_MAPS, {"name": held, **mine, "finalizers": ["example.com/own"]}),
        (CONFIG_MAPS, {"name": free, **mine}),
    ):
        api_server.admin.post(path, {"metadata": metadata})
    given = _others(
        stack,
        {"apiVersion": "v1", "kind": "Namespace", "name": held},
        {"apiVersion": "v1", "kind": "ConfigMap", "name": held},
        {"apiVersion": "v1", "kind": "ConfigMap", "name": free},
    )
    first = run("leftovers", "remove", **given, timeoutSeconds=2, expect=1).stderr
    assert _deleted(first) == ["Namespace", "ConfigMap", "ConfigMap"]
    assert not _is_there(api_server, f"{CONFIG_MAPS}/{free}")
    assert f"{stack}: deleted, but still there after 2 s: Namespace {held} (" in first
    assert f"ConfigMap default/{held} (finalizer example.com/own)" in first

    def again() -> str:
        return run("leftovers", "remove", **given, timeoutSeconds=1, expect=1).stderr

    # The control plane begins with a namespace after 5 s, and says then what is in its way.
    said = until(lambda: text if "example.com/hold" in (text := again()) else "", seconds=60)
    assert _deleted(said) == []
    for path in (f"{kept}/kept", f"{CONFIG_MAPS}/{held}"):
        api_server.admin.merge(path, {"metadata": {"finalizers": None}})
    assert run("leftovers", "remove", **given).stderr == ""


@on_a_real_api_server
def test_under_a_node_in_service_it_is_the_command_alone_that_goes(
    api_server: ApiServer, run: Run, stack: str
) -> None:
    """Replaced, or gone from the program: the state knows the objects, and its nodes need them."""
    name = new_name()
    make_node(api_server, name, **{"kubenode/claim": stack, "kubenode/in-service": "digest"})
    binding = _bind(api_server, names.binding(stack, "renew"))
    request = _request(api_server, f"system:node:{name}", **{nodes.STACK_LABEL: nodes.label_value(stack)})
    asked = run("leftovers", "remove", **_own(stack)).stderr
    assert asked == f"{stack}: nothing deleted, for nodes are in service: {name}\n"
    of_node = {"node": name, "stack": stack}
    assert (
        run("leftovers", "remove", **of_node).stderr
        == f"{name}: nothing deleted, for the node is in service\n"
    )
    for path in (binding, request, f"/api/v1/nodes/{name}"):
        assert _is_there(api_server, path)
    # A removal has set it aside.
    taint = {"key": "kubenode/out-of-service", "value": "removal", "effect": "NoSchedule"}
    api_server.admin.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": [taint]}})
    assert _deleted(run("leftovers", "remove", **of_node).stderr) == ["Node"]
    assert _deleted(run("leftovers", "remove", **_own(stack)).stderr) == ["ClusterRoleBinding"]
    for path in (binding, request, f"/api/v1/nodes/{name}"):
        assert not _is_there(api_server, path)


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
    selector = f"kubenode%2Fnode%3Dworker-1%2Ckubenode%2Fstack%3D{nodes.label_value(STACK)}"
    of_node = ["get /api/v1/nodes/worker-1", f"get {TOKENS}?labelSelector={selector}", f"get {REQUESTS}"]
    rbac = "get /apis/rbac.authorization.k8s.io/v1"
    for request in (*of_node, "get /api/v1/nodes", "get /api/v1", rbac):
        fake_kubectl.answer(request, forbidden)
    fake_kubectl.run("leftovers", "remove", node="worker-1", stack=STACK)
    fake_kubectl.run("leftovers", "remove", **_own(STACK))
    asked = {f"get {call['arguments'][-1]}" for call in fake_kubectl.calls}
    assert asked == {*of_node, "get /api/v1/nodes", "get /api/v1", rbac}


def test_an_api_server_that_is_out_of_reach_is_an_error(fake_kubectl: FakeKubectl) -> None:
    gone = refused("The connection was refused: connection refused")
    fake_kubectl.answer("get /api/v1/nodes/worker-1", gone)
    outcome = fake_kubectl.run(
        "leftovers", "remove", node="worker-1", stack=STACK, apiRetrySeconds=1, expect=1
    )
    assert "the API server cannot be reached" in outcome.stderr
