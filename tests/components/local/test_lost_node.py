"""A node whose host is gone leaves a real API server, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.components.local.cluster import (
    GROUP,
    STACK,
    TOKENS,
    allow_bootstrap,
    make_node,
    new_name,
    new_token,
    pod_exists,
    run_pod,
    tokens_of,
)
from tests.components.local.conftest import Run
from tests.support.apiserver import ApiServer, new_key
from tests.support.would_be_kubelet import CLIENT_SIGNER, REQUESTS, request_pem, signing_request

pytestmark = pytest.mark.sandbox
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


@pytest.fixture
def name(api_server: ApiServer) -> str:
    allow_bootstrap(api_server)
    return new_name("lost")


def _lease(server: ApiServer, name: str, seconds_ago: float) -> None:
    renewed = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    server.admin.post(
        _LEASES, {"metadata": {"name": name}, "spec": {"holderIdentity": name, "renewTime": renewed}}
    )


def _exists(server: ApiServer, path: str) -> bool:
    return server.admin.find(path) is not None


def _values(name: str, **more: Any) -> dict[str, Any]:
    return {"node": name, "stack": STACK, **more}


def test_everything_of_the_node_goes_and_nothing_of_another(
    api_server: ApiServer, run: Run, name: str
) -> None:
    other = f"{name}-2"
    tokens = {one: new_token() for one in (name, other)}
    pods: dict[str, str] = {}
    for one in (name, other):
        make_node(api_server, one)
        _lease(api_server, one, seconds_ago=600)
        # An hour of grace: nobody waits for a kubelet's word.
        pods[one] = run_pod(api_server, on=one, owned=False, grace_period_seconds=3600)
        run("bootstrap-token", "apply", groups=[GROUP], **_values(one, **tokens[one]))
        pem = request_pem(new_key(), f"system:node:{one}")
        body = signing_request(pem, CLIENT_SIGNER, ["digital signature", "client auth"])
        # By somebody else than the node, as a request for a certificate that is given.
        made = api_server.admin.post(REQUESTS, {**body, "metadata": {"name": f"{one}-issued"}})
        assert made["metadata"]["name"] == f"{one}-issued"

    outcome = run("lost-node", "apply", **_values(name))
    assert outcome.stdout == ""
    for words in (
        "deleted its Node",
        f"default/{pods[name]}",
        "its Lease",
        "its bootstrap token",
        f"{name}-issued",
    ):
        assert words in outcome.stderr
    for one, there in ((name, False), (other, True)):
        assert _exists(api_server, f"/api/v1/nodes/{one}") is there
        assert _exists(api_server, f"{_LEASES}/{one}") is there
        assert pod_exists(api_server, pods[one]) is there
        assert bool(tokens_of(api_server, one)) is there
        assert _exists(api_server, f"{REQUESTS}/{one}-issued") is there

    # Cut off and run again, or with nothing to do.
    assert run("lost-node", "apply", **_values(name)).stderr == ""
    run("lost-node", "remove", **_values(other))
    assert _exists(api_server, f"/api/v1/nodes/{other}")


def test_a_token_without_labels_goes_by_the_id_of_the_state(
    api_server: ApiServer, run: Run, name: str
) -> None:
    token = new_token()
    run("bootstrap-token", "apply", groups=[GROUP], **_values(name, **token))
    (secret,) = tokens_of(api_server, name)
    api_server.admin.merge(f"{TOKENS}/{secret['metadata']['name']}", {"metadata": {"labels": None}})
    run("lost-node", "apply", **_values(name, tokenIds=[token["tokenId"]]))
    assert not _exists(api_server, f"{TOKENS}/{secret['metadata']['name']}")


def test_a_kubelet_that_is_heard_of_stops_it(api_server: ApiServer, run: Run, name: str) -> None:
    make_node(api_server, name)
    _lease(api_server, name, seconds_ago=20)
    refused = run("lost-node", "apply", expect=1, **_values(name))
    assert "its kubelet renewed its Lease at " in refused.stderr
    assert "Nothing was changed" in refused.stderr
    assert _exists(api_server, f"/api/v1/nodes/{name}")
    run("lost-node", "apply", force=True, **_values(name))
    assert not _exists(api_server, f"/api/v1/nodes/{name}")


def test_another_stack_s_node_is_refused(api_server: ApiServer, run: Run, name: str) -> None:
    make_node(api_server, name)
    refused = run(
        "lost-node", "apply", expect=1, force=True, **{**_values(name), "stack": "acme/kubenode/prod"}
    )
    assert f"the Node is claimed by the stack {STACK}" in refused.stderr
    assert _exists(api_server, f"/api/v1/nodes/{name}")
