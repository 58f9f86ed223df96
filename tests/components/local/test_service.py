"""Out of service and back, against a real API server with pods, budgets and a played kubelet."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.local import node_writes
from components.local.disruption import with_set_aside
from components.local.drain import DrainPolicy, drain
from components.local.errors import Failure
from components.local.kubectl import Kubectl
from components.local.session import Session
from tests.components.local.cluster import (
    annotations_of,
    forbid_eviction,
    is_cordoned,
    make_node,
    new_name,
    node,
    our_taints,
    pod_exists,
    run_pod,
    until,
)
from tests.components.local.conftest import LAUNCHER, ROOT, Run, environment
from tests.support.apiserver import ApiServer
from tests.support.would_be_kubelet import LEASES, WouldBeKubelet

pytestmark = pytest.mark.sandbox
SHORT = {"timeoutSeconds": 3}


@pytest.fixture
def name(api_server: ApiServer) -> str:
    return new_name()


@pytest.fixture
def kubelet(api_server: ApiServer, name: str) -> Iterator[WouldBeKubelet]:
    """A node that has been Ready for long, in service with the digest "old"."""
    make_node(api_server, name, **{"kubenode/in-service": "old"})
    with WouldBeKubelet(api_server, name) as played:
        played.adopt()
        yield played
        assert played.errors == []


def test_a_new_node_is_set_aside_and_put_into_service_once_healthy(
    api_server: ApiServer, run: Run, name: str
) -> None:
    make_node(api_server, name)
    outcome = run("out-of-service", "apply", node=name, digest="d1")
    (line,) = outcome.lines
    assert uuid.UUID(line).version == 4
    assert is_cordoned(api_server, name)
    assert our_taints(api_server, name) == ["new"]
    with WouldBeKubelet(api_server, name) as kubelet:
        kubelet.adopt()
        started = time.monotonic()
        back = run("in-service", "apply", node=name, digest="d1", runId=line, kubeletVersion="1.37.2")
        assert time.monotonic() - started < 6, (
            "a kubelet that answers proves itself without waiting for a renewal"
        )
    printed = json.loads(back.stdout)
    assert (printed["kubelet"], printed["state"]) == ("1.37.2", "Ready")
    assert back.stderr == ""
    assert not is_cordoned(api_server, name)
    assert our_taints(api_server, name) == []
    assert annotations_of(api_server, name) == {
        "kubenode/claim": "acme/kubenode/dev",
        "kubenode/in-service": "d1",
    }


def test_the_configuration_s_taints_come_and_go_with_the_node_in_service(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    run("in-service", "apply", node=name, digest="old", taints=[taint])
    assert taint in node(api_server, name)["spec"]["taints"]
    written = node(api_server, name)["metadata"]["resourceVersion"]
    run("in-service", "apply", node=name, digest="old", taints=[taint])
    assert node(api_server, name)["metadata"]["resourceVersion"] == written
    run("in-service", "apply", node=name, digest="old", taints=[])
    assert taint not in node(api_server, name)["spec"].get("taints", [])


def test_a_clone_of_another_node_is_not_put_into_service(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    """The other one is in service and stays so, also when it is looked at again."""
    new = new_name()
    make_node(api_server, new)
    run("out-of-service", "apply", node=new, digest="d1")
    with WouldBeKubelet(api_server, new) as clone:
        clone.machine_id = kubelet.machine_id
        clone.adopt()
        refused = run("in-service", "apply", node=new, digest="d1", runId="r", expect=1)
        assert (
            f"{new}: not put into service: its host has the same /etc/machine-id as {name}, "
            in refused.stderr
        )
        assert "systemd-machine-id-setup; systemctl restart kubelet" in refused.stderr
        assert is_cordoned(api_server, new)
        run("in-service", "apply", node=name, digest="old", runId="r")
        clone.machine_id = uuid.uuid4().hex
        clone.report()
        run("in-service", "apply", node=new, digest="d1", runId="r")
        assert not is_cordoned(api_server, new)


def test_nothing_at_all_happens_when_the_digest_is_the_same(
    api_server: ApiServer, run: Run, name: str
) -> None:
    make_node(api_server, name, **{"kubenode/in-service": "old"})
    pod = run_pod(api_server, name)
    before = node(api_server, name)["metadata"]["resourceVersion"]
    first = run("out-of-service", "apply", node=name, digest="old")
    second = run("out-of-service", "apply", node=name, digest="old")
    assert node(api_server, name)["metadata"]["resourceVersion"] == before
    assert pod_exists(api_server, pod)
    assert first.lines != second.lines, "a fresh id on every run"
    assert first.stderr == ""


def test_a_changed_digest_drains(api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet) -> None:
    pod = run_pod(api_server, name)
    elsewhere = new_name()
    make_node(api_server, elsewhere)
    other = run_pod(api_server, elsewhere)
    outcome = run("out-of-service", "apply", node=name, digest="new", reason="docker 20 to 24", drain=SHORT)
    assert not pod_exists(api_server, pod)
    assert pod_exists(api_server, other)
    assert is_cordoned(api_server, name)
    assert our_taints(api_server, name) == ["docker-20-to-24"]
    assert not is_cordoned(api_server, elsewhere)
    assert len(outcome.lines) == 1
    assert annotations_of(api_server, name)["kubenode/in-service"] == "old", (
        "not in service yet with the new one"
    )

    # The upgrade failed and is reverted: nothing is drained, and in-service ends it uncordoned.
    reverted = run("out-of-service", "apply", node=name, digest="old")
    assert is_cordoned(api_server, name)
    run("in-service", "apply", node=name, digest="old", runId=reverted.lines[0])
    assert not is_cordoned(api_server, name)
    assert our_taints(api_server, name) == []


def test_a_budget_stops_the_drain_and_the_node_is_put_back(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    pod = run_pod(api_server, name)
    forbid_eviction(api_server, pod)
    before = node(api_server, name)
    started = time.monotonic()
    outcome = run("out-of-service", "apply", node=name, digest="new", drain={"timeoutSeconds": 4}, expect=1)
    assert time.monotonic() - started < 15
    assert outcome.stdout == ""
    assert (
        f"default/{pod} (Cannot evict pod as it would violate the pod's disruption budget" in outcome.stderr
    )
    assert "The node is uncordoned again" in outcome.stderr
    assert "kubectl get pdb -A" in outcome.stderr
    after = node(api_server, name)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert pod_exists(api_server, pod)


def test_a_node_that_a_killed_run_left_out_of_service_is_read_and_put_back(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    """The run was reverted, so that nothing else of the node changes."""

    def read() -> tuple[bool, int]:
        found = json.loads(run("api-read", "apply", nodes=[name]).stdout)["nodes"][name]
        return found["outOfService"], found["returned"]

    in_service = {"node": name, "digest": "old", "runId": "r", "timeoutSeconds": 30}
    run("in-service", "apply", **in_service)
    assert read() == (False, 0)
    run("out-of-service", "apply", node=name, digest="new", drain=SHORT)
    assert read() == (True, 0)
    run("in-service", "apply", **in_service, returned="1")
    assert read() == (False, 1)
    assert not is_cordoned(api_server, name)


def test_a_second_failed_drain_leaves_what_the_first_run_had_done(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    """An upgrade failed on the host and left the node out of service; a stubborn pod came since."""
    run("out-of-service", "apply", node=name, digest="new", drain=SHORT)
    before = node(api_server, name)["spec"]
    bare = run_pod(api_server, name, owned=False)
    outcome = run("out-of-service", "apply", node=name, digest="newer", drain=SHORT, expect=1)
    assert bare in outcome.stderr
    assert "The node is as it was before this run" in outcome.stderr
    assert node(api_server, name)["spec"] == before


def test_force_goes_on_where_a_budget_stops(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    pod = run_pod(api_server, name)
    forbid_eviction(api_server, pod)
    bare = run_pod(api_server, name, owned=False)
    outcome = run("out-of-service", "apply", node=name, digest="new", drain={**SHORT, "force": True})
    assert not pod_exists(api_server, pod)
    assert not pod_exists(api_server, bare)
    assert f"force: deleting what eviction did not move in 3 s: default/{pod}" in outcome.stderr


def test_a_bare_pod_stops_the_drain(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    bare = run_pod(api_server, name, owned=False)
    scratch = run_pod(api_server, name, empty_dir=True)
    other = run_pod(api_server, name)
    drain = {**SHORT, "deleteEmptyDirData": False}
    outcome = run("out-of-service", "apply", node=name, digest="new", drain=drain, expect=1)
    assert f"{name}: nothing was drained; pods in the way: " in outcome.stderr
    assert f"default/{bare} (no controller would make it again)" in outcome.stderr
    assert f"default/{scratch} (it has data in an emptyDir)" in outcome.stderr
    assert other not in outcome.stderr
    for way in ("set drain.force", "set drain.deleteEmptyDirData"):
        assert way in outcome.stderr
    assert "last 'pulumi up'" not in outcome.stderr
    assert not is_cordoned(api_server, name)
    for pod in (bare, scratch, other):
        assert pod_exists(api_server, pod)


def test_a_cordon_of_somebody_else_outlives_us(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    api_server.kubectl("cordon", name)
    run("out-of-service", "apply", node=name, digest="new", drain=SHORT)
    assert annotations_of(api_server, name)["kubenode/cordoned"] == "others"
    outcome = run("in-service", "apply", node=name, digest="new", runId="x")
    assert is_cordoned(api_server, name)
    assert our_taints(api_server, name) == []
    assert "kubenode/cordoned" not in annotations_of(api_server, name)
    assert f"still cordoned (it was before we came): kubectl uncordon {name}" in outcome.stderr


def test_a_node_never_in_service_with_pods_is_drained(api_server: ApiServer, run: Run, name: str) -> None:
    make_node(api_server, name)
    with WouldBeKubelet(api_server, name) as kubelet:
        kubelet.adopt()
        pod = run_pod(api_server, name)
        run("out-of-service", "apply", node=name, digest="d", drain=SHORT)
    assert not pod_exists(api_server, pod)


def test_pods_of_a_deleted_node_do_not_hold_up_the_machine_that_takes_its_name(
    api_server: ApiServer, run: Run, name: str
) -> None:
    pod = run_pod(api_server, name)
    make_node(api_server, name)
    outcome = run("out-of-service", "apply", node=name, digest="d", drain=SHORT)
    assert not pod_exists(api_server, pod)
    assert f"deleted pods of an earlier machine of this name: default/{pod}" in outcome.stderr
    assert is_cordoned(api_server, name)


def test_a_missing_node_is_an_error_when_applying_and_success_when_removing(run: Run, name: str) -> None:
    outcome = run("out-of-service", "apply", node=name, digest="d", expect=1)
    assert f"{name}: there is no such Node" in outcome.stderr
    run("in-service", "remove", node=name, digest="d")


@pytest.mark.parametrize(
    ("program", "verb"), [("out-of-service", "apply"), ("in-service", "apply"), ("in-service", "remove")]
)
def test_another_stack_s_node_is_refused(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet, program: str, verb: str
) -> None:
    pod = run_pod(api_server, name)
    before = node(api_server, name)
    outcome = run(program, verb, node=name, digest="new", stack="acme/kubenode/prod", drain=SHORT, expect=1)
    assert "claimed by the stack acme/kubenode/dev, not by acme/kubenode/prod" in outcome.stderr
    after = node(api_server, name)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert pod_exists(api_server, pod)


def test_a_node_that_is_not_ready_is_not_put_into_service(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    run("out-of-service", "apply", node=name, digest="new", drain=SHORT)
    kubelet.ready = False
    kubelet.report()
    started = time.monotonic()
    outcome = run("in-service", "apply", node=name, digest="new", timeoutSeconds=3, expect=1)
    assert 2.5 < time.monotonic() - started < 8
    assert "Ready=False KubeletNotReady cni plugin not initialized" in outcome.stderr
    assert "journalctl -u kubelet" in outcome.stderr
    assert is_cordoned(api_server, name)
    assert annotations_of(api_server, name)["kubenode/in-service"] == "old"


def test_a_node_that_the_control_plane_keeps_pods_off_is_not_put_into_service(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    """Its controller takes its taint off a while after the node is Ready; until then no pod would come."""
    controllers = api_server.processes["kube-controller-manager"]
    controllers.send_signal(signal.SIGSTOP)
    try:
        taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}
        api_server.admin.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": [taint]}})
        outcome = run("in-service", "apply", node=name, digest="new", timeoutSeconds=2, expect=1)
        assert "keeps pods off it (its taint node.kubernetes.io/not-ready:NoExecute)" in outcome.stderr
        assert annotations_of(api_server, name)["kubenode/in-service"] == "old"
    finally:
        controllers.send_signal(signal.SIGCONT)
    run("in-service", "apply", node=name, digest="new", timeoutSeconds=15)
    assert node(api_server, name)["spec"].get("taints") is None


def test_a_kubelet_that_died_still_ready_is_not_believed(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.stop()
    assert "True" in json.dumps(node(api_server, name)["status"]["conditions"]), (
        "stale, as for 40 s in real life"
    )
    outcome = run("in-service", "apply", node=name, digest="new", timeoutSeconds=3, expect=1)
    assert f"the Lease kube-node-lease/{name} was last renewed at" in outcome.stderr
    assert annotations_of(api_server, name)["kubenode/in-service"] == "old"


def test_a_kubelet_that_cannot_be_asked_proves_itself_by_its_next_renewal(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet._context = None
    run("in-service", "apply", node=name, digest="new", timeoutSeconds=15)
    assert annotations_of(api_server, name)["kubenode/in-service"] == "new"


def test_a_kubelet_that_answers_but_no_longer_reports_is_not_believed(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    """Restarted with credentials that do not work: healthy on its own, silent towards the API server."""
    kubelet._ending.set()  # no more renewals; it goes on answering
    time.sleep(0.5)
    kubelet.started = time.time()
    outcome = run("in-service", "apply", node=name, digest="new", timeoutSeconds=3, expect=1)
    assert "was last renewed at" in outcome.stderr
    kubelet._ending.clear()


def test_renewed_after_is_proof_enough(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.stop()
    lease = api_server.admin.get(f"{LEASES}/{name}")["spec"]["renewTime"]
    values = {"node": name, "digest": "new", "timeoutSeconds": 2}
    run("in-service", "apply", **values, renewedAfter="2999-01-01T00:00:00Z", expect=1)
    run("in-service", "apply", **values, renewedAfter=lease.split(".")[0] + "Z", expect=None)
    kubelet.started -= 1
    run("in-service", "apply", **values, renewedAfter="2020-01-01T00:00:00Z")


def test_the_wrong_release_is_waited_for(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    outcome = run(
        "in-service", "apply", node=name, digest="new", kubeletVersion="1.36.3", timeoutSeconds=2, expect=1
    )
    assert "kubelet 1.36.3 has not reported (the Node says v1.37.2)" in outcome.stderr


def test_removal_drains_and_leaves_the_node_out(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    pod = run_pod(api_server, name)
    outcome = run("in-service", "remove", node=name, digest="old", drain=SHORT)
    assert outcome.stdout == ""
    assert not pod_exists(api_server, pod)
    assert is_cordoned(api_server, name)
    assert our_taints(api_server, name) == ["removal"]
    run("in-service", "remove", node=name, digest="old", drain=SHORT)  # once more, as after a failed destroy


def test_when_a_removal_began_stays_on_a_node_that_comes_back(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    """What the host lost meanwhile is not known: the parts get this as their word to apply all once more."""

    def read() -> str:
        return str(json.loads(run("api-read", "apply", nodes=[name]).stdout)["nodes"][name]["removal"])

    assert read() == ""
    begun = datetime.now(UTC) - timedelta(seconds=1)
    run("in-service", "remove", node=name, digest="old", drain=SHORT)
    first = read()
    assert begun <= datetime.fromisoformat(first) <= datetime.now(UTC)
    run("in-service", "apply", node=name, digest="old", runId="r", timeoutSeconds=30)
    assert not is_cordoned(api_server, name)
    assert read() == first
    # One that may not drain has taken nothing back.
    pod = run_pod(api_server, name)
    forbid_eviction(api_server, pod)
    run("in-service", "remove", node=name, digest="old", drain=SHORT, expect=1)
    assert read() == first


def test_a_removal_that_cannot_drain_leaves_the_node_usable(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    pod = run_pod(api_server, name)
    forbid_eviction(api_server, pod)
    outcome = run("in-service", "remove", node=name, digest="old", drain=SHORT, expect=1)
    assert f"default/{pod}" in outcome.stderr
    assert "The node is uncordoned again" in outcome.stderr
    assert "A removal takes drain.* as the last 'pulumi up' with this node left it" in outcome.stderr
    assert not is_cordoned(api_server, name)
    assert our_taints(api_server, name) == []


def abandon(server: ApiServer, name: str) -> None:
    """What the control plane writes when a kubelet has been silent for long."""
    condition = {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting",
    }
    server.admin.merge(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [condition]}})


def test_an_abandoned_node_is_removed_by_force_only(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    pod = run_pod(api_server, name, grace_period_seconds=30)
    kubelet.stop()
    abandon(api_server, name)
    outcome = run("in-service", "remove", node=name, digest="old", drain=SHORT, expect=1)
    assert "the control plane has given its kubelet up" in outcome.stderr
    assert f"default/{pod} (deleted, but its kubelet has not ended it)" in outcome.stderr
    assert "drain.force" in outcome.stderr
    forced = run("in-service", "remove", node=name, digest="old", drain={**SHORT, "force": True})
    assert "its pods are deleted without waiting for it" in forced.stderr
    assert not pod_exists(api_server, pod)


@pytest.mark.parametrize("given_up", ["before", "meanwhile"])
def test_a_drain_does_not_wait_long_for_a_kubelet_that_is_given_up(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet, given_up: str
) -> None:
    pod = run_pod(api_server, name, grace_period_seconds=30)
    kubelet.stop()
    later = threading.Timer(0 if given_up == "before" else 4, lambda: abandon(api_server, name))
    later.start()
    if given_up == "before":
        later.join()
    started = time.monotonic()
    patient = {**SHORT, "timeoutSeconds": 300}
    outcome = run("in-service", "remove", node=name, digest="old", drain=patient, expect=1)
    assert time.monotonic() - started < 60
    assert f"default/{pod}" in outcome.stderr
    assert f"if it is gone for good: make forget NODE={name}" in outcome.stderr
    assert "The node is uncordoned again" in outcome.stderr


def test_a_dead_host_is_not_waited_for_to_the_end(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet
) -> None:
    kubelet.stop()
    abandon(api_server, name)
    started = time.monotonic()
    outcome = run("in-service", "apply", node=name, digest="new", timeoutSeconds=300, expect=1)
    assert 30 <= time.monotonic() - started < 60
    assert f"{name}: not put into service, for the control plane has given its kubelet up: " in outcome.stderr
    assert f"if the host is gone for good: make forget NODE={name} STACK=dev" in outcome.stderr


def test_a_signal_during_a_drain_puts_the_node_back(
    api_server: ApiServer, run: Run, name: str, kubelet: WouldBeKubelet, tmp_path: Path
) -> None:
    pod = run_pod(api_server, name)
    forbid_eviction(api_server, pod)
    process = subprocess.Popen(
        [str(LAUNCHER), "out-of-service", "apply"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(tmp_path, Path(api_server.kubectl_path).parent),
    )
    assert process.stdin is not None
    values = {"node": name, "digest": "new", "kubeconfigFile": str(api_server.kubeconfig)}
    process.stdin.write(json.dumps(values))
    process.stdin.close()
    process.stdin = None
    until(lambda: is_cordoned(api_server, name))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert out == ""
    assert "stopped before it was drained. The node is uncordoned again" in err
    assert not is_cordoned(api_server, name)
    assert our_taints(api_server, name) == []


def test_a_write_of_somebody_else_in_between_survives(
    api_server: ApiServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(api_server.kubectl_path).parent))
    session = Session(Kubectl(str(api_server.kubeconfig)), name)
    uid = make_node(api_server, name)["metadata"]["uid"]
    attempts: list[int] = []

    def change(current: dict[str, Any]) -> dict[str, Any]:
        """Sets the node aside, and twice somebody writes a label after the node was read for it."""
        attempts.append(len(attempts))
        if len(attempts) < 3:
            label = {"metadata": {"labels": {"count": str(len(attempts))}}}
            api_server.admin.merge(f"/api/v1/nodes/{name}", label)
        return with_set_aside(current, "change")

    node_writes.rewrite(session, name, uid, change)
    found = node(api_server, name)
    assert len(attempts) == 3
    assert found["metadata"]["labels"]["count"] == "2"
    assert is_cordoned(api_server, name)
    assert our_taints(api_server, name) == ["change"]


def test_writes_have_a_manager_that_the_kubernetes_provider_does_not_take_over(
    api_server: ApiServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(api_server.kubectl_path).parent))
    session = Session(Kubectl(str(api_server.kubeconfig)), name)
    uid = make_node(api_server, name)["metadata"]["uid"]
    node_writes.rewrite(session, name, uid, lambda current: with_set_aside(current, "change"))
    managers = {entry["manager"] for entry in node(api_server, name)["metadata"]["managedFields"]}
    assert "kubenode" in managers
    assert not [each for each in managers if each.startswith("kubectl")]


def test_a_node_made_anew_meanwhile_is_not_written(
    api_server: ApiServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(api_server.kubectl_path).parent))
    session = Session(Kubectl(str(api_server.kubeconfig)), name)
    uid = make_node(api_server, name)["metadata"]["uid"]

    def change(current: dict[str, Any]) -> dict[str, Any]:
        api_server.admin.delete(f"/api/v1/nodes/{name}")
        make_node(api_server, name)
        return with_set_aside(current, "change")

    with pytest.raises(Failure, match="was deleted or made anew meanwhile"):
        node_writes.rewrite(session, name, uid, change)
    with pytest.raises(Failure, match="nothing was drained"):
        drain(session, name, uid, DrainPolicy(3, -1, delete_empty_dir_data=True, force=False))
    assert not is_cordoned(api_server, name)
