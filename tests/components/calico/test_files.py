"""Calico's files on a host: what the golden files do not say by themselves."""

from __future__ import annotations

from pathlib import Path

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
