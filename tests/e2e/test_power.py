"""A host that loses its power in the middle of a step, while a node is made, changed and taken away: once it runs
again, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
OLD, NEW = "1.36.3", "1.37.2"


def _cut_during(lab: Lab, host: Host, part: str, verb: str, run: Callable[[], Result]) -> Result:
    """Run it, cut the host's power while the part is at work, switch it on again; the run must fail, and end."""
    lab.note_unknown()
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(run)

        def at_work() -> bool:
            assert not running.done(), f"over before {part} could be cut off:\n{running.result().text}"
            return host.works_on(part, verb)

        wait_until(at_work, f"{part} {verb} at work")
        lab.cut_power(host)
        result = running.result().demand_failure()
    MEASURED.add(f"run that ended by a power cut during {part} {verb}", result.seconds, "s")
    assert f"{host.name}-{part}" in result.text
    return result


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
    lab.cut_power(host)
    _demand_comes_back(lab)

    for part in ("kubelet", "docker"):
        _cut_during(lab, host, part, "remove", lab.stack.destroy)
    lab.stack.destroy().demand()
    assert lab.differences([host]) == {}
    assert lab.cluster.leftovers() == []


def _demand_comes_back(lab: Lab, name: str = _NODE) -> None:
    switched_on = datetime.now(UTC)
    # Until the kubelet speaks again, the cluster knows only what was before.
    wait_until(
        lambda: datetime.fromisoformat(lab.cluster.lease_renewed(name)) > switched_on,
        "its kubelet is heard of",
    )
    lab.cluster.kubectl("wait", "--for=condition=Ready", f"node/{name}", "--timeout=180s")
    pods = ("-n", "kubenode-verification", "pods", "--all", "--timeout=180s")
    lab.cluster.kubectl("wait", "--for=condition=Ready", *pods)
    lab.stack.preview("--expect-no-changes").demand()


@pytest.fixture
def three(bare: Lab) -> Iterator[list[Host]]:
    """Three hosts, with what is before; the third is gone afterwards."""
    lab = bare
    two, before = lab.hosts, lab.before
    lab.place.up(HOSTS + 1, "--older")
    lab.hosts = lab.configured_hosts()
    # Of the first two anew: the sandbox tells each host the routes to all.
    lab.before = {host.name: host.snapshot() for host in lab.hosts}
    try:
        yield lab.hosts
    finally:
        lab.stack.destroy().demand()
        lab.hosts, lab.before = two, before
        lab.place.up(HOSTS)
        lab.stack.restore_configuration()


def test_one_of_three_nodes_loses_its_power_in_each_phase_of_a_life(bare: Lab, three: list[Host]) -> None:
    lab = bare
    first, second, third = three
    lab.note_unknown()
    _release(lab, OLD)
    lab.stack.up().demand()
    lab.note_canaries()

    # A preview asks no host, and a change of another node does not wait for this one.
    third.cut_power()
    lab.stack.preview("--expect-no-changes").demand()
    lab.stack.configure_nodes(
        lambda nodes: nodes[first.name].update({"kubelet": {"extraConfig": {"maxPods": 58}}})
    )
    result = lab.stack.up().demand()
    MEASURED.add("up of another node while one of three is off", result.seconds, "s")
    assert third.name not in _done(result)
    assert lab.cluster.nodes()[first.name]["status"]["capacity"]["pods"] == "58"
    lab.switch_on()
    _demand_comes_back(lab, third.name)

    # An upgrade stops at the node that died, and goes on with it.
    _release(lab, NEW)
    others = third.started("kubelet.service")
    _cut_during(lab, second, "kubelet", "apply", lab.stack.up)
    running = {
        name: node["status"]["nodeInfo"]["kubeletVersion"] for name, node in lab.cluster.nodes().items()
    }
    assert (running[first.name], running[third.name]) == (f"v{NEW}", f"v{OLD}")
    assert third.started("kubelet.service") == others
    result = lab.stack.up().demand()
    MEASURED.add("up that goes on with an upgrade after a power cut", result.seconds, "s")
    for name, node in lab.cluster.nodes().items():
        assert is_ready(node), name
        assert is_schedulable(node), name
        assert node["status"]["nodeInfo"]["kubeletVersion"] == f"v{NEW}"
    lab.stack.preview("--expect-no-changes").demand()

    # A removal, and the end of all.
    lab.stack.configure_nodes(lambda nodes: nodes.pop(third.name))
    _cut_during(lab, third, "kubelet", "remove", lab.stack.up)
    lab.stack.up().demand()
    assert lab.differences([third]) == {}
    assert set(lab.cluster.nodes()) == {first.name, second.name}
    _cut_during(lab, second, "docker", "remove", lambda: lab.stack.destroy("--continue-on-error"))
    assert lab.differences([first]) == {}, "the other one was given back meanwhile"
    lab.stack.destroy().demand()
    assert lab.differences() == {}
    assert lab.cluster.leftovers() == []


def test_a_destroy_while_a_host_is_off_gives_the_others_back(bare: Lab) -> None:
    """The proof has a pod there, which nobody ends."""
    lab = bare
    first, second = lab.hosts
    lab.note_unknown()
    lab.stack.up().demand()
    second.cut_power()
    result = lab.stack.destroy("--continue-on-error").demand_failure()
    MEASURED.add("destroy of two nodes while the host of one is off", result.seconds, "s")
    assert lab.differences([first]) == {}
    assert set(lab.cluster.nodes()) == {second.name}
    lab.switch_on()
    lab.stack.destroy().demand()
    assert lab.differences() == {}
    assert lab.cluster.leftovers() == []


def _release(lab: Lab, version: str) -> None:
    lab.stack.configure(lambda config: config["kubernetes"].update({"version": version}))


def _done(result: Result) -> str:
    """The lines of what a run did."""
    return "\n".join(
        line for line in result.text.splitlines() if line.rstrip().endswith(("updated", "created", "deleted"))
    )
