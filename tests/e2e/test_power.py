"""A host that loses its power in the middle of a step, while a node is made, changed and taken away: once it runs
again, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.e2e.cluster import is_ready, is_schedulable
from tests.e2e.hosts import Host
from tests.e2e.killing import wait_until
from tests.e2e.lab import HOSTS, Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Result

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_NODE = "worker-1"


def _cut_during(lab: Lab, host: Host, part: str, verb: str, run: Callable[[], Result]) -> None:
    """Run it, cut the host's power while the part is at work, switch it on again; the run must fail, and end."""
    lab.note_unknown()
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(run)

        def at_work() -> bool:
            assert not running.done(), f"over before {part} could be cut off:\n{running.result().text}"
            return host.works_on(part, verb)

        wait_until(at_work, f"{part} {verb} at work")
        _cut_power(lab, host)
        result = running.result().demand_failure()
    MEASURED.add(f"run that ended by a power cut during {part} {verb}", result.seconds, "s")
    assert f"{host.name}-{part}" in result.text


def _cut_power(lab: Lab, host: Host) -> None:
    """Off, and on again."""
    nodes = lab.stack.nodes_file.read_text(encoding="utf-8")
    host.cut_power()
    lab.place.up(HOSTS)
    # The sandbox writes its hosts anew.
    lab.stack.nodes_file.write_text(nodes, encoding="utf-8")


def _demand_in_service(lab: Lab) -> None:
    (node,) = lab.cluster.nodes().values()
    assert is_ready(node)
    assert is_schedulable(node)
    assert lab.cluster.bootstrap_tokens() == []
    lab.stack.preview("--expect-no-changes").demand()


def test_the_same_command_goes_on(bare: Lab) -> None:
    lab, host = bare, bare.host(_NODE)
    lab.only(_NODE)
    for part in ("docker", "kubelet"):
        _cut_during(lab, host, part, "apply", lab.stack.up)
    result = lab.stack.up().demand()
    MEASURED.add("up after two power cuts", result.seconds, "s")
    lab.note_canaries()
    _demand_in_service(lab)

    lab.stack.configure_nodes(
        lambda nodes: nodes[_NODE].update({"kubelet": {"extraConfig": {"maxPods": 58}}})
    )
    _cut_during(lab, host, "kubelet", "apply", lab.stack.up)
    lab.stack.up().demand()
    assert lab.cluster.nodes()[_NODE]["status"]["capacity"]["pods"] == "58"
    _demand_in_service(lab)

    # A node that just boots, with nothing of ours at work, comes back by itself.
    _cut_power(lab, host)
    _demand_comes_back(lab)

    for part in ("kubelet", "docker"):
        _cut_during(lab, host, part, "remove", lab.stack.destroy)
    lab.stack.destroy().demand()
    assert lab.differences([host]) == {}
    assert lab.cluster.leftovers() == []


def _demand_comes_back(lab: Lab) -> None:
    switched_on = datetime.now(UTC)
    # Until the kubelet speaks again, the cluster knows only what was before.
    wait_until(
        lambda: datetime.fromisoformat(lab.cluster.lease_renewed(_NODE)) > switched_on,
        "its kubelet is heard of",
    )
    lab.cluster.kubectl("wait", "--for=condition=Ready", f"node/{_NODE}", "--timeout=180s")
    pods = ("-n", "kubenode-verification", "pods", "--all", "--timeout=180s")
    lab.cluster.kubectl("wait", "--for=condition=Ready", *pods)
    lab.stack.preview("--expect-no-changes").demand()
