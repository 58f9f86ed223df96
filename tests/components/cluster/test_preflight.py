"""What is said of a cluster that lacks something."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.cluster import preflight
from components.cluster.facts import Facts
from components.cluster.objections import untold, warnings
from tests.components import example
from tests.components.authorities import certificate_pem, new_key

NAMES = (
    "nodeAuthorizer",
    "nodeRestriction",
    "clientAuthority",
    "bootstrapTokens",
    "clientSigner",
    "servingSigner",
    "kubeletClient",
)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_told_with_its_consequence_and_its_flag(tmp_path: Path, name: str) -> None:
    nodes = example.stack(tmp_path).nodes
    facts = Facts(reachable=True, preflight={**dict.fromkeys(NAMES, True), name: False})
    (line,) = warnings(facts, nodes)
    assert line.startswith("preflight of the cluster: ")
    assert " is missing: " in line
    assert ". Set --" in line
    assert untold(facts, nodes) == []


def test_what_nobody_can_tell_is_one_line_and_no_warning(tmp_path: Path) -> None:
    nodes = example.stack(tmp_path).nodes
    facts = Facts(reachable=True, preflight={})
    assert warnings(facts, nodes) == []
    (line,) = untold(facts, nodes)
    assert "could not be told from outside: the Node authorizer (if no kubelet can register, set " in line
    assert "You must be logged in to the server" in line


def test_stacks_whose_nodes_have_all_joined_hear_nothing(tmp_path: Path) -> None:
    nodes = example.stack(tmp_path).nodes
    assert warnings(Facts(reachable=True), nodes) == untold(Facts(reachable=True), nodes) == []


def test_what_a_stack_does_not_use_it_does_not_need(tmp_path: Path) -> None:
    identity = {"identity": {"client": "issued", "serving": "issued"}}
    nodes = example.stack(tmp_path, identity).nodes.values()
    by_ca = [need.name for need in preflight.needs(nodes, by_the_cluster=False)]
    assert by_ca == ["nodeAuthorizer", "nodeRestriction", "clientAuthority", "kubeletClient"]
    by_cluster = [need.name for need in preflight.needs(nodes, by_the_cluster=True)]
    assert by_cluster == [*by_ca[:3], "clientSigner", "servingSigner", "kubeletClient"]


def test_an_authority_that_the_api_server_does_not_trust_for_clients_is_told() -> None:
    ours, other = certificate_pem(new_key()), certificate_pem(new_key())
    (line,) = preflight.authority_mismatch(ours, other)
    assert "kubectl logs and exec do not work" in line
    assert preflight.authority_mismatch(ours, other + ours) == []
    assert preflight.authority_mismatch(ours, None) == []
