"""One changed setting and one label of one node: the preview shows these lines, and nothing else happens."""

from __future__ import annotations

import re

import pytest

from tests.e2e.cluster import is_ready, unchanged_part
from tests.e2e.hosts import each
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json
from tests.e2e.watching import node_events

pytestmark = pytest.mark.sandbox

# The proof runs after every change, and what it says counts as unknown before.
_EXPECTED = {
    "worker-1-node",
    "worker-1-kubelet",
    "worker-1-csr-approval",
    "verification-pods",
    "worker-1-verify",
    "worker-2-verify",
}


def _more_pods_and_a_label(nodes: Json) -> None:
    nodes["worker-1"]["kubelet"] = {"extraConfig": {"maxPods": 55}}
    nodes["worker-1"].setdefault("labels", {})["example.org/disk"] = "ssd"


def test_one_line_of_one_file_and_a_label(deployed: Lab) -> None:
    lab = deployed
    units = ("docker.service", "cri-docker.service", "kube-proxy.service", "kubelet.service")
    before = each(lab.hosts, lambda host: {unit: host.started(unit) for unit in units})
    pods = {name: unchanged_part(pod) for name, pod in lab.cluster.pods().items()}
    logins = lab.connections()

    lab.stack.configure_nodes(_more_pods_and_a_label)
    planned = lab.stack.planned()
    assert {step.name for step in planned} == _EXPECTED
    assert {step.op for step in planned} == {"update"}
    shown = lab.stack.preview("--diff").demand().text
    bundle_lines = re.findall(r"^ +([-+]) ([\w.-]+ \| .*)$", shown, re.MULTILINE)
    assert bundle_lines == [("+", "kubelet.yaml | maxPods: 55")]
    assert re.findall(r"^ +([-+~]) (.*disk.*)$", shown, re.MULTILINE) == [("+", 'example.org/disk: "ssd"')]
    assert lab.connections() == logins, "a preview logged in"

    with node_events(lab.place.env, "worker-2") as events:
        result = lab.stack.up().demand()
    MEASURED.add("up with one changed kubelet setting", result.seconds, "s")
    lab.note_deployed()

    updated = set(re.findall(r"^ ~ +\S+ (\S+) updated", result.text, re.MULTILINE))
    assert "worker-1-kubelet" in updated
    assert updated <= _EXPECTED
    after = each(lab.hosts, lambda host: {unit: host.started(unit) for unit in units})
    assert after["worker-1"].pop("kubelet.service") > before["worker-1"].pop("kubelet.service")
    assert after == before
    assert {name: unchanged_part(pod) for name, pod in lab.cluster.pods().items()} == pods
    assert not any("true" in line or "kubenode/out-of-service" in line for line in events.lines), events.lines
    opened = {name: count - logins[name] for name, count in lab.connections().items()}
    assert opened == {"worker-1": 1, "worker-2": 0}

    nodes = lab.cluster.nodes()
    assert nodes["worker-1"]["status"]["capacity"]["pods"] == "55"
    assert nodes["worker-1"]["metadata"]["labels"]["example.org/disk"] == "ssd"
    assert "example.org/disk" not in nodes["worker-2"]["metadata"]["labels"]
    assert nodes["worker-2"]["status"]["capacity"]["pods"] != "55"
    assert all(is_ready(node) for node in nodes.values())
    lab.stack.preview("--expect-no-changes").demand()
