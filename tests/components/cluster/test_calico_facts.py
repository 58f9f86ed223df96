"""What the cluster's Calico forbids, in whole lines."""
# ruff: noqa: E501 - messages stand as they are

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.cluster.calico_facts import CalicoFacts, Pool, parsed, refusals, warnings
from components.settings import StackSettings
from tests.components import example

CLAIM = "organization/kubenode/test"
MANIFEST = {"mode": "manifest", "version": "3.33.1", "manifests": [{"file": "calico.yaml"}]}
POOL = Pool("default-ipv4-ippool", CLAIM, "10.244.0.0/16", 26, "Always", "Never", True, False)
OURS = CalicoFacts(
    {"kube-system/calico-node": (CLAIM, True)}, None, (POOL,), "v3.33.1", {"10.0.0.7": "worker-1"}
)
THEIRS = replace(
    OURS, daemon_sets={"kube-system/calico-node": (None, True)}, pools=(replace(POOL, claim=None),)
)


def settings(directory: Path, calico: dict[str, Any]) -> StackSettings:
    shutil.copy(Path(__file__).parents[2] / "support/calico.yaml", directory / "calico.yaml")
    return example.stack(directory, {"calico": calico})


def refused(
    directory: Path, found: CalicoFacts, calico: dict[str, Any], server: int | None = 37
) -> list[str]:
    stack = settings(directory, calico)
    return refusals(found, CLAIM, stack.calico, stack.cluster, server)


@pytest.mark.parametrize(
    ("calico", "found"),
    [
        (MANIFEST, CalicoFacts()),
        (MANIFEST, OURS),
        ({"mode": "existing"}, THEIRS),
        ({"mode": "existing", "pool": {"encapsulation": "ipip"}}, THEIRS),
        ({"mode": "external"}, THEIRS),
        # Of a pool that exists the configuration need not say anything.
        (
            {"mode": "existing"},
            replace(THEIRS, pools=(replace(POOL, block_size=24, ipip="Never", vxlan="Always"),)),
        ),
        # What is the stack's own is a change, which a preview shows.
        ({**MANIFEST, "pool": {"encapsulation": "vxlan", "natOutgoing": False}}, OURS),
    ],
)
def test_nothing_is_refused(calico: dict[str, Any], found: CalicoFacts, tmp_path: Path) -> None:
    assert refused(tmp_path, found, calico) == []


def test_calico_of_somebody_else_is_not_taken_over(tmp_path: Path) -> None:
    assert refused(tmp_path, THEIRS, MANIFEST) == [
        "calico.mode: the cluster already runs Calico (the DaemonSet kube-system/calico-node), which this stack did not "
        "make. Set existing to use it as it is. What a stack installs it deletes in the end."
    ]
    other = replace(OURS, daemon_sets={"kube-system/calico-node": ("organization/kubenode/other", True)})
    assert "which the stack organization/kubenode/other made" in refused(tmp_path, other, MANIFEST)[0]


@pytest.mark.parametrize(("claim", "expected"), [(CLAIM, 0), ("organization/kubenode/other", 1)])
def test_the_operator_s_daemonset_is_its_own(claim: str, expected: int, tmp_path: Path) -> None:
    found = replace(THEIRS, installation=(claim,))
    assert len(refused(tmp_path, found, {**MANIFEST, "mode": "operator"})) == expected


def test_existing_without_any(tmp_path: Path) -> None:
    assert refused(tmp_path, CalicoFacts(), {"mode": "existing"}) == [
        "calico.mode is existing, and the cluster has no DaemonSet of calico-node. Set manifest or operator to have the "
        "stack install Calico, or external for another pod network."
    ]


def test_a_release_that_is_not_for_the_api_server(tmp_path: Path) -> None:
    assert refused(tmp_path, CalicoFacts(), MANIFEST, server=38) == [
        "calico.version: 3.33.1 is for Kubernetes 1.35 to 1.37, and the API server is 1.38. No line of Calico that is "
        "known here is for it."
    ]
    assert refused(tmp_path, CalicoFacts(), MANIFEST, server=34)[0].endswith(
        "Set a release of 3.30, 3.31, 3.32."
    )
    assert refused(tmp_path, CalicoFacts(), MANIFEST, server=None) == []


def test_a_live_pool_unlike_the_configuration(tmp_path: Path) -> None:
    found = replace(OURS, pools=(replace(POOL, block_size=24),))
    assert refused(tmp_path, found, MANIFEST) == [
        "calico.pool.blockSize: the live IPPool default-ipv4-ippool has 24, the configuration says 26. It cannot be "
        "changed while hosts have blocks: set what the pool has."
    ]
    found = replace(
        THEIRS, pools=(replace(POOL, claim=None, ipip="Never", vxlan="Always", nat_outgoing=False),)
    )
    calico = {"mode": "existing", "pool": {"encapsulation": "ipip", "natOutgoing": True}}
    assert refused(tmp_path, found, calico) == [
        "calico.pool.encapsulation: the live IPPool default-ipv4-ippool has vxlan, the configuration says ipip. Set what "
        "the pool has, or change the pool, which this stack did not make, by hand.",
        "calico.pool.natOutgoing: the live IPPool default-ipv4-ippool has false, the configuration says true. Set what "
        "the pool has, or change the pool, which this stack did not make, by hand.",
    ]


def test_another_range(tmp_path: Path) -> None:
    found = replace(OURS, pools=(replace(POOL, cidr="10.244.0.0/15"),))
    assert refused(tmp_path, found, MANIFEST) == [
        "cluster.podCidr: the live IPPool default-ipv4-ippool has 10.244.0.0/15, the configuration says 10.244.0.0/16. A "
        "pool's range cannot be changed while pods have addresses of it: set what the pool has, or move the pods to a "
        "second pool by hand first."
    ]
    found = replace(THEIRS, pools=(replace(POOL, cidr="192.168.0.0/16"),))
    assert refused(tmp_path, found, {"mode": "existing"}) == [
        "cluster.podCidr: no live IPPool has addresses of 10.244.0.0/16; there are: default-ipv4-ippool "
        "(192.168.0.0/16). Set the range of the pool that pods are to get their addresses from."
    ]


def test_a_pool_over_nodes_and_services(tmp_path: Path) -> None:
    """Any node of the cluster, and any pool; the configuration's own ranges are compared without a cluster."""
    found = replace(OURS, addresses={"10.244.3.3": "of-another-stack", "fd00::1": "worker-1"})
    assert refused(tmp_path, found, MANIFEST) == [
        "cluster.podCidr 10.244.0.0/16 holds 10.244.3.3, the address of the node of-another-stack. Choose a range that "
        "no host has an address in."
    ]
    found = replace(OURS, pools=(POOL, replace(POOL, name="second", cidr="10.96.0.0/12")))
    assert refused(tmp_path, found, MANIFEST) == [
        "cluster.serviceCidr: 10.96.0.0/16 overlaps the live IPPool second (10.96.0.0/12). Choose another pool or other "
        "services."
    ]


def test_what_is_warned_of(tmp_path: Path) -> None:
    found = replace(THEIRS, daemon_sets={"kube-system/calico-node": (None, False)}, version="v3.31.2")
    calico = settings(tmp_path, {"mode": "existing"}).calico
    assert warnings(found, calico, 37) == [
        "calico.mode is existing, and the pods of kube-system/calico-node do not tolerate "
        "kubenode/out-of-service:NoSchedule, which a node carries until they run there: it would wait for them in vain.",
        "the cluster's Calico is 3.31.2, which is for Kubernetes 1.32 to 1.35; the API server is 1.37.",
    ]
    assert warnings(THEIRS, calico, 37) == []


def test_the_answer_of_the_read() -> None:
    assert parsed(None) is None
    pool = {
        "name": "p", "claim": None, "cidr": "10.244.0.0/16", "blockSize": 26, "ipipMode": "Always",
        "vxlanMode": "Never", "natOutgoing": True, "disabled": False,
    }  # fmt: skip
    raw = {
        "daemonSets": {"kube-system/calico-node": {"claim": CLAIM, "tolerates": True}},
        "installation": {"claim": CLAIM}, "pools": [pool], "version": "v3.33.1", "addresses": {"10.0.0.7": "worker-1"},
    }  # fmt: skip
    expected = replace(OURS, installation=(CLAIM,), pools=(replace(POOL, name="p", claim=None),))
    assert parsed(raw) == expected
