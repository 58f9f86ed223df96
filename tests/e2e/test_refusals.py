"""A node or a host that is somebody else's is refused before anything is written."""

from __future__ import annotations

import json

import pytest

from tests.e2e import snapshot
from tests.e2e.hosts import Host, each
from tests.e2e.lab import Lab
from tests.e2e.stack import commands_and_nodes

pytestmark = pytest.mark.sandbox

_FOREIGN_NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1"}}
_CLAIM = r"""
umask 077
mkdir -p /var/lib/kubenode
printf 'stack organization/other/prod\nnode web-1\nsince 2026-01-01T00:00:00Z\n' >/var/lib/kubenode/claim
"""


def test_a_node_that_no_stack_of_ours_made(bare: Lab) -> None:
    logins = bare.connections()
    bare.cluster.kubectl("create", "-f", "-", stdin=json.dumps(_FOREIGN_NODE))
    try:
        for result in (bare.stack.preview(), bare.stack.up()):
            result.demand_failure()
            assert "refused, nothing was changed" in result.text
            assert (
                "nodes.worker-1: the cluster has a Node of this name that no kubenode stack made"
                in result.text
            )
            assert "kubectl delete node worker-1" in result.text
            assert "nodes.worker-2" not in result.text
        made = {one["type"] for one in bare.stack.resources()}
        assert made <= {"pulumi:pulumi:Stack", "pulumi:providers:command"}
        assert bare.connections() == logins
        (node,) = bare.cluster.nodes().values()
        assert "kubenode/claim" not in node["metadata"].get("annotations", {})
    finally:
        bare.cluster.kubectl("delete", "node", "worker-1")


def test_a_namespace_that_somebody_else_made(bare: Lab) -> None:
    """The proof's is deleted with all that is in it."""
    namespace = "kubenode-e2e-precious"
    bare.cluster.kubectl("create", "namespace", namespace)
    try:
        bare.stack.configure(lambda config: config["verification"].update({"namespace": namespace}))
        for result in (bare.stack.preview().demand_failure(), bare.stack.up().demand_failure()):
            assert "refused, nothing was changed" in result.text
            assert (
                f"verification.namespace: the cluster has the namespace {namespace}, which this stack did not make"
                in result.text
            )
        metadata = bare.cluster.get("namespace", namespace)["metadata"]
        assert "kubenode/claim" not in metadata.get("annotations", {})
    finally:
        bare.stack.restore_configuration()
        bare.cluster.kubectl("delete", "namespace", namespace)


def test_a_host_that_another_stack_claims(bare: Lab) -> None:
    try:
        each(bare.hosts, lambda host: host.run(_CLAIM))
        before = each(bare.hosts, Host.snapshot)
        result = bare.stack.up().demand_failure()
        after = each(bare.hosts, Host.snapshot)
        for host in bare.hosts:
            assert (
                f"kubenode: {host.name} ({host.address}): claim apply: this host is claimed by "
                "stack organization/other/prod as node web-1. Nothing was written."
            ) in result.text
            assert snapshot.differences(before[host.name], after[host.name]) == []
        assert commands_and_nodes(bare.stack) <= {f"{host.name}-release" for host in bare.hosts}
        assert bare.cluster.nodes() == {}
        assert bare.cluster.bootstrap_tokens() == []
    finally:
        each(bare.hosts, lambda host: host.run("rm -rf /var/lib/kubenode"))
