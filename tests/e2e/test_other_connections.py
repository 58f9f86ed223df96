"""Another way to the same machines: a new key, another user, port, address, a bastion. Every part runs once and finds
nothing to do; the old way may go, and the new one gives the hosts back.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.cluster import unchanged_part, unfit
from tests.e2e.hosts import Host, each
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.operator import USER, operator
from tests.e2e.stack import Json
from tests.e2e.watching import node_events

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_REMOTE = "command:remote:Command"
_UNITS = ("docker.service", "cri-docker.service", "kubelet.service", "kube-proxy.service")
_KEY = ".sandbox/ssh/another"
_PORT = 2222
_KEYS = "/root/.ssh/authorized_keys"
_MARK = "/run/kubenode-e2e-mark"
# What a kubelet, Docker and the commands' own records write by themselves is no file of kubenode's.
_WRITTEN = (
    f"find /etc /usr/local /usr/lib/systemd /opt /var/lib/kubelet/config.yaml -xdev -newer {_MARK} -type f "
    "! -name '.*' 2>/dev/null || :"
)
_LISTEN = f"""
set -e
printf 'Port 22\\nPort {_PORT}\\n' >/etc/ssh/sshd_config.d/1-kubenode-e2e.conf
systemctl restart ssh
"""
_LISTEN_NO_MORE = """
rm -f /etc/ssh/sshd_config.d/1-kubenode-e2e.conf
systemctl restart ssh
"""


def _new_key(lab: Lab) -> str:
    """A second pair of keys; the public one's line."""
    path = lab.place.root / _KEY
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "another", "-f", path], check=True, timeout=60
    )
    lab.canaries["another SSH key"] = path.read_text(encoding="utf-8").splitlines()[-2]
    return path.with_suffix(".pub").read_text(encoding="utf-8").strip()


@contextmanager
def _second_way(host: Host) -> Iterator[str]:
    """A second address of the host, a second port of its SSH server, and a user who may become root."""
    network = host.run("ip -4 -o address show eth0 | awk '{ print $4; exit }'")
    head, prefix = network.split("/")
    first, _, last = head.rpartition(".")
    address = f"{first}.{int(last) + 100}"
    host.run(f"ip address add {address}/{prefix} dev eth0; {_LISTEN}")
    try:
        with operator(host, may_become_root=True):
            yield address
    finally:
        host.run(f"ip address delete {address}/{prefix} dev eth0; {_LISTEN_NO_MORE}")


class _Quiet:
    """What must be the same before and after a change of a connection."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        each(lab.hosts, lambda host: host.run(f"touch {_MARK}"))
        self.started = self._started()
        self.pods = self._pods()

    def demand(self) -> None:
        assert self._started() == self.started, "something was started anew"
        assert self._pods() == self.pods
        written = each(self.lab.hosts, lambda host: host.run(_WRITTEN).splitlines())
        assert all(files == [] for files in written.values()), written
        nodes = self.lab.cluster.nodes()
        assert unfit(nodes) == {}
        self.lab.stack.preview("--expect-no-changes").demand()

    def _started(self) -> dict[str, dict[str, int]]:
        return each(self.lab.hosts, lambda host: {unit: host.started(unit) for unit in _UNITS})

    def _pods(self) -> dict[str, Json]:
        return {name: unchanged_part(pod) for name, pod in self.lab.cluster.pods().items()}


def _parts(lab: Lab, *nodes: str) -> set[str]:
    """The commands on the hosts of these nodes."""
    names = {one["urn"].split("::")[-1] for one in lab.stack.resources() if one["type"] == _REMOTE}
    return {name for name in names if name.startswith(nodes)}


def _change(lab: Lab, what: str, expected: set[str]) -> None:
    """Preview and bring up a changed connection: one line for each command on those hosts, and nothing else."""
    quiet = _Quiet(lab)
    planned = lab.stack.planned()
    assert sorted(step.name for step in planned) == sorted(expected)
    assert {step.op for step in planned} == {"update"}
    assert {step.type for step in planned} <= {_REMOTE, "command:local:Command"}
    with node_events(lab.place.env, lab.hosts[-1].name) as events:
        result = lab.stack.up().demand()
    lab.note_deployed()
    MEASURED.add(f"up with {what}", result.seconds, "s")
    updated = set(re.findall(r"^ ~ +\S+ (\S+) updated", result.text, re.MULTILINE))
    assert updated == expected
    assert not any("true" in line or "kubenode/out-of-service" in line for line in events.lines), events.lines
    quiet.demand()


def test_the_same_machines_by_another_way(bare: Lab) -> None:
    lab = bare
    near, far = lab.hosts
    public = _new_key(lab)
    before = each(lab.hosts, lambda host: host.run(f"cat {_KEYS}"))
    each(lab.hosts, lambda host: host.run(f"echo '{public}' >>{_KEYS}"))
    try:
        # Made on a bare host: it puts accounts back as they were, with a node on it Docker's group too.
        with _second_way(far) as address:
            lab.deployed()
            lab.stack.configure(lambda config: config["ssh"].update({"privateKeyFile": _KEY}))
            _change(lab, "another SSH key", _parts(lab, near.name, far.name))
            each(lab.hosts, lambda host: host.run(f"echo '{public}' >{_KEYS}"))
            lab.stack.preview("--expect-no-changes").demand()

            def elsewhere(nodes: Json) -> None:
                nodes[far.name] |= {"nodeIp": far.address, "address": address}
                nodes[far.name]["ssh"] |= {"user": USER, "port": _PORT}

            lab.stack.configure_nodes(elsewhere)
            # Its request's approval runs whenever the kubelet's part does, and finds nothing.
            expected = _parts(lab, far.name) | {f"{far.name}-csr-approval"}
            _change(lab, "another user, port and address", expected)

            def behind(nodes: Json) -> None:
                key = nodes[near.name]["ssh"]["hostKey"]
                nodes[far.name]["ssh"]["bastion"] = {
                    "address": near.address,
                    "user": "root",
                    "privateKeyFile": _KEY,
                    "hostKey": key,
                }

            lab.stack.configure_nodes(behind)
            _change(lab, "a bastion", _parts(lab, far.name))

            # The old way is gone; what is in the state gives the hosts back.
            logins = lab.connections()
            lab.stack.destroy().demand()
            lab.note_unknown()
            assert min(count - logins[name] for name, count in lab.connections().items()) > 0
    finally:
        for host in lab.hosts:
            host.run(f"cat >{_KEYS} <<'END'\n{before[host.name]}\nEND\nrm -f {_MARK}")
        lab.stack.restore_configuration()
    assert lab.cluster.leftovers() == []
    assert lab.differences() == {}


def test_another_machine_at_the_address(deployed: Lab) -> None:
    """Refused, with nothing written there, and with the way out."""
    lab = deployed
    stays, goes = lab.hosts
    quiet = _Quiet(lab)

    def swap(nodes: Json) -> None:
        one, other = nodes[stays.name], nodes[goes.name]
        one["address"], other["address"] = other["address"], one["address"]
        one["ssh"]["hostKey"], other["ssh"]["hostKey"] = other["ssh"]["hostKey"], one["ssh"]["hostKey"]
        one["nodeIp"], other["nodeIp"] = stays.address, goes.address

    original = lab.stack.nodes_file.read_text(encoding="utf-8")
    lab.stack.configure_nodes(swap)
    result = lab.stack.up("--continue-on-error").demand_failure()
    for host, other in ((stays, goes), (goes, stays)):
        assert f"{host.name}-release" in result.text
        assert f" as node {other.name}. Nothing was written. Correct the node's address; or, " in result.text
    lab.stack.nodes_file.write_text(original, encoding="utf-8")
    lab.stack.up().demand()
    lab.note_deployed()
    quiet.demand()
    # Tests that come after this one compare the hosts with those from before.
    each(lab.hosts, lambda host: host.run(f"rm -f {_MARK}"))
