"""kube-proxy's files: what the golden files do not say by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.kube_proxy import files
from components.versions import MINORS
from tests.components import example


def test_the_pods_range_and_not_the_services_is_local(tmp_path: Path) -> None:
    config = files.configuration(example.stack(tmp_path).nodes["worker-1"])
    assert config["clusterCIDR"] == "10.244.0.0/16"
    assert config["detectLocalMode"] == "ClusterCIDR"


@pytest.mark.parametrize("number", MINORS)
def test_every_release_gets_a_mode_in_so_many_words_and_only_fields_it_knows(
    number: int, tmp_path: Path
) -> None:
    node = example.stack(tmp_path, version=f"1.{number}.1").nodes["worker-1"]
    config = files.configuration(node)
    assert config["mode"] == "iptables"
    assert config["hostnameOverride"] == "worker-1"
    assert set(config) - {"apiVersion", "kind"} <= node.minor.kube_proxy_fields


def test_extra_config_keeps_its_neighbours(tmp_path: Path) -> None:
    extra = {"clientConnection": {"qps": 50}, "conntrack": {"maxPerCore": 0, "min": 0}}
    config = files.configuration(
        example.stack(tmp_path, {"kubeProxy": {"extraConfig": extra}}).nodes["worker-1"]
    )
    assert config["clientConnection"] == {"kubeconfig": "/etc/kubernetes/kube-proxy.kubeconfig", "qps": 50}
    assert config["conntrack"] == {"maxPerCore": 0, "min": 0}
