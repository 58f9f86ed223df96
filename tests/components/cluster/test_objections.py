"""What the cluster forbids, and what a user is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.cluster.facts import Facts, ForeignNamespace, NodeFacts, Silence, marks
from components.cluster.marks import Marks
from components.cluster.objections import refusals, warnings
from components.disruption import disruption_digest
from components.settings import AuthoritySettings
from tests.components import example
from tests.components.authorities import certificate_pem, new_key

CLAIM = "organization/kubenode/prod"


def _refusals(tmp_path: Path, facts: Facts, version: str = "1.37.2") -> list[str]:
    return refusals(facts, CLAIM, example.stack(tmp_path, version=version).nodes)


def _node(claim: str | None) -> NodeFacts:
    return NodeFacts(claim=claim, in_service=None, ready=True, joined=True)


def test_an_empty_cluster_and_an_unreachable_one_forbid_nothing(tmp_path: Path) -> None:
    assert _refusals(tmp_path, Facts(reachable=True, server_version="1.37.2")) == []
    assert _refusals(tmp_path, Facts(reachable=False, error="connection refused")) == []


def test_our_own_node_is_ours(tmp_path: Path) -> None:
    assert _refusals(tmp_path, Facts(reachable=True, nodes={"worker-1": _node(CLAIM)})) == []


def test_a_node_that_somebody_else_made_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (problem,) = _refusals(tmp_path, Facts(reachable=True, nodes={"worker-1": _node(None)}))
    assert problem.startswith("nodes.worker-1: ")
    assert "kubectl delete node worker-1" in problem


def test_a_node_of_another_stack_is_refused_by_name_of_that_stack(tmp_path: Path) -> None:
    (problem,) = _refusals(
        tmp_path, Facts(reachable=True, nodes={"worker-2": _node("organization/kubenode/test")})
    )
    assert problem.startswith("nodes.worker-2: ")
    assert "organization/kubenode/test" in problem


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    facts = Facts(
        reachable=True,
        server_version="1.36.1",
        nodes={"worker-1": _node(None), "worker-2": _node("a/b/c")},
        proxy_daemon_sets={"kube-system/kube-proxy": ("worker-1", "worker-2")},
    )
    problems = _refusals(tmp_path, facts)
    assert len(problems) == 2 + 2 + 1
    assert any("kube-system/kube-proxy" in problem for problem in problems)


def test_the_cluster_s_own_kube_proxy_is_refused_beside_ours_only(tmp_path: Path) -> None:
    nodes = example.stack(tmp_path, {"nodes/worker-1/kubeProxy": {"mode": "existing"}}).nodes
    on_both = Facts(reachable=True, proxy_daemon_sets={"kube-system/kube-proxy": ("worker-1", "worker-2")})
    on_one = Facts(reachable=True, proxy_daemon_sets={"kube-system/kube-proxy": ("worker-1",)})
    assert refusals(on_both, CLAIM, nodes) == [
        "kubeProxy.mode: the cluster already runs kube-system/kube-proxy, which would start a second kube-proxy on "
        "worker-2. Set kubeProxy.mode to existing, or give it a nodeSelector that leaves them out."
    ]
    assert refusals(on_one, CLAIM, nodes) == []
    assert warnings(on_one, nodes) == []


def test_a_node_without_any_kube_proxy_is_warned_of(tmp_path: Path) -> None:
    nodes = example.stack(tmp_path, {"nodes/worker-1/kubeProxy": {"mode": "existing"}}).nodes
    (warning,) = warnings(Facts(reachable=True), nodes)
    assert "no DaemonSet of the cluster looks like a kube-proxy for worker-1." in warning
    (warning,) = warnings(Facts(reachable=False, error="connection refused"), nodes)
    assert warning.endswith("nothing was checked against the cluster: connection refused")


@pytest.mark.parametrize(
    ("kubelet", "server", "accepted"),
    [
        ("1.37.2", "1.37.0", True),
        ("1.36.3", "v1.37.2", True),
        ("1.34.0", "1.37.2", True),
        ("1.33.0", "1.37.2", False),
        ("1.37.2", "1.36.9", False),
        ("1.10.13", "1.12.0", True),
        ("1.10.13", "1.13.0", False),
    ],
)
def test_the_skew_policy(tmp_path: Path, kubelet: str, server: str, accepted: bool) -> None:
    problems = _refusals(tmp_path, Facts(reachable=True, server_version=server), kubelet)
    assert (problems == []) is accepted


def test_clones_are_a_warning_with_the_way_out_and_no_refusal(tmp_path: Path) -> None:
    """Refused, a stack could not even remove one of them."""
    facts = Facts(reachable=True, same_machine={"worker-1": ("worker-2", "x")})
    assert _refusals(tmp_path, facts) == []
    nodes = example.stack(tmp_path).nodes
    (warning,) = warnings(facts, nodes)
    assert warning.startswith("nodes.worker-1: its host has the same /etc/machine-id as worker-2, x, ")
    assert "systemd-machine-id-setup" in warning
    assert warnings(Facts(reachable=True), nodes) == []


OURS, OTHER = certificate_pem(new_key()), certificate_pem(new_key())


@pytest.mark.parametrize(
    ("trusted", "is_refused", "is_warned"),
    [(OURS, False, False), (OTHER + OURS, False, False), (OTHER, True, False), (None, False, True)],
    ids=["it", "it among others", "another", "nobody knows"],
)
def test_an_authority_that_the_api_server_does_not_trust_is_refused(
    trusted: str | None, is_refused: bool, is_warned: bool, tmp_path: Path
) -> None:
    nodes = example.stack(tmp_path).nodes
    facts = Facts(reachable=True, client_authorities=trusted)
    ours = AuthoritySettings(OURS, None)
    refused = [one for one in refusals(facts, CLAIM, nodes, ours) if one.startswith("identity.ca: ")]
    warned = [one for one in warnings(facts, nodes, ours) if one.startswith("identity.ca ")]
    assert (bool(refused), bool(warned)) == (is_refused, is_warned)
    assert not [one for one in warnings(facts, nodes) if "identity.ca" in one]


def test_an_unreachable_api_server_s_authority_is_taken_to_be_the_kubeconfig_s(tmp_path: Path) -> None:
    nodes = example.stack(tmp_path, {"cluster/caData": OURS}).nodes
    facts = Facts(reachable=False, error="connection refused")
    found = warnings(facts, nodes, AuthoritySettings(OURS, None))
    assert not [one for one in found if "identity.ca" in one]


def _silent(heal: str, healed: str | None = None) -> Facts:
    silence = Silence("2026-01-31T10:00Z", "Ready=Unknown", heal)
    return Facts(reachable=True, nodes={"worker-1": NodeFacts(CLAIM, "d", False, True, healed, silence)})


def test_a_silent_node_is_healed_and_told_and_forbids_nothing(tmp_path: Path) -> None:
    facts = _silent("2026-01-31T10:00:00Z+2h", "2025-12-31T10:00:00Z+1h")
    assert marks(facts, {}) == {"worker-1": Marks(healed="2026-01-31T10:00:00Z+2h")}
    assert _refusals(tmp_path, facts) == []
    (warning,) = warnings(facts, example.stack(tmp_path).nodes)
    assert warning.startswith(
        "nodes.worker-1: not heard of since 2026-01-31T10:00Z (Ready=Unknown), but its host "
    )
    assert "pulumi up heals it: a new bootstrap token" in warning
    assert " FORCE=yes, then pulumi up." in warning


def test_a_host_that_is_off_is_told_and_nothing_changes_for_it(tmp_path: Path) -> None:
    assert marks(_silent(""), {}) == {"worker-1": Marks()}
    healed = "2025-12-31T10:00:00Z+1h"
    assert marks(_silent("", healed), {}) == {"worker-1": Marks(healed=healed)}
    (warning,) = warnings(_silent(""), example.stack(tmp_path).nodes)
    assert "its host does not answer, so nothing is done about it" in warning


def test_a_node_that_a_run_left_out_of_service_is_told(tmp_path: Path) -> None:
    nodes = example.stack(tmp_path).nodes
    node = NodeFacts(CLAIM, disruption_digest(nodes["worker-1"]), True, True, out_of_service=True)
    (warning,) = warnings(Facts(reachable=True, nodes={"worker-1": node}), nodes)
    assert warning.startswith(
        "nodes.worker-1: out of service, left so by a run that ended in between. pulumi up "
    )


def test_a_namespace_of_somebody_else_is_never_taken_for_the_proof(tmp_path: Path) -> None:
    """It would be deleted with all that is in it."""
    (problem,) = _refusals(tmp_path, Facts(reachable=True, foreign_namespace=ForeignNamespace("prod", None)))
    assert problem.startswith(
        "verification.namespace: the cluster has the namespace prod, which this stack did not make"
    )
    (problem,) = _refusals(tmp_path, Facts(reachable=True, foreign_namespace=ForeignNamespace("p", "o/p/x")))
    assert "which the stack o/p/x made" in problem
