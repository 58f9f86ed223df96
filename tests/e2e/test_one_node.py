"""One node leaves the stack's configuration and comes back; the other one does not notice."""

from __future__ import annotations

import pytest

from tests.e2e.cluster import unfit
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = pytest.mark.sandbox

# The proof asks every node again when there are other pods than before.
_CONNECTIONS_OF_THE_PROOF = 1


def test_removed_and_added_again(deployed: Lab) -> None:
    lab = deployed
    stays, goes = lab.hosts
    units = ("docker.service", "kubelet.service", "kube-proxy.service")
    started = {unit: stays.started(unit) for unit in units}
    entry: Json = {}

    def remove(nodes: Json) -> None:
        entry.update(nodes.pop(goes.name))

    def add(nodes: Json) -> None:
        nodes[goes.name] = entry

    logins = lab.connections()
    lab.stack.configure_nodes(remove)
    planned = lab.stack.planned()
    deleted = {step.name for step in planned if step.op == "delete"}
    assert f"{goes.name}-release" in deleted
    assert all(name.startswith(goes.name) for name in deleted), deleted
    assert all(step.op == "delete" or step.name.startswith(("verification", stays.name)) for step in planned)
    result = lab.stack.up().demand()
    lab.note_deployed()
    MEASURED.add("up that removes a node", result.seconds, "s")
    assert lab.differences([goes]) == {}
    assert list(lab.cluster.nodes()) == [stays.name]
    after = lab.connections()
    assert after[goes.name] - logins[goes.name] <= 8
    assert after[stays.name] - logins[stays.name] <= _CONNECTIONS_OF_THE_PROOF
    lab.stack.preview("--expect-no-changes").demand()

    # Without the proof nobody at all asks the others.
    lab.stack.configure(lambda config: config["verification"].update({"enabled": False}))
    lab.stack.up().demand()
    logins = lab.connections()
    lab.stack.configure_nodes(add)
    assert {step.op for step in lab.stack.planned()} == {"create"}
    result = lab.stack.up().demand()
    lab.note_deployed()
    MEASURED.add("up that adds a node", result.seconds, "s")
    nodes = lab.cluster.nodes()
    assert sorted(nodes) == [stays.name, goes.name]
    assert unfit(nodes) == {}
    after = lab.connections()
    assert after[goes.name] - logins[goes.name] <= 8
    assert after[stays.name] == logins[stays.name]
    assert {unit: stays.started(unit) for unit in units} == started
    lab.stack.preview("--expect-no-changes").demand()

    lab.stack.configure(lambda config: config["verification"].update({"enabled": True}))
    lab.deployed()
