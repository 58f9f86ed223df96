"""A host that is lost: out of the state and the cluster without it, and taken up again when it comes back."""

from __future__ import annotations

import time

import pytest

from tests.docs.commands import run_by
from tests.e2e import documented
from tests.e2e.cluster import is_ready
from tests.e2e.lab import Lab
from tests.e2e.stack import commands_and_nodes

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_JOIN_SECONDS = 90


def test_a_lost_host_and_its_return(deployed: Lab) -> None:
    lab = deployed
    forget, delete = run_by("tests/e2e/test_lost_host.py::test_a_lost_host_and_its_return")
    lost = lab.host("worker-1")
    requests = lab.cluster.requests_of_nodes()
    logins = lost.connections()
    # As good as lost for the cluster: its kubelet is silent. That nobody logs in is counted.
    lost.run("systemctl stop kubelet")

    lab.stack.configure_nodes(lambda nodes: nodes.pop("worker-1"))
    documented.run(lab, forget)
    documented.run(lab, delete)
    lab.stack.up().demand()
    assert set(lab.cluster.nodes()) == {"worker-2"}
    assert not any(name.startswith("worker-1") for name in commands_and_nodes(lab.stack))
    assert lost.connections() == logins
    lab.stack.preview("--expect-no-changes").demand()

    # It comes back, with its claim, and joins as a Node that no stack claims.
    lost.run("systemctl start kubelet")
    deadline = time.monotonic() + _JOIN_SECONDS
    while "worker-1" not in lab.cluster.nodes() and time.monotonic() < deadline:
        time.sleep(1)
    lab.stack.restore_configuration()
    refused = lab.stack.up().demand_failure()
    assert "the cluster has a Node of this name that no kubenode stack made" in refused.text
    documented.run(lab, delete)
    lab.stack.up().demand()
    nodes = lab.cluster.nodes()
    assert set(nodes) == {"worker-1", "worker-2"}
    assert all(is_ready(node) for node in nodes.values())
    lab.note_deployed()
    # Those of its first life are in no state any more; the cluster deletes them after an hour.
    lab.cluster.kubectl("delete", "csr", *requests)
