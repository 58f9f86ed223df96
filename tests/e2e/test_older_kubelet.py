"""A kubelet three minors older than the API server joins, works and leaves: the oldest that the skew policy allows."""

from __future__ import annotations

import pytest

from tests.e2e.cluster import unfit
from tests.e2e.lab import HOSTS, Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

OLDEST = "1.34.4"
# Its release names another one, and no sandbox can pull.
_PAUSE = "registry.k8s.io/pause:3.10.2"


def test_it_joins_and_leaves(bare: Lab) -> None:
    lab = bare
    lab.place.up(HOSTS, "--older")
    try:
        lab.stack.configure(_oldest)
        result = lab.stack.up().demand()
        MEASURED.add(f"up of two nodes of {OLDEST} at a control plane of 1.37", result.seconds, "s")
        nodes = lab.cluster.nodes()
        versions = {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes.values()}
        assert versions == {f"v{OLDEST}"}
        assert unfit(nodes) == {}
        lab.stack.preview("--expect-no-changes").demand()
    finally:
        lab.stack.destroy().demand()
        lab.stack.restore_configuration()
        lab.note_unknown()
    assert lab.cluster.leftovers() == []


def _oldest(config: Json) -> None:
    config["kubernetes"]["version"] = OLDEST
    config["docker"]["pauseImage"] = _PAUSE
