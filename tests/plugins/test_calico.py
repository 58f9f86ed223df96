"""Calico's objects on a real API server: made by the components as a stack makes them, changed, deleted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.calico.objects import cluster_objects
from tests.components import example
from tests.plugins.controlplane import ControlPlane, control_plane
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario
from tests.plugins.tools import tool

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests/support/calico.yaml"
CLAIM = "organization/test/test"

_PROGRAM = """
    import sys
    from pathlib import Path
    sys.path.insert(0, ROOT)
    from components.api.provider import cluster_provider
    from components.cluster.calico import ClusterCalico
    from components.remote.command import Kubeconfig
    from tests.components import example

    pool = {**CALICO["pool"], "natOutgoing": at(True, True, False)}
    settings = example.stack(Path(FOLDER), {"calico": {**CALICO, "pool": pool}})
    kubeconfig = Kubeconfig(contents=Output.secret(KUBECONFIG))
    provider = cluster_provider("cluster", kubeconfig, "test", ResourceOptions())
    args = {"settings": settings.calico, "kubeconfig": kubeconfig, "claim": CLAIM, "provider": provider}
    ClusterCalico("calico", args)
"""
_CALICO = {
    "mode": "manifest",
    "version": "3.33.1",
    "manifests": [{"file": "calico.yaml"}],
    "pool": {"encapsulation": "vxlan"},
}


class Life:
    """One run through all phases, kept to be looked at."""

    first: Phase
    again: Phase
    preview: Phase
    changed: Phase
    settled: Phase
    end: Phase
    live: dict[str, str]
    pool: dict[str, object]


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """No other test's objects are in it."""
    with control_plane(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def life(own_cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("calico")
    (folder / "settings").mkdir()
    shutil.copy(FIXTURE, folder / "settings/calico.yaml")
    scenario = Scenario(new_project(folder, folder / "home"))
    # What runs on the operator's machine is started in the project's directory, and asks kubectl.
    (scenario.project.directory / "components").symlink_to(ROOT / "components")
    path = scenario.project.environment["PATH"]
    scenario.project.environment["PATH"] = f"{Path(tool('kubectl')).parent}:{path}"
    scenario.values = {
        "ROOT": str(ROOT),
        "FOLDER": str(folder / "settings"),
        "CALICO": _CALICO,
        "KUBECONFIG": own_cluster.kubeconfig,
        "CLAIM": CLAIM,
    }
    scenario.write(_PROGRAM)
    found = Life()
    found.first = scenario.up()
    found.live = _live(own_cluster)
    found.again = scenario.up("--expect-no-changes")
    found.preview = scenario.preview()
    found.changed = scenario.up()
    found.pool = json.loads(own_cluster.kubectl("get", "ippools", "default-ipv4-ippool", "-o", "json"))
    found.settled = scenario.again("--expect-no-changes", "--refresh")
    found.end = scenario.destroy()
    return found


def _live(cluster: ControlPlane) -> dict[str, str]:
    """The claim on each object of the fixture, by kind and name."""
    kinds = (
        "crd,ippools,serviceaccounts,configmaps,clusterroles,clusterrolebindings,daemonsets,deployments,"
        "poddisruptionbudgets"
    )
    found = json.loads(cluster.kubectl("get", kinds, "-A", "-o", "json"))["items"]
    return {
        f"{one['kind']} {one['metadata']['name']}": one["metadata"]["annotations"]["kubenode/claim"]
        for one in found
        if "kubenode/claim" in (one["metadata"].get("annotations") or {})
    }


def _expected(folder: Path) -> set[str]:
    example.write_project(folder)
    shutil.copy(FIXTURE, folder / "calico.yaml")
    settings = example.stack(folder, {"calico": _CALICO})
    return {
        f"{one.body['kind']} {one.body['metadata']['name']}"
        for one in cluster_objects(settings.calico, CLAIM)
    }


def test_an_up_registers_every_object(life: Life, tmp_path: Path) -> None:
    expected = _expected(tmp_path)
    assert len(expected) == 17
    assert life.live == dict.fromkeys(expected, CLAIM)


def test_a_second_up_is_empty(life: Life) -> None:
    assert {step.op for step in life.again.steps} == {"same"}


def test_a_changed_pool_is_one_visible_change_and_takes_effect(life: Life) -> None:
    changed = [step for step in life.preview.steps if step.op != "same"]
    assert [(step.name, step.op, step.paths) for step in changed] == [
        ("calico-ippool-default-ipv4-ippool", "update", {"spec.natOutgoing": "update"})
    ]
    assert "natOutgoing: true => false" in life.preview.output
    assert life.pool["spec"]["natOutgoing"] is False  # type: ignore[index]
    assert not life.settled.failed


def test_a_destroy_removes_all(life: Life, own_cluster: ControlPlane) -> None:
    assert life.end.state == {}
    kinds = "crd,serviceaccounts,configmaps,clusterroles,clusterrolebindings,daemonsets,deployments,pdb"
    left = own_cluster.kubectl("get", kinds, "-A", "-o", "name").split()
    assert [name for name in left if "calico" in name] == []
