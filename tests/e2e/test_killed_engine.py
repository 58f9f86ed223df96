"""SIGKILL of the engine in the middle of a step: `pulumi cancel`, and then either way leads out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import is_ready, is_schedulable
from tests.e2e.hosts import Host
from tests.e2e.killing import Running, wait_until
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED

pytestmark = pytest.mark.sandbox

_NODE = "worker-1"
_STEPS = ("claim", "docker", "kubelet", "in-service")
# Each is a whole life of a node, so `make e2e-long` runs them.
_PAIRS = [
    pytest.param(step, way, id=f"{step}-{way}", marks=pytest.mark.long)
    for way in ("up", "destroy")
    for step in _STEPS
]


@contextlib.contextmanager
def _killed_during(lab: Lab, host: Host, step: str) -> Iterator[Running]:
    """The engine of an `up` was killed while `step` of a new node was at work."""
    up: Running
    with contextlib.ExitStack() as before_the_kill:
        if step == "claim":
            # It takes a tenth of a second: another command on the host holds it up.
            before_the_kill.enter_context(host.locked())
        up = Running(lab.stack)

        def at_work() -> bool:
            if step == "claim":
                return "claim apply" in host.run("pgrep -a -f 'claim apply' || :")
            if step == "in-service":
                return any("components.local in-service apply" in line for line in up.processes().values())
            return host.works_on(step)

        lab.note_unknown()
        up.wait_for_step(f"{host.name}-{step}", at_work)
        up.kill()
        assert up.processes(), "nothing outlived the engine"
    try:
        yield up
        wait_until(lambda: not up.plugins(), "plugins end by themselves", seconds=60)
    finally:
        up.end_leftovers()


@pytest.mark.parametrize(("step", "way"), _PAIRS)
def test_a_way_out(bare: Lab, step: str, way: str) -> None:
    lab, host = bare, bare.host(_NODE)
    lab.only(_NODE)
    # A host that was lost, or a stack's state, leaves requests that nobody will delete before the cluster does.
    requests = lab.cluster.requests_of_nodes()
    with _killed_during(lab, host, step):
        lab.stack.cancel().demand()
        lab.note_canaries()
        if way == "up":
            result = lab.stack.up().demand()
            MEASURED.add(f"up after the engine was killed during {step}", result.seconds, "s")
            (node,) = lab.cluster.nodes().values()
            assert is_ready(node)
            assert is_schedulable(node)
            lab.stack.preview("--expect-no-changes").demand()
            assert lab.cluster.bootstrap_tokens() == []
        result = lab.stack.destroy().demand()
        if way == "destroy":
            MEASURED.add(f"destroy after the engine was killed during {step}", result.seconds, "s")
        assert lab.differences([host]) == {}
        assert lab.cluster.nodes() == {}
        assert set(lab.cluster.requests_of_nodes()) <= set(requests)
        assert lab.cluster.bootstrap_tokens() == []
