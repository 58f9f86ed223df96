"""A change that Docker does not start with: rolled back on one node, kept from the other, mended by reverting."""

from __future__ import annotations

import pytest

from tests.e2e.cluster import is_ready, is_schedulable, unfit
from tests.e2e.hosts import each
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = pytest.mark.sandbox

_RUNTIME = "kubenode-e2e-no-such-runtime"


def _break_docker(config: Json) -> None:
    config["docker"]["extraConfig"] = {"default-runtime": _RUNTIME}
    config["rollout"] = {"batchSize": 1}


def _mend_docker(config: Json) -> None:
    del config["docker"]["extraConfig"]


def test_rolled_back_and_reverted(deployed: Lab) -> None:
    lab = deployed
    first, second = lab.hosts
    daemon = each(lab.hosts, lambda host: host.run("cat /etc/docker/daemon.json"))
    started = second.started("docker.service")
    logins = lab.connections()

    lab.stack.configure(_break_docker)
    failed = lab.stack.up().demand_failure()
    lab.note_unknown()
    MEASURED.add("up that fails at Docker and rolls back", failed.seconds, "s")

    assert f"kubenode: {first.name} ({first.address}): docker apply: docker.service" in failed.text
    assert "The previous files are back and docker.service runs with them." in failed.text
    assert "Traceback" not in failed.text, "the engine ended the program, which buried the error"
    journal = f"specified default runtime '{_RUNTIME}' does not exist"
    assert journal in failed.text
    assert first.run("cat /etc/docker/daemon.json") == daemon[first.name]
    assert first.unit("docker.service") == "active"
    nodes = lab.cluster.nodes()
    assert is_ready(nodes[first.name])
    assert nodes[first.name]["spec"]["unschedulable"] is True
    taints = {one["key"]: one.get("value") for one in nodes[first.name]["spec"]["taints"]}
    assert taints["kubenode/out-of-service"] == "change"

    assert lab.connections()[second.name] == logins[second.name], "the second node was touched"
    assert second.run("cat /etc/docker/daemon.json") == daemon[second.name]
    assert second.started("docker.service") == started
    assert is_ready(nodes[second.name])
    assert is_schedulable(nodes[second.name])

    lab.stack.configure(_mend_docker)
    mended = lab.stack.up().demand()
    lab.note_deployed()
    MEASURED.add("up that takes a failed change back", mended.seconds, "s")
    nodes = lab.cluster.nodes()
    assert unfit(nodes) == {}
    assert second.started("docker.service") == started
    lab.stack.preview("--expect-no-changes").demand()
