"""`destroy`: the cluster forgets the nodes, and the hosts are as they were."""

from __future__ import annotations

import pytest

from tests.e2e import snapshot
from tests.e2e.hosts import Host, each
from tests.e2e.lab import Lab, Removal

pytestmark = pytest.mark.sandbox

_PLANT = r"""
set -e
echo planted >/etc/kubenode-e2e-planted
cat >/etc/systemd/system/kubenode-e2e-planted.service <<'END'
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
END
systemctl --quiet enable --now kubenode-e2e-planted.service
iptables -t nat -N KUBENODE-E2E
iptables -t nat -A KUBENODE-E2E -j RETURN
folder=$(mktemp -d)
mkdir -p "$folder/DEBIAN"
cat >"$folder/DEBIAN/control" <<'END'
Package: kubenode-e2e-planted
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: planted
END
chmod 0755 "$folder"
dpkg-deb --build "$folder" "$folder.deb" >/dev/null
dpkg --install "$folder.deb" >/dev/null
rm -r "$folder" "$folder.deb"
ip link add kn-e2e type bridge
sysctl -q -w net.ipv4.conf.lo.log_martians=1
# What a timer of the host's own starts is no difference, whatever program it runs.
systemd-run --quiet --unit=systemd-tmpfiles-e2e tail -f /dev/null
"""
_PULL_UP = r"""
set -e
systemctl --quiet stop systemd-tmpfiles-e2e.service
rm /etc/kubenode-e2e-planted
systemctl --quiet disable --now kubenode-e2e-planted.service
rm /etc/systemd/system/kubenode-e2e-planted.service
systemctl daemon-reload
iptables -t nat -F KUBENODE-E2E
iptables -t nat -X KUBENODE-E2E
dpkg --purge kubenode-e2e-planted >/dev/null
ip link delete kn-e2e
sysctl -q -w net.ipv4.conf.lo.log_martians=0
"""
_PLANTED = (
    # In a table that a host has anyway: a new one would stay behind, empty.
    "iptables: + iptables -A KUBENODE-E2E -j RETURN",
    "files: + /etc/kubenode-e2e-planted f 644 root:root",
    "files: + /etc/systemd/system/multi-user.target.wants/kubenode-e2e-planted.service l 777 root:root "
    "/etc/systemd/system/kubenode-e2e-planted.service",
    "packages: + ii  kubenode-e2e-planted 1",
    "unit files: + kubenode-e2e-planted.service enabled",
    "active units: + kubenode-e2e-planted.service active",
    "processes: + sleep",
    "net sysctls: + net.ipv4.conf.lo.log_martians = 1",
)


@pytest.fixture
def gone(lab: Lab) -> Lab:
    """After a destroy of a stack that was up."""
    if lab.removal is None:
        lab.deployed()
    lab.bare()
    return lab


@pytest.fixture
def removal(gone: Lab) -> Removal:
    assert gone.removal is not None
    return gone.removal


def test_every_host_is_as_before(gone: Lab) -> None:
    assert gone.differences() == {}


def test_the_cluster_forgets_the_nodes(gone: Lab) -> None:
    assert gone.cluster.leftovers() == []
    assert gone.stack.resources() == []


def test_a_host_sees_at_most_eight_logins(removal: Removal) -> None:
    assert all(0 < count <= 8 for count in removal.connections.values()), removal.connections
    assert removal.open_afterwards == {name: [] for name in removal.connections}


def test_the_comparison_finds_what_is_planted(gone: Lab) -> None:
    host = gone.hosts[0]
    before = host.snapshot()
    host.run(_PLANT)
    try:
        found = snapshot.differences(before, host.snapshot())
    finally:
        host.run(_PULL_UP)
    assert [line for line in _PLANTED if line not in found] == []
    assert any(line.startswith("links: + kn-e2e mtu") for line in found)
    assert not [
        line for line in found if line.startswith(("processes: + tail", "active units: + systemd-tmpfiles"))
    ]
    assert any("KUBENODE-E2E" in line for line in found if line.startswith("nft: + "))
    assert gone.differences([host]) == {}, "what was planted is gone again"


# Logs and caches; and rules that name the sandbox's own name server.
_FREE = ("/var/log/", "/var/cache/", "iptables -A DOCKER_(OUTPUT|POSTROUTING) .*127", r"\s*ip [sd]addr 127")


def test_the_allowance_is_small_and_reasoned() -> None:
    assert len(snapshot.ALLOWED) <= 18
    for one in snapshot.ALLOWED:
        assert len(one.why.split()) >= 3
        free = ".*" in one.pattern or ".+" in one.pattern
        assert not free or one.pattern.startswith(_FREE), one.pattern


def test_the_snapshot_sees_every_section(gone: Lab) -> None:
    for name, found in each(gone.hosts, Host.snapshot).items():
        assert min(len(lines) for lines in found.values()) > 0, name
