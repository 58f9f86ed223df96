"""Requests that look like a node's and are not, posted before and while it joins: none is approved, each is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import hostile
from tests.e2e.cluster import Cluster, is_ready
from tests.e2e.hosts import Host
from tests.e2e.lab import Lab

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_BINDING = "e2e-anybody-may-ask"
_PLAIN = hostile.User("mallory", ("e2e-anybody",))
_OTHER_TOKEN = hostile.User("system:bootstrap:e2e000", ("system:bootstrappers", "e2e-anybody"))
_SECONDS = 120


@pytest.fixture
def anybody_may_ask(lab: Lab) -> Iterator[None]:
    """The right to post requests, for those who have none by being a node or having a token of the stack."""
    lab.cluster.kubectl(
        "create",
        "clusterrolebinding",
        _BINDING,
        "--clusterrole=system:node-bootstrapper",
        "--group=e2e-anybody",
    )
    yield
    lab.cluster.kubectl("delete", "clusterrolebinding", _BINDING)


@pytest.mark.usefixtures("anybody_may_ask")
def test_nobody_gets_a_certificate_by_asking(bare: Lab) -> None:
    lab, cluster = bare, bare.cluster
    joins, other = lab.hosts
    as_node = hostile.User(f"system:node:{joins.name}", ("system:nodes",))
    as_other = hostile.User(f"system:node:{other.name}", ("system:nodes",))
    server = lab.cluster.server.removeprefix("https://").rpartition(":")[0]
    strangers = hostile.of_strangers(joins.name, joins.address)

    # Another node is there already, for it may be one who tries.
    lab.stack.configure_nodes(lambda nodes: nodes.pop(joins.name))
    lab.stack.up().demand()
    lab.stack.restore_configuration()
    foreign = {
        **hostile.post(cluster, _PLAIN, strangers, "e2e-plain"),
        **hostile.post(cluster, _OTHER_TOKEN, strangers, "e2e-token"),
        **hostile.post(cluster, as_other, strangers, "e2e-node"),
    }
    ours = hostile.post(cluster, as_node, hostile.of_node(joins.name, joins.address, server), "e2e-early")
    with _posted_meanwhile(cluster, joins, other, as_node, server) as meanwhile:
        result = lab.stack.up().demand()
    ours |= meanwhile
    lab.note_deployed()

    # One or the other the API server itself turns away.
    taken = [name for name, answer in ours.items() if not answer]
    assert len(taken) >= 8, ours
    everyone = [*foreign, *ours]
    assert hostile.approved(cluster, everyone) == []
    # In the order of its parts: what is found here could have been found approved.
    assert all(is_ready(node) for node in cluster.nodes().values())
    untold = [name for name in taken if f"request {name} not approved: " not in result.text]
    assert untold == []
    still = {one["metadata"]["name"] for one in cluster.items("csr")}
    assert {name for name, answer in foreign.items() if not answer} <= still, (
        "somebody else's is not ours to delete"
    )

    lab.stack.preview("--expect-no-changes").demand()
    lab.bare()
    left = [name for name in foreign if name in {one["metadata"]["name"] for one in cluster.items("csr")}]
    cluster.kubectl("delete", "csr", "--ignore-not-found", *foreign)
    assert left
    assert cluster.leftovers() == []


@contextmanager
def _posted_meanwhile(
    cluster: Cluster, joins: Host, other: Host, as_node: hostile.User, server: str
) -> Iterator[dict[str, str]]:
    """As soon as the node has a token: what may be tried with it, and with its certificate."""
    answers: dict[str, str] = {}
    over = threading.Event()

    def work() -> None:
        user = None
        while user is None and not over.wait(0.2):
            user = hostile.token_user(cluster, joins.name)
        if user is not None:
            answers.update(hostile.post(cluster, user, hostile.of_token(joins.name, other.name), "e2e-held"))
            attempts = hostile.of_node(joins.name, joins.address, server)
            answers.update(hostile.post(cluster, as_node, attempts, "e2e-late"))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join(_SECONDS)
