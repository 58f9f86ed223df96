"""A second stack that wants what this one has: refused, and nothing of this one is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e import snapshot
from tests.e2e.cluster import unfit
from tests.e2e.hosts import Host, each
from tests.e2e.lab import STACK, Lab
from tests.e2e.stack import Json, Stack, commands_and_nodes, copied_configuration

pytestmark = pytest.mark.sandbox

_NAME = "other"
_NODES = ".sandbox/nodes-of-another-stack.yaml"


@contextlib.contextmanager
def _other_stack(lab: Lab, nodes: Json) -> Iterator[Stack]:
    """A stack on the same backend and cluster with these nodes; gone afterwards."""

    def edit(config: Json) -> None:
        config["kubenode:nodesFile"] = _NODES
        # One of its own, as without the key: the first stack's would be refused before anything else.
        del config["kubenode:verification"]["namespace"]

    (lab.place.root / _NODES).write_text(yaml.safe_dump(nodes), encoding="utf-8")
    file = copied_configuration(lab.place, _NAME, STACK, edit)
    stack = Stack(lab.place, _NAME, lab.said)
    try:
        stack.pulumi("stack", "init", _NAME, "--no-select", "--non-interactive", stack=False).demand()
        yield stack
        stack.destroy().demand()
    finally:
        stack.pulumi("stack", "rm", _NAME, "--force", "--yes", "--non-interactive", stack=False)
        file.unlink(missing_ok=True)
        (lab.place.root / _NODES).unlink()


def _nodes(lab: Lab) -> Json:
    found: Json = yaml.safe_load(lab.stack.nodes_file.read_text(encoding="utf-8"))
    return found


def _lasting(found: snapshot.Snapshot) -> snapshot.Snapshot:
    """What does not change by itself while a node runs: configuration, programs, our record, packages, units."""
    tops = ("/etc/", "/usr/", "/opt/", "/root/", "/var/lib/kubenode")
    kept = {"files": frozenset(line for line in found["files"] if line.startswith(tops))}
    return {
        name: kept.get(name, found[name] if name in ("packages", "unit files") else frozenset())
        for name in found
    }


def test_nodes_of_the_same_names_are_refused_at_preview(deployed: Lab) -> None:
    with _other_stack(deployed, _nodes(deployed)) as other:
        result = other.preview().demand_failure()
        for host in deployed.hosts:
            assert (
                f"nodes.{host.name}: the Node belongs to the stack organization/kubenode/dev." in result.text
            )


def test_hosts_under_other_names_are_refused_by_their_claims(deployed: Lab) -> None:
    lab = deployed
    before = each(lab.hosts, Host.snapshot)
    with _other_stack(lab, {f"other-{name}": node for name, node in _nodes(lab).items()}) as other:
        result = other.up().demand_failure()
        for host in lab.hosts:
            assert (
                f"kubenode: other-{host.name} ({host.address}): claim apply: this host is claimed by "
                f"stack organization/kubenode/dev as node {host.name}. Nothing was written."
            ) in result.text
        assert commands_and_nodes(other) <= {f"other-{host.name}-release" for host in lab.hosts}
    after = each(lab.hosts, Host.snapshot)
    for host in lab.hosts:
        assert _lasting(before[host.name])["files"], "nothing was compared"
        assert snapshot.differences(_lasting(before[host.name]), _lasting(after[host.name])) == []
    nodes = lab.cluster.nodes()
    assert sorted(nodes) == [host.name for host in lab.hosts]
    assert unfit(nodes) == {}
    lab.stack.preview("--expect-no-changes").demand()
