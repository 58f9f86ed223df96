"""The resources of a stack when something is to be done once more: healed, returned, re-applied."""

from __future__ import annotations

from pathlib import Path

from components.cluster.facts import Facts, NodeFacts, Silence
from components.disruption import disruption_digest
from tests.components import example
from tests.components.graph import Graph, graph_of

_HEALING = ("bootstrap-token", "credentials", "csr-approval", "in-service", "kubelet")


def test_a_node_to_heal_changes_its_own_five_commands_and_nothing_else(tmp_path: Path, graph: Graph) -> None:
    settings = example.stack(tmp_path, {"verification": {"enabled": True}})
    silence = Silence("2026-01-31T10:00Z", "Ready=Unknown", "2026-01-31T10:00:00Z+2h")
    serving = NodeFacts("organization/kubenode/test", None, False, True, None, silence)
    found = graph_of(settings, Facts(reachable=True, nodes={"worker-1": serving}))
    healthy = graph_of(settings, Facts(reachable=True))
    changed = {name for name, one in found.resources.items() if one.inputs != healthy.resources[name].inputs}
    assert changed == {f"worker-1-{part}" for part in _HEALING}
    assert "set | heal 2026-01-31T10:00:00Z+2h\n" in found.resources["worker-1-kubelet"].inputs["stdin"]
    for part in ("csr-approval", "in-service"):
        arguments = found.resources[f"worker-1-{part}"].told()
        assert arguments["heal"] == "2026-01-31T10:00:00Z+2h"
    assert set(found.resources) == set(healthy.resources)
    outputs = found.outputs["nodes"]
    assert outputs["worker-1"]["healed"] == "2026-01-31T10:00:00Z+2h"
    assert "healed" not in outputs["worker-2"]


def test_a_node_that_was_left_out_of_service_runs_one_command(tmp_path: Path, graph: Graph) -> None:
    settings = example.stack(tmp_path, {"verification": {"enabled": True}})
    wanted = disruption_digest(settings.nodes["worker-1"])
    left = NodeFacts("organization/kubenode/test", wanted, True, True, out_of_service=True)
    found = graph_of(settings, Facts(reachable=True, nodes={"worker-1": left}))
    healthy = graph_of(settings, Facts(reachable=True))
    changed = {name for name, one in found.resources.items() if one.inputs != healthy.resources[name].inputs}
    assert changed == {"worker-1-in-service"}
    assert found.resources["worker-1-in-service"].told()["returned"] == "1"
    assert found.outputs["nodes"]["worker-1"]["returned"] == "1"


def test_a_node_whose_removal_was_killed_has_every_part_applied_once_more(
    tmp_path: Path, graph: Graph
) -> None:
    """The state still has parts that the host has lost."""
    changes = {
        "verification": {"enabled": True},
        "rollout": {"reapply": {"worker-2": "2026-03-01T04:00:00Z"}},
    }
    settings = example.stack(tmp_path, changes)
    began = "2026-02-01T04:00:00Z"
    cut = NodeFacts("organization/kubenode/test", "old", True, True, out_of_service=True, removal=began)
    found = graph_of(settings, Facts(reachable=True, nodes={"worker-1": cut, "worker-2": cut}))
    parts = ("claim", "prepare", "docker", "calico", "credentials", "kubelet", "kube-proxy")
    asked = "2026-03-01T04:00:00Z"
    for node, word, mark in (("worker-1", began, began), ("worker-2", f"{asked} {began}", asked)):
        for part in parts:
            text = str(found.resources[f"{node}-{part}"].inputs["stdin"]).replace("\\n", "\n")
            assert f"set | reapply {word}\n" in text
        # Within the hour after the later of them.
        assert found.resources[f"{node}-bootstrap-token"].told()["reapply"] == mark
    assert found.outputs["nodes"]["worker-1"]["removal"] == began
    assert "removal" not in graph.outputs["nodes"]["worker-1"]


def test_a_node_that_is_given_its_certificate_is_healed_without_a_token(tmp_path: Path) -> None:
    settings = example.stack(tmp_path, {"identity": {"client": "issued"}})
    healed = NodeFacts("organization/kubenode/test", None, True, True, "2026-01-31T10:00:00Z+2h")
    found = graph_of(settings, Facts(reachable=True, nodes={"worker-1": healed}))
    assert "worker-1-bootstrap-token" not in found.resources
    assert "set | heal 2026-01-31T10:00:00Z+2h\n" in str(found.resources["worker-1-kubelet"].inputs["stdin"])


def test_a_re_apply_is_one_more_line_in_the_bundles_of_that_nodes_parts_and_nowhere_else(
    tmp_path: Path, graph: Graph
) -> None:
    changes = {
        "verification": {"enabled": True},
        "rollout": {"reapply": {"worker-1": "2026-03-01T04:00:00Z", "gone": "x"}},
    }
    again = graph_of(example.stack(tmp_path, changes))
    line = "set | reapply 2026-03-01T04:00:00Z\n"
    marked = {one.name for one in again.commands() if line in str(one.inputs["stdin"]).replace("\\n", "\n")}
    parts = ("claim", "prepare", "docker", "calico", "credentials", "kubelet", "kube-proxy")
    assert marked == {f"worker-1-{part}" for part in parts}
    # What cordons, drains and judges the node is told nothing.
    assert not {one.name for one in graph.commands() if "reapply" in str(one.inputs["stdin"])}
    for name in ("worker-1-release", "worker-1-out-of-service", "worker-1-in-service", "worker-2-kubelet"):
        assert again.resources[name].inputs["stdin"] == graph.resources[name].inputs["stdin"]
