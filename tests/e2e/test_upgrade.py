"""Three nodes from one minor release of Kubernetes to the next, one after the other, under load: first with a kubelet
that does not run, which goes no further than one node and is taken back there; then with one that does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.e2e import load
from tests.e2e.cluster import is_ready, unfit
from tests.e2e.hosts import Host
from tests.e2e.lab import HOSTS, Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json
from tests.e2e.watching import node_events

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

OLD, NEW = "1.36.3", "1.37.2"
_SUMS = ".sandbox/e2e-sums"
_BROKEN = "#!/bin/sh\necho e2e-broken-kubelet >&2\nexit 1\n"


@pytest.fixture
def three(bare: Lab) -> Iterator[list[Host]]:
    """Three hosts, and the older release served; both gone afterwards."""
    bare.place.up(HOSTS + 1, "--older")
    try:
        yield bare.configured_hosts()
    finally:
        load.remove(bare.cluster)
        bare.stack.destroy().demand()
        bare.note_unknown()
        bare.place.up(HOSTS)
        bare.stack.restore_configuration()


def test_waves_under_load(bare: Lab, three: list[Host]) -> None:
    lab, cluster = bare, bare.cluster
    first, *others = three

    def run(version: str) -> None:
        lab.stack.configure(lambda config: config["kubernetes"].update({"version": version}))

    def running() -> dict[str, str]:
        return {name: node["status"]["nodeInfo"]["kubeletVersion"] for name, node in cluster.nodes().items()}

    run(OLD)
    lab.stack.up().demand()
    assert running() == {host.name: f"v{OLD}" for host in three}
    port = load.serve(cluster, len(three), "docker.io/library/nginx:sandbox")

    # A kubelet that does not run.
    drained = {host.name: host.started("kubelet.service") for host in others}
    run(NEW)
    lab.stack.configure(lambda config: config["downloads"].update(_broken_kubelet(lab)))
    with load.asking(lab.place, three, port) as answers:
        failed = lab.stack.up().demand_failure()
    MEASURED.add("up to a broken kubelet, three nodes", failed.seconds, "s")
    assert answers.asked > 100
    assert answers.failed == []
    assert f"kubenode: {first.name} ({first.address}): kubelet apply: kubelet.service" in failed.text
    assert "e2e-broken-kubelet" in failed.text
    assert "The previous files are back and kubelet.service runs with them." in failed.text
    nodes = cluster.nodes()
    assert running() == {host.name: f"v{OLD}" for host in three}
    assert is_ready(nodes[first.name])
    assert nodes[first.name]["spec"]["unschedulable"] is True
    assert {one["key"]: one.get("value") for one in nodes[first.name]["spec"]["taints"]}[
        "kubenode/out-of-service"
    ] == "change"
    assert unfit({host.name: nodes[host.name] for host in others}) == {}
    assert {host.name: host.started("kubelet.service") for host in others} == drained

    # Taken back: in service again, and nobody is drained for it.
    run(OLD)
    lab.stack.configure(_as_released)
    reverted = lab.stack.up().demand()
    assert "going out of service" not in reverted.text
    assert unfit(cluster.nodes()) == {}

    # And now for good.
    run(NEW)
    with node_events(lab.place.env, first.name) as events, load.asking(lab.place, three, port) as answers:
        result = lab.stack.up().demand()
    MEASURED.add("up to the next minor release, three nodes in service", result.seconds, "s")
    MEASURED.add("requests meanwhile", answers.asked, "requests")
    MEASURED.add("requests that failed meanwhile", len(answers.failed), "requests", "0")
    assert answers.asked > 100
    assert answers.failed == []
    assert running() == {host.name: f"v{NEW}" for host in three}
    assert unfit(cluster.nodes()) == {}
    assert _cordoned_together(events.lines) == 1
    lab.stack.preview("--expect-no-changes").demand()


def _broken_kubelet(lab: Lab) -> Json:
    """The section downloads for a kubelet of the wanted release that is none, with its own checksum."""
    folder = lab.place.checkout.artifacts
    (folder / "broken-kubelet").write_text(_BROKEN, encoding="utf-8")
    name = f"release/v{NEW}/bin/linux/"
    lines = []
    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        is_kubelet = name in line and line.endswith("/kubelet")
        sha256, path = line.split()
        lines.append(f"{hashlib.sha256(_BROKEN.encode()).hexdigest() if is_kubelet else sha256}  {path}\n")
    (lab.place.root / _SUMS).write_text("".join(lines), encoding="utf-8")
    return {
        "checksumsFile": _SUMS,
        "urls": {"kubelet": "http://artifacts.sandbox:8080/broken-kubelet"},
    }


def _as_released(config: Json) -> None:
    config["downloads"]["checksumsFile"] = ".sandbox/artifacts/SHA256SUMS"
    del config["downloads"]["urls"]


def _cordoned_together(lines: list[str]) -> int:
    """The most Nodes that were out of service at one time, from their changes in order."""
    most, now = 0, set()
    for line in lines:
        name, *rest = line.split()
        if "true" in rest:
            now.add(name)
        else:
            now.discard(name)
        most = max(most, len(now))
    return most
