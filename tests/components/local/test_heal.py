"""A node falls silent, and the programs bring it back: with the real API server, and a kubelet that is played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.local import nodes
from components.local.kubectl import PATHS
from components.local.silence import silence
from tests.components.local.cluster import (
    GROUP,
    STACK,
    allow_bootstrap,
    annotations_of,
    new_name,
    new_token,
    requests_of,
    tokens_of,
)
from tests.components.local.conftest import Run
from tests.support.apiserver import ApiServer
from tests.support.would_be_kubelet import REQUESTS, WouldBeKubelet

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
SINCE = "2026-01-31T10:00:00Z"
REFUSED = "error trying to reach service: dial tcp 10.0.0.7:10250: connect: connection refused"


def node(ready: str = "Unknown", version: str = "v1.37.2", **metadata: Any) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": SINCE,
    }
    return {
        "metadata": {"name": "w1", "creationTimestamp": "2026-01-01T00:00:00Z", **metadata},
        "status": {"nodeInfo": {"kubeletVersion": version}, "conditions": [condition]},
    }


@pytest.mark.parametrize(
    ("probe", "heal"),
    [
        (REFUSED, f"{SINCE}+2h"),
        ("", f"{SINCE}+2h"),
        ("error trying to reach service: remote error: tls: internal error", f"{SINCE}+2h"),
        ("Error from server (Forbidden): Forbidden (user=x, verb=get)", f"{SINCE}+2h"),
        ("error trying to reach service: dial tcp 10.0.0.7:10250: i/o timeout", ""),
        ("error trying to reach service: dial tcp 10.0.0.7:10250: connect: no route to host", ""),
        ("Unable to connect to the server: context deadline exceeded", ""),
        ("kubectl get --raw /x did not answer within 5 s", ""),
    ],
)
def test_a_silent_node_is_healed_if_its_host_is_there(probe: str, heal: str) -> None:
    found = silence(node(), probe, NOW)
    assert found is not None
    assert found.json() == {
        "since": "2026-01-31T10:00Z",
        "reason": "Ready=Unknown NodeStatusUnknown Kubelet stopped posting node status.",
        "heal": heal,
    }


@pytest.mark.parametrize("ready", ["True", "False"])
def test_a_kubelet_that_reports_has_its_certificate_whatever_it_reports(ready: str) -> None:
    assert silence(node(ready), "", NOW) is None


def test_one_that_never_joined_gets_a_token_again_when_its_first_has_ended() -> None:
    young = node("", "", creationTimestamp="2026-01-31T11:31:00Z")
    assert silence(young, "", NOW) is None
    old = silence(node("", "", creationTimestamp="2026-01-31T11:29:00Z"), "", NOW)
    assert old is not None
    assert old.heal == "2026-01-31T11:29:00Z+1h"


def test_what_is_to_heal_is_another_text_once_a_token_has_ended() -> None:
    first = nodes.heal(NOW, NOW + timedelta(minutes=1))
    assert nodes.heal(NOW, NOW + timedelta(minutes=59)) == first
    assert nodes.heal(NOW, NOW + timedelta(minutes=61)) != first


@pytest.mark.parametrize("text", ["x\nset | y", "2026-01-31T10:00:00Z", "", "2026-01-31T10:00:00Z+1h "])
def test_a_node_cannot_write_into_a_bundle_by_its_annotation(text: str) -> None:
    assert nodes.view(node(annotations={"kubenode/healed": text})).healed is None


def test_the_annotation_of_a_node_that_was_healed_is_read() -> None:
    assert nodes.view(node(annotations={"kubenode/healed": f"{SINCE}+2h"})).healed == f"{SINCE}+2h"


# ---------------------------------------------------------------------------------------------------------------------
# With the real API server.


@pytest.fixture
def name(api_server: ApiServer) -> Iterator[str]:
    allow_bootstrap(api_server)
    one = new_name()
    yield one
    for request in requests_of(api_server, f"system:node:{one}"):
        api_server.admin.delete(f"{REQUESTS}/{request['metadata']['name']}")
    for secret in tokens_of(api_server, one):
        api_server.admin.delete(f"{PATHS.secrets}/{secret['metadata']['name']}")
    api_server.admin.delete(f"{PATHS.leases}/{one}")
    api_server.admin.delete(f"/api/v1/nodes/{one}")


def fall_silent(server: ApiServer, name: str) -> None:
    """What the controller manager writes of a Node whose Lease nobody renews."""
    (condition,) = node()["status"]["conditions"]
    server.admin.merge(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [condition]}})


def silent(server: ApiServer, run: Run, name: str) -> dict[str, Any]:
    outcome = run("api-read", "apply", nodes=[name], stack=STACK)
    found: dict[str, Any] = json.loads(outcome.stdout)["nodes"][name]
    return found


@pytest.mark.sandbox
def test_a_node_that_lost_its_certificate_comes_back_and_is_as_before(
    api_server: ApiServer, run: Run, name: str
) -> None:
    given = {"node": name, "stack": STACK, **new_token(), "groups": [GROUP]}
    serve = {"node": name, "stack": STACK, "digest": "d", "runId": "r", "timeoutSeconds": 30}
    with WouldBeKubelet(api_server, name) as first:
        first.adopt()
        claim = {"metadata": {"annotations": {"kubenode/claim": STACK, "kubenode/in-service": "d"}}}
        api_server.admin.merge(f"/api/v1/nodes/{name}", claim)
        assert (silent(api_server, run, name)["silent"], silent(api_server, run, name)["healed"]) == (
            None,
            None,
        )
    fall_silent(api_server, name)
    found = silent(api_server, run, name)["silent"]
    assert found["since"] == "2026-01-31T10:00Z"
    heal = found["heal"]
    assert heal.startswith(f"{SINCE}+")

    run("bootstrap-token", "apply", **given, heal=heal)
    assert len(tokens_of(api_server, name)) == 1
    # What is left in the cluster of the kubelet of before is no reason to be content.
    with WouldBeKubelet(api_server, name) as mute:
        mute.client = api_server.admin
        mute._listen()
        user = f"system:node:{name}"
        mute._serve(*api_server.authority.issue(user, ["system:nodes"], ips=[mute.address], dns_names=[name]))
        mute.report()
        fall_silent(api_server, name)
        outcome = run(
            "csr-approval", "apply", nodeIp=mute.address, timeoutSeconds=2, **given, heal=heal, expect=1
        )
        assert "the kubelet has not spoken to the API server since it lost its certificate" in outcome.stderr
        run("csr-approval", "apply", nodeIp=mute.address, timeoutSeconds=2, **given)
    fall_silent(api_server, name)
    run("bootstrap-token", "apply", **given, heal=heal)
    with WouldBeKubelet(api_server, name) as second:
        second.join(f"{given['tokenId']}.{given['tokenSecret']}")
        run("csr-approval", "apply", nodeIp=second.address, timeoutSeconds=30, **given, heal=heal)
        assert tokens_of(api_server, name) == []
        run("in-service", "apply", **serve, heal=heal)
        assert annotations_of(api_server, name)["kubenode/healed"] == heal
        found = silent(api_server, run, name)
        assert (found["silent"], found["healed"]) == (None, heal)
        # The same inputs once more, as when something else of the command changes: nothing is minted.
        run("bootstrap-token", "apply", **given, heal=heal)
        assert tokens_of(api_server, name) == []
        run("csr-approval", "apply", nodeIp=second.address, timeoutSeconds=10, **given, heal=heal)


@pytest.mark.sandbox
def test_the_node_of_another_stack_is_not_our_business(api_server: ApiServer, run: Run, name: str) -> None:
    with WouldBeKubelet(api_server, name) as kubelet:
        kubelet.adopt()
        other = {"metadata": {"annotations": {"kubenode/claim": "another/stack/x"}}}
        api_server.admin.merge(f"/api/v1/nodes/{name}", other)
    fall_silent(api_server, name)
    assert silent(api_server, run, name)["silent"] is None
