"""Up and destroy many times on one host, and a server that lets few in at a time: nothing grows, nothing fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.cluster import is_ready
from tests.e2e.hosts import Host
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_TIMES = 10
# What an operating system counts up by itself; growth of these is no trace of ours.
_COUNTED = """
set -e
printf 'packages %s\\n' "$(dpkg -l | grep -c '^ii')"
printf 'unit files %s\\n' "$(systemctl list-unit-files --no-legend | wc -l)"
printf 'mounts %s\\n' "$(wc -l </proc/self/mountinfo)"
printf 'links %s\\n' "$(ip -o link | wc -l)"
printf 'rules %s\\n' "$(iptables-save 2>/dev/null | grep -c '^-A' || :)"
printf 'cgroups %s\\n' "$(find /sys/fs/cgroup -type d \\( -name '*kube*' -o -name '*docker*' \\) | wc -l)"
printf 'files %s\\n' "$(find / -xdev -path /proc -prune -o -path /var/log -prune -o -type f -print | wc -l)"
printf 'accounts %s\\n' "$(cat /etc/passwd /etc/group /etc/subuid | wc -l)"
"""
_FEW = "MaxStartups 3:50:6\n"
_LABELS = 14_000


@contextmanager
def _lets_few_in(host: Host) -> Iterator[None]:
    """An SSH server that refuses by chance when more than three log in at once."""
    path = "/etc/ssh/sshd_config.d/1-kubenode-e2e.conf"
    host.run(f"printf '{_FEW}' >{path}; systemctl reload ssh")
    try:
        yield
    finally:
        host.run(f"rm -f {path}; systemctl reload ssh")


def test_nothing_grows(bare: Lab) -> None:
    lab, host = bare, bare.hosts[0]
    lab.only(host.name)
    lab.note_unknown()
    counts = []
    for _ in range(_TIMES):
        lab.stack.up().demand()
        lab.stack.destroy().demand()
        counts.append(dict(line.rsplit(" ", 1) for line in host.run(_COUNTED).splitlines()))
    # The first life may leave what is allowed to stay, such as a log; the others add nothing.
    assert counts[1:] == [counts[0]] * (_TIMES - 1)
    assert lab.differences([host]) == {}
    assert lab.cluster.leftovers() == []
    assert lab.stack.resources() == []


def test_many_at_once_at_a_server_that_lets_few_in(bare: Lab) -> None:
    """Refused logins are tried again; a bundle of more than a mebibyte arrives whole."""
    lab, host = bare, bare.hosts[0]

    def with_labels(nodes: Json) -> None:
        many = [f"example.org/number-{number:06}={'x' * 50}" for number in range(_LABELS)]
        nodes[host.name]["docker"] = {"extraConfig": {"labels": many}}

    with _lets_few_in(host):
        refused = _refused(host)
        lab.only(host.name)
        lab.stack.configure_nodes(with_labels)
        lab.note_unknown()
        result = lab.stack.up("--parallel", "20").demand()
        MEASURED.add("up at a server with MaxStartups 3:50:6, a bundle over 1 MiB", result.seconds, "s")
        assert int(host.run("stat -c %s /etc/docker/daemon.json")) > 1 << 20
        (node,) = lab.cluster.nodes().values()
        assert is_ready(node)
        assert lab.open_connections()[host.name] == []
        lab.stack.destroy("--parallel", "20").demand()
        assert lab.open_connections()[host.name] == []
        MEASURED.add("logins refused meanwhile by MaxStartups", _refused(host) - refused, "logins")
    assert lab.differences([host]) == {}


def _refused(host: Host) -> int:
    return int(host.run("journalctl --sync; journalctl -u ssh -o cat | grep -c 'drop connection' || :"))
