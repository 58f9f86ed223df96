"""The kubelet's files: what the golden files do not say by themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.identity.kubeconfigs import Identities
from components.kubelet import files
from components.versions import MINORS
from tests.components import example


def test_the_kubelet_lets_nobody_in_unasked(tmp_path: Path) -> None:
    config = files.configuration(example.stack(tmp_path).nodes["worker-1"])
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["authentication"]["webhook"]["enabled"] is True
    assert config["authorization"]["mode"] == "Webhook"
    assert config["readOnlyPort"] == 0
    assert config["rotateCertificates"] is True
    assert config["serverTLSBootstrap"] is True
    assert config["healthzBindAddress"] == "127.0.0.1"
    assert config["address"] == "10.0.0.7"


def test_extra_config_changes_one_value_and_keeps_its_neighbours(tmp_path: Path) -> None:
    extra = {
        "authentication": {"webhook": {"cacheTTL": "10s"}},
        "evictionMinimumReclaim": None,
        "oomScoreAdj": 0,
    }
    config = files.configuration(
        example.stack(tmp_path, {"kubelet": {"extraConfig": extra}}).nodes["worker-1"]
    )
    assert config["authentication"]["webhook"] == {"cacheTTL": "10s", "enabled": True}
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert "evictionMinimumReclaim" not in config
    assert config["oomScoreAdj"] == 0


@pytest.mark.parametrize("number", MINORS)
def test_a_release_gets_only_fields_and_flags_that_it_knows(number: int, tmp_path: Path) -> None:
    node = example.stack(tmp_path, version=f"1.{number}.1").nodes["worker-1"]
    assert set(files.configuration(node)) - {"apiVersion", "kind"} <= node.minor.kubelet_fields
    unit = files.files(node)[1].content
    assert set(re.findall(r"--([a-z0-9-]+)=", unit)) <= node.minor.known_kubelet_flags


def test_the_unit_survives_a_reboot_and_a_restart_of_docker(tmp_path: Path) -> None:
    unit = files.files(example.stack(tmp_path).nodes["worker-1"])[1].content.splitlines()
    assert "WantedBy=multi-user.target" in unit
    assert "Restart=always" in unit
    assert "Wants=network-online.target docker.service cri-docker.socket" in unit
    assert not [line for line in unit if line.startswith("Requires=")]


def test_an_extra_flag_may_replace_one_of_ours(tmp_path: Path) -> None:
    changes = {"kubelet": {"extraFlags": {"v": 6, "root-dir": "/data/kubelet"}}}
    unit = files.files(example.stack(tmp_path, changes).nodes["worker-1"])[1].content
    assert unit.count("--v=") == 1
    assert "--v=6" in unit
    assert "--root-dir=/data/kubelet" in unit


def test_the_script_knows_another_place_of_the_kubelet_s_folder(tmp_path: Path) -> None:
    def settings(changes: dict[str, Any]) -> Mapping[str, Sequence[str]]:
        return files.content(example.stack(tmp_path, changes).nodes["worker-1"], Identities()).settings or {}

    changes = {"kubelet": {"extraFlags": {"root-dir": "/data/kubelet/"}}}
    assert settings(changes)["root-dir"] == ["/data/kubelet"]
    assert "root-dir" not in settings({})


def test_no_node_is_labelled_by_its_kubelet(tmp_path: Path) -> None:
    """A kubelet from 1.16 on does not start with a role label; labels go through the API."""
    for node in example.stack(tmp_path).nodes.values():
        assert "node-labels" not in files.files(node)[1].content


def test_streams_go_the_way_that_cri_dockerd_knows(tmp_path: Path) -> None:
    """From 1.36 on the kubelet would take cri-dockerd's plain HTTP stream for HTTPS, and exec would fail."""
    own = {"kubelet": {"extraConfig": {"featureGates": {"NodeSwap": True}}}}
    newest = files.configuration(example.stack(tmp_path, own).nodes["worker-1"])
    assert newest["featureGates"] == {"ExtendWebSocketsToKubelet": False, "NodeSwap": True}
    older = files.configuration(example.stack(tmp_path, version="1.35.1").nodes["worker-1"])
    assert "featureGates" not in older


@pytest.mark.parametrize(("serving", "asks"), [("bootstrap", True), ("issued", False)])
def test_a_kubelet_that_is_given_its_serving_certificate_asks_for_none(
    serving: str, asks: bool, tmp_path: Path
) -> None:
    node = example.stack(tmp_path, {"identity": {"serving": serving}}).nodes["worker-1"]
    assert files.asks_for_serving_certificate(node) is asks
