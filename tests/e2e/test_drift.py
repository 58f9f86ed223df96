"""Drift: an audit finds what somebody did to a host, all of it and nothing else; a re-apply through Pulumi mends it."""

from __future__ import annotations

import json

import pytest

from tests.e2e.auditing import audit
from tests.e2e.cluster import is_ready, unchanged_part, unfit
from tests.e2e.hosts import Host, each
from tests.e2e.killing import wait_until
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json
from tests.e2e.watching import node_events

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_SETTING = "net.ipv4.ip_forward"
_STRANGER = "/etc/kubernetes/somebodys.conf"
_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_KUBECONFIG = "/etc/kubernetes/kubelet.kubeconfig"
_PROXY_UNIT = "/etc/systemd/system/kube-proxy.service"
_DAMAGE = f"""
echo '# edited' >>/etc/kubernetes/kubelet.yaml
systemctl stop docker.socket docker.service
rm {_PROXY_UNIT}
echo 0 >/proc/sys/{_SETTING.replace(".", "/")}
echo theirs >{_STRANGER}
chmod 0644 {_KUBECONFIG}
"""
_EXPECTED = {
    ("kubelet", "/etc/kubernetes/kubelet.yaml"),
    ("docker", "docker.service"),
    ("kube-proxy", _PROXY_UNIT),
    ("prepare", f"kernel setting {_SETTING}"),
    ("credentials", _STRANGER),
    ("kubelet", _KUBECONFIG),
}
_KEPT = "/var/lib/kubenode/parts/credentials/aside"


def _found(lab: Lab) -> dict[str, list[Json]]:
    code, said = audit(lab, "--json")
    assert code in (0, 1), said
    found = {host["node"]: host["findings"] for host in json.loads(said)["hosts"]}
    assert code == int(any(found.values()))
    return found


def _containers(host: Host) -> list[str]:
    """Each running container and the process that it is."""
    return host.run(
        "docker ps -q --no-trunc | xargs docker inspect -f '{{.Id}} {{.State.Pid}}' | sort"
    ).splitlines()


def test_found_mended_and_clean(deployed: Lab) -> None:
    lab = deployed
    spoilt, other = lab.hosts[0], lab.hosts[1]
    logins = lab.connections()
    assert _found(lab) == {host.name: [] for host in lab.hosts}
    assert {name: count - logins[name] for name, count in lab.connections().items()} == {
        host.name: 1 for host in lab.hosts
    }
    containers = _containers(spoilt)
    pods = {name: unchanged_part(pod) for name, pod in lab.cluster.pods().items()}
    units = ("docker.service", "cri-docker.service", "kube-proxy.service", "kubelet.service")
    before = each(lab.hosts, lambda host: {unit: host.started(unit) for unit in units})

    spoilt.run(_DAMAGE)
    found = _found(lab)
    assert {(one["part"], one["thing"]) for one in found[spoilt.name]} == _EXPECTED
    assert len(found[spoilt.name]) == len(_EXPECTED)
    assert found[other.name] == []
    lab.stack.preview("--expect-no-changes").demand()

    with node_events(lab.place.env, spoilt.name) as events:
        code, said = audit(lab, "--reconcile", "--yes")
    assert code == 0, said
    assert not any("true" in line or "kubenode/out-of-service" in line for line in events.lines), events.lines
    lab.note_deployed()
    MEASURED.add("audit of two hosts finds six kinds of drift", len(_EXPECTED), "findings")
    assert _found(lab) == {host.name: [] for host in lab.hosts}
    lab.stack.preview("--expect-no-changes").demand()

    assert _containers(spoilt) == containers
    assert {name: unchanged_part(pod) for name, pod in lab.cluster.pods().items()} == pods
    after = each(lab.hosts, lambda host: {unit: host.started(unit) for unit in units})
    assert after[other.name] == before[other.name]
    assert after[spoilt.name]["cri-docker.service"] == before[spoilt.name]["cri-docker.service"]
    assert unfit(lab.cluster.nodes()) == {}
    assert not spoilt.exists(_STRANGER)
    assert spoilt.run(f"cat {_KEPT}/*-* {_KEPT}/[0-9a-f]* 2>/dev/null | grep -c theirs") == "1"
    # A removal would give it back, and later tests want the host as it was.
    spoilt.run(f"rm -r {_KEPT}")


def _lost_and_mended(lab: Lab, host: Host, command: str, missed: str) -> None:
    """What the kubelet joined with is damaged: the audit misses that alone, and a re-apply mends it."""
    host.run(command)
    found = _found(lab)
    assert [(one["part"], one["thing"]) for one in found[host.name]] == [("kubelet", missed)]
    code, said = audit(lab, host.name, "--reconcile", "--yes")
    assert code == 0, said
    lab.note_deployed()
    assert _found(lab) == {one.name: [] for one in lab.hosts}


def test_a_kubelet_that_lost_its_kubeconfig_gets_it_back(deployed: Lab) -> None:
    lab = deployed
    host = lab.hosts[1]
    certificate = host.run(f"readlink {_CERTIFICATE}")
    _lost_and_mended(lab, host, f"rm {_KUBECONFIG}", _KUBECONFIG)
    assert host.run(f"readlink {_CERTIFICATE}") == certificate
    host.run("systemctl restart kubelet")
    wait_until(lambda: is_ready(lab.cluster.nodes()[host.name]), "the kubelet runs with it")
    assert lab.cluster.bootstrap_tokens() == []
    lab.stack.preview("--expect-no-changes").demand()


def test_a_kubelet_that_lost_its_certificate_gets_another(deployed: Lab) -> None:
    lab = deployed
    host = lab.hosts[1]
    docker = host.started("docker.service")
    _lost_and_mended(lab, host, "rm -r /var/lib/kubelet/pki", _CERTIFICATE)
    assert host.started("docker.service") == docker
    assert unfit(lab.cluster.nodes()) == {}
    assert lab.cluster.bootstrap_tokens() == []
    lab.stack.preview("--expect-no-changes").demand()


def test_a_host_that_cannot_be_asked_is_told_and_the_others_go_on(deployed: Lab) -> None:
    lab = deployed
    away, other = lab.hosts[0], lab.hosts[1]
    away.run("systemctl stop ssh.socket ssh.service 2>/dev/null || systemctl stop ssh.service")
    try:
        code, said = audit(lab)
    finally:
        away.run("systemctl start ssh.service")
    assert code == 2, said
    assert f"{away.name} ({away.address}): could not be asked: " in said
    assert "1 as applied, 1 not asked" in said
    assert other.name not in said
