"""Calico's files on a host: what the golden files do not say by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.calico import files
from tests.components import example


def test_plugins_are_unpacked_into_the_directory_that_cri_dockerd_reads(tmp_path: Path) -> None:
    nodes = example.stack(tmp_path).nodes
    assert files.artifacts(nodes["worker-1"]) == ()
    (plugins,) = files.artifacts(nodes["worker-2"])
    assert (plugins.path, plugins.member) == ("/opt/cni/bin/", "")


def test_a_node_can_do_without_the_plugins_of_the_stack(tmp_path: Path) -> None:
    changes = {"calico": {"cniPlugins": {"version": "1.1.1"}}, "nodes/worker-1/calico": {"cniPlugins": None}}
    nodes = example.stack(tmp_path, changes).nodes
    assert files.artifacts(nodes["worker-1"]) == ()
    assert len(files.artifacts(nodes["worker-2"])) == 1


MANIFEST = {"mode": "manifest", "version": "3.33.1", "manifests": [{"file": "calico.yaml"}]}


@pytest.mark.parametrize(
    ("calico", "words"),
    [
        (
            {"mode": "existing"},
            "TCP 179, IP protocol 4, UDP 4789 or TCP 5473, as that Calico is set up,",
        ),
        ({**MANIFEST, "pool": {"encapsulation": "ipip"}}, "IP protocol 4 and TCP 179"),
        ({**MANIFEST, "pool": {"encapsulation": "ipipCrossSubnet"}}, "IP protocol 4 and TCP 179"),
        ({**MANIFEST, "pool": {"encapsulation": "none"}}, "TCP 179"),
        ({**MANIFEST, "pool": {"encapsulation": "vxlan"}}, "UDP 4789"),
        ({**MANIFEST, "pool": {"encapsulation": "vxlanCrossSubnet"}, "backend": "vxlan"}, "UDP 4789"),
        ({**MANIFEST, "pool": {"encapsulation": "vxlan"}, "backend": "bird"}, "UDP 4789 and TCP 179"),
    ],
)
def test_a_host_is_asked_about_what_this_calico_sends(
    calico: dict[str, Any], words: str, tmp_path: Path
) -> None:
    (tmp_path / "calico.yaml").write_text(
        "{apiVersion: v1, kind: Namespace, metadata: {name: calico-system}}\n"
    )
    node = example.stack(tmp_path, {"calico": calico}).nodes["worker-1"]
    assert files.settings(node) == {"pod-cidr": ["10.244.0.0/16"], "firewall": [words]}


def test_of_the_ranges_of_an_existing_pool_that_of_ipv4_is_looked_for(tmp_path: Path) -> None:
    changes = {
        "calico": {"mode": "existing"},
        # Blocks are smaller than the 26 that is the default of a pool of the stack's own.
        "cluster/podCidr": "10.244.0.0/27,fd01::/48",
        "cluster/serviceCidr": "10.96.0.0/16,fd02::/112",
        "nodes/worker-1/nodeIp": "10.0.0.7,fd00::7",
        "nodes/worker-2": ...,
    }
    assert files.settings(example.stack(tmp_path, changes).nodes["worker-1"])["pod-cidr"] == ["10.244.0.0/27"]


def test_another_pod_network_is_nothing_of_ours(tmp_path: Path) -> None:
    node = example.stack(tmp_path, {"calico": {"mode": "external"}}).nodes["worker-1"]
    assert files.settings(node) == {}
