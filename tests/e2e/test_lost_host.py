"""A host that is lost: alone in failing, then out of the state and the cluster without it, and what it does when it
comes back."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import pytest

from tests.docs.commands import run_by
from tests.e2e import documented
from tests.e2e.cluster import unfit
from tests.e2e.hosts import Host
from tests.e2e.killing import wait_until
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json, commands_and_nodes

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

# A kubelet renews its Lease every ten seconds; what counts as silent is more than that of two clocks that differ.
_SILENT_SECONDS = 95
_FAILS_WITHIN_SECONDS = 60
_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"


def _silence(lab: Lab) -> float:
    """For how many seconds nothing was heard of the kubelet."""
    renewed = datetime.fromisoformat(lab.cluster.lease_renewed("worker-1").replace("Z", "+00:00"))
    return (datetime.now(UTC) - renewed).total_seconds()


def _changed(nodes: Json) -> None:
    """Something that runs a part on every host and drains none."""
    for node in nodes.values():
        node["kubelet"] = {**node.get("kubelet", {}), "extraConfig": {"maxPods": 57}}


def _containers(host: Host) -> set[str]:
    """The containers of pods that run there."""
    return set(host.run("docker ps -q --no-trunc --filter label=io.kubernetes.pod.uid").split())


def _as_kubelet(host: Host, path: str, *options: str) -> str:
    """The status of a request with the certificate that the host still has."""
    server = host.run("sed -n 's/^ *server: *//p' /etc/kubernetes/kubelet.kubeconfig").strip()
    words = ["curl", "-sS", "-m", "20", "--cacert", "/etc/kubernetes/ssl/ca.pem", "--cert", _CERTIFICATE]
    words += ["-o", "/dev/null", "-w", "%{http_code}", *options, f"{server}{path}"]
    return host.run(shlex.join(words))


def _demand_what_is_said_of_a_zombie(lab: Lab, lost: Host, containers: set[str]) -> None:
    """Each row of "It comes back" in docs/guides/hosts.md."""
    node = lab.cluster.nodes()["worker-1"]
    ours = [
        key
        for kind in ("labels", "annotations")
        for key in node["metadata"].get(kind, {})
        if "kubenode" in key
    ]
    assert ours == []
    assert _as_kubelet(lost, "/api/v1/nodes/worker-1") == "200"
    assert _as_kubelet(lost, "/api/v1/secrets") == "403"
    assert _as_kubelet(lost, "/api/v1/namespaces/kube-system/secrets") == "403"
    patch = ("-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "--data")
    label = '{"metadata":{"labels":{"zombie":"was-here"}}}'
    assert _as_kubelet(lost, "/api/v1/nodes/worker-2", *patch, label) == "403"
    # It may renew its certificate, as the table says: the right is every node's.
    renewal = "certificatesigningrequests.certificates.k8s.io/selfnodeclient"
    user = (
        "--as",
        "system:node:worker-1",
        "--as-group",
        "system:nodes",
        "--as-group",
        "system:authenticated",
    )
    assert lab.cluster.kubectl("auth", "can-i", "create", renewal, *user).strip() == "yes"
    wait_until(lambda: not containers & _containers(lost), "the containers that it had end", 120)
    lab.cluster.kubectl("cordon", "worker-1")


def test_a_lost_host_and_its_return(deployed: Lab) -> None:
    lab = deployed
    forget, delete = run_by("tests/e2e/test_lost_host.py::test_a_lost_host_and_its_return")
    lost, other = lab.host("worker-1"), lab.host("worker-2")
    others_requests = set(lab.cluster.requests_of_nodes())
    logins = lost.connections()
    containers = _containers(lost)
    assert containers

    # A host that answers is not forgotten.
    refused = documented.fails(lab, forget)
    assert f"an SSH server answers at {lost.address} port 22" in refused
    assert set(lab.cluster.nodes()) == {"worker-1", "worker-2"}

    with lost.cut_off():
        # Its kubelet was heard of a moment ago.
        refused = documented.fails(lab, forget)
        assert "its kubelet renewed its Lease at " in refused
        assert "worker-1" in lab.cluster.nodes()
        lab.note_unknown()

        # Not marked in any way it fails, alone and soon, and the others are changed.
        lab.stack.configure_nodes(_changed)
        result = lab.stack.up("--continue-on-error").demand_failure()
        assert "maxPods: 57" in other.run("cat /etc/kubernetes/kubelet.yaml")
        MEASURED.add("up with one dead host of two", result.seconds, "s")
        assert result.seconds < _FAILS_WITHIN_SECONDS + 30, result.text

        lab.stack.configure_nodes(lambda nodes: nodes.pop("worker-1"))
        wait_until(lambda: _silence(lab) > _SILENT_SECONDS, "its Lease is old")
        said = documented.run(lab, forget)
        for words in ("deleted its Node", "resources out of the state", f"NOT cleaned: {lost.address} "):
            assert words in said
        assert set(lab.cluster.nodes()) == {"worker-2"}
        assert lab.cluster.bootstrap_tokens() == []
        assert not lab.cluster.items("pods", "-A", "--field-selector", "spec.nodeName=worker-1")
        lab.stack.up().demand()
        assert set(lab.cluster.nodes()) == {"worker-2"}
        assert not any(name.startswith("worker-1") for name in commands_and_nodes(lab.stack))
        lab.stack.preview("--expect-no-changes").demand()
        assert lost.connections() == logins

    # It comes back, with its claim and its certificate, and joins as a Node that no stack claims.
    # A kubelet registers when it starts, as after a power cut; one that ran on does not make its Node anew.
    lost.run("systemctl restart kubelet")
    wait_until(lambda: "worker-1" in lab.cluster.nodes(), "the zombie registers", 120)
    _demand_what_is_said_of_a_zombie(lab, lost, containers)
    lab.stack.restore_configuration()
    refused_up = lab.stack.up().demand_failure()
    assert "the cluster has a Node of this name that no kubenode stack made" in refused_up.text
    documented.run(lab, delete)
    lab.stack.up().demand()
    nodes = lab.cluster.nodes()
    assert set(nodes) == {"worker-1", "worker-2"}
    assert unfit(nodes) == {}
    lab.note_deployed()
    assert set(lab.cluster.requests_of_nodes()) <= others_requests


def test_another_machine_takes_the_place(deployed: Lab) -> None:
    """Refused as long as the old one may be there, with the way out; by that, the node is made anew on the new one."""
    lab = deployed
    (forget,) = run_by("tests/e2e/test_lost_host.py::test_another_machine_takes_the_place")
    old, new = lab.host("worker-1"), lab.host("worker-2")
    taken: Json = {}

    def only_the_first(nodes: Json) -> None:
        taken.update(nodes.pop(new.name))

    def elsewhere(nodes: Json) -> None:
        nodes[old.name] |= {key: taken[key] for key in ("address", "nodeIp") if key in taken}
        nodes[old.name]["ssh"] |= {"hostKey": taken["ssh"]["hostKey"]}

    lab.note_unknown()
    lab.stack.configure_nodes(only_the_first)
    lab.stack.up().demand()
    there = lab.stack.nodes_file.read_text(encoding="utf-8")
    started = old.started("kubelet.service")

    # The old machine still runs.
    lab.stack.configure_nodes(elsewhere)
    refused = lab.stack.up().demand_failure()
    assert f"{old.name} ({new.address}): claim apply: this host carries no claim of " in refused.text
    assert f"If the machine of {old.name} still runs: put its address back" in refused.text
    assert lab.differences([new]) == {}
    lab.stack.nodes_file.write_text(there, encoding="utf-8")
    lab.stack.up().demand()
    assert old.started("kubelet.service") == started
    lab.stack.preview("--expect-no-changes").demand()

    with old.cut_off():
        lab.stack.configure_nodes(elsewhere)
        refused = lab.stack.up().demand_failure()
        assert f"make forget NODE={old.name} STACK=dev FORCE=yes, then 'pulumi up'." in refused.text
        assert lab.differences([new]) == {}
        said = documented.run(lab, forget)
        assert "deleted its Node" in said
        lab.stack.up().demand()
        nodes = lab.cluster.nodes()
        assert set(nodes) == {old.name}
        assert unfit(nodes) == {}
        addresses = {one["address"] for one in nodes[old.name]["status"]["addresses"]}
        assert new.address in addresses
        lab.stack.preview("--expect-no-changes").demand()
        # Two kubelets with one name would write over each other; the guide says to switch the old machine off.
        old.run("systemctl disable --now kubelet")
    lab.stack.destroy().demand()
    assert lab.cluster.nodes() == {}
    assert lab.differences([new]) == {}
    released = documented.run(lab, f"make release HOST=root@{old.address} YES=yes")
    assert "claim released" in released
    assert lab.differences() == {}
    lab.stack.restore_configuration()
    lab.bare()


def test_a_state_that_is_lost_is_made_anew_from_the_claims(deployed: Lab) -> None:
    """The same stack and names: hosts are taken up, nothing on them changes, and they can be given back."""
    lab = deployed
    before = {
        host.name: [host.started(unit) for unit in ("docker", "kubelet", "kube-proxy")] for host in lab.hosts
    }
    requests = lab.cluster.requests_of_nodes()
    lab.note_unknown()
    lab.stack.pulumi("stack", "rm", "--force", "--yes", "--preserve-config", "--non-interactive").demand()
    lab.stack.init()
    assert lab.stack.resources() == []
    lab.stack.up().demand()
    lab.note_deployed()
    lab.note_canaries()
    nodes = lab.cluster.nodes()
    assert set(nodes) == {host.name for host in lab.hosts}
    assert unfit(nodes) == {}
    for host in lab.hosts:
        # Its kube-proxy has another certificate: the key of the first was in the state.
        after = [host.started(unit) for unit in ("docker", "kubelet")]
        assert after == before[host.name][:2], host.name
    lab.stack.preview("--expect-no-changes").demand()
    lab.bare()
    assert lab.differences() == {}
    assert lab.cluster.nodes() == {}
    assert lab.cluster.bootstrap_tokens() == []
    lab.cluster.kubectl("delete", "csr", "--ignore-not-found", *requests)


def test_hosts_give_themselves_back(deployed: Lab) -> None:
    """State and stack are lost, and nobody wants the nodes any more."""
    lab = deployed
    (release,) = run_by("tests/e2e/test_lost_host.py::test_hosts_give_themselves_back")
    lab.note_unknown()
    # Without the question nothing is done.
    refused = documented.fails(lab, release)
    assert "claimed by the stack organization/kubenode/dev as node worker-1" in refused
    assert lab.differences([lab.host("worker-1")]) != {}
    for host in lab.hosts:
        line = release.replace("10.0.0.11", host.address)
        assert "claim released" in documented.run(lab, f"{line} YES=yes")
        refused = documented.fails(lab, f"{line} YES=yes")
        assert "this host carries no claim" in refused
    assert lab.differences() == {}
    lab.stack.pulumi("stack", "rm", "--force", "--yes", "--preserve-config", "--non-interactive").demand()
    lab.stack.init()
    # Neither the cluster's part is undone: its Nodes stay, as the command says.
    lab.cluster.kubectl("delete", "node", *(host.name for host in lab.hosts))
    assert lab.cluster.nodes() == {}
    lab.bare()
