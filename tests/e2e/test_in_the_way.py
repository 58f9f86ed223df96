"""What stops a host from becoming a node: each is told with node, place and fix, and leaves the host as it is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cluster import is_ready, is_schedulable
from tests.e2e.hosts import Host
from tests.e2e.lab import Lab
from tests.e2e.operator import USER, operator
from tests.e2e.stack import Json

pytestmark = pytest.mark.sandbox

# Nobody is there, in the hosts' own network: the farthest that an error can be away.
_NOBODY = 199
_UNREACHABLE_SECONDS = 60


@pytest.fixture
def untouched(bare: Lab) -> Iterator[Lab]:
    """Nothing is deployed, no host differs afterwards, and the state forgets hosts that nobody can log in to."""
    yield bare
    bare.stack.restore_configuration()
    for one in bare.stack.resources():
        if one["type"] == "kubenode:index:Node":
            bare.stack.pulumi("state", "remove", "--yes", "--target-dependents", one["urn"]).demand()
    bare.note_unknown()
    assert bare.differences() == {}
    assert bare.cluster.nodes() == {}


def _new_key(folder: Path) -> str:
    """The public half of a key that no host knows; the private one is in `folder`."""
    path = folder / "another_key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return " ".join(path.with_suffix(".pub").read_text(encoding="utf-8").split()[:2])


def test_hosts_that_let_nobody_in(untouched: Lab, tmp_path: Path) -> None:
    """Another host key than configured, a login that may not become root, and nobody at all."""
    lab = untouched
    wrong, powerless = lab.hosts
    gone = f"{wrong.address.rpartition('.')[0]}.{_NOBODY}"

    def edit(nodes: Json) -> None:
        nodes[wrong.name]["ssh"]["hostKey"] = _new_key(tmp_path)
        nodes[powerless.name]["ssh"]["user"] = USER
        nodes["gone"] = {"address": gone, "ssh": {"insecureIgnoreHostKey": True}}

    lab.stack.configure_nodes(edit)
    with operator(powerless, may_become_root=False):
        result = lab.stack.up("--continue-on-error").demand_failure()
    assert "ssh: handshake failed: ssh: host key mismatch" in result.text
    assert f"{wrong.name}-claim" in result.text
    assert (
        f"kubenode: {powerless.name} ({powerless.address}): claim apply: the user {USER} may not become root by "
        f"'sudo -n' on "
    ) in result.text
    assert "sudo: a password is required. Nothing was written." in result.text
    assert f"/etc/sudoers.d/kubenode there: {USER} ALL=(root) NOPASSWD: ALL" in result.text
    assert f"dial tcp {gone}:22: " in result.text
    assert "gone-claim" in result.text
    assert result.seconds < _UNREACHABLE_SECONDS


@contextmanager
def _listening(host: Host, port: int) -> Iterator[None]:
    script = (
        f"socket(S, 2, 1, 0); bind(S, pack(q(S n a4 x8), 2, {port}, pack(q(C4), 0, 0, 0, 0))) or die; "
        "listen(S, 1); $| = 1; print qq(up\\n); sleep 300"
    )
    server = subprocess.Popen(
        ["docker", "exec", "-i", host.container, "perl", "-e", script],
        env=host.env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        yield
    finally:
        host.run("pkill -x perl || :")
        server.wait(30)


def test_hosts_that_are_not_fit(untouched: Lab, tmp_path: Path) -> None:
    """Another SSH key than the host knows; a full disk and a port that is taken, told at once."""
    lab = untouched
    stranger, full = lab.hosts
    _new_key(tmp_path)

    def edit(nodes: Json) -> None:
        nodes[stranger.name]["ssh"]["privateKeyFile"] = str(tmp_path / "another_key")
        nodes[full.name]["host"] = {"diskFreeMegabytes": 1 << 30}

    lab.stack.configure_nodes(edit)
    with _listening(full, 10250):
        result = lab.stack.up("--continue-on-error").demand_failure()
    assert "ssh: handshake failed: ssh: unable to authenticate" in result.text
    assert f"{stranger.name}-claim" in result.text
    assert (
        f"kubenode: {full.name} ({full.address}): claim apply: this host cannot become a node as it is. "
        "Nothing was written."
    ) in result.text
    assert "MiB free, needs 1073741824: make room, or set host.diskFreeMegabytes" in result.text
    assert "- port 10250 is taken; kubelet and kube-proxy need it" in result.text


def test_hosts_that_fail_do_so_alone(bare: Lab) -> None:
    """A mirror that is down and a host that is gone, beside one in order: that one becomes a node."""
    lab = bare
    well, ill = lab.hosts
    gone = f"{well.address.rpartition('.')[0]}.{_NOBODY}"

    def edit(nodes: Json) -> None:
        nodes[ill.name]["host"] = {"packageMirror": {"url": "http://artifacts.sandbox:9/debian"}}
        nodes["gone"] = {"address": gone, "ssh": {"insecureIgnoreHostKey": True}}

    lab.stack.configure_nodes(edit)
    result = lab.stack.up("--continue-on-error").demand_failure()
    assert f"kubenode: {ill.name} ({ill.address}): prepare apply: 'apt-get install -y " in result.text
    assert (
        "Package sources do not answer: check the host's network, host.packageMirror and host.proxy."
    ) in result.text
    assert "W: Failed to fetch http://artifacts.sandbox:9/debian/dists/" in result.text
    assert f"dial tcp {gone}:22: " in result.text
    node = lab.cluster.nodes()[well.name]
    assert is_ready(node)
    assert is_schedulable(node)

    # What nobody can log in to, the state has to forget before a destroy can go through.
    (lost,) = (
        one["urn"] for one in lab.stack.resources() if one["urn"].endswith("kubenode:index:Node::gone")
    )
    lab.stack.pulumi("state", "remove", "--yes", "--target-dependents", lost).demand()
    lab.stack.destroy().demand()
    lab.stack.restore_configuration()
    lab.note_unknown()
    assert lab.differences() == {}
