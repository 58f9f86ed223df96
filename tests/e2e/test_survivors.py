"""What somebody else has on a host goes through a node's life untouched: up, change, upgrade, a refused downgrade,
destroy.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import snapshot
from tests.e2e.cluster import is_ready, is_schedulable
from tests.e2e.hosts import Host
from tests.e2e.lab import HOSTS, Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_OLD, _NEW = "1.36.3", "1.37.2"
_OURS = "ethtool"
# Before kubenode comes: a Docker with container and volume, files and rules beside ours, a held package that we need.
_SET_UP = r"""
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends docker.io socat >/dev/null
apt-mark -qq hold socat
curl -fsS http://artifacts.sandbox:8080/images/pause-3.10.2.tar | docker load >/dev/null
docker run -d --name lodger -v lodger:/data registry.k8s.io/pause:3.10.2 >/dev/null
echo canary >/var/lib/docker/volumes/lodger/_data/canary
mkdir -p /etc/cni/net.d /opt/cni/bin /srv/theirs
printf '{"cniVersion": "1.0.0", "name": "theirs", "plugins": [{"type": "theirs"}]}\n' >/etc/cni/net.d/99-theirs.conflist
printf '#!/bin/sh\nexit 1\n' >/opt/cni/bin/theirs
chmod 0755 /opt/cni/bin/theirs
echo canary >/srv/theirs/canary
echo 'net.ipv4.tcp_keepalive_time = 601' >/etc/sysctl.d/60-theirs.conf
sysctl -q -p /etc/sysctl.d/60-theirs.conf
iptables -N THEIRS
iptables -A THEIRS -s 192.0.2.1/32 -j DROP
iptables -I FORWARD -j THEIRS
iptables -t nat -N THEIRS-NAT
iptables -t nat -A THEIRS-NAT -d 192.0.2.2/32 -j RETURN
iptables -t nat -A POSTROUTING -j THEIRS-NAT
"""
# While it is a node: a mount below the kubelet's folder, and a package that needs one of ours.
_MOVE_IN = rf"""
set -e
mkdir /var/lib/kubelet/theirs
mount --bind /srv/theirs /var/lib/kubelet/theirs
folder=$(mktemp -d)
mkdir -p "$folder/DEBIAN"
cat >"$folder/DEBIAN/control" <<'END'
Package: theirs
Version: 1
Architecture: all
Depends: {_OURS}
Maintainer: nobody <nobody@example.org>
Description: needs one of ours
END
chmod 0755 "$folder"
dpkg-deb --build "$folder" "$folder.deb" >/dev/null
dpkg --install "$folder.deb" >/dev/null
rm -r "$folder" "$folder.deb"
"""
_LOOK = r"""
set -e
docker inspect -f '{{.Id}} {{.State.Running}} {{.State.Pid}} {{.State.StartedAt}}' lodger
sha256sum /var/lib/docker/volumes/lodger/_data/canary /etc/cni/net.d/99-theirs.conflist /opt/cni/bin/theirs \
    /srv/theirs/canary /etc/sysctl.d/60-theirs.conf
stat -c '%n %a %U:%G %Y' /opt/cni/bin/theirs /etc/cni/net.d/99-theirs.conflist
sysctl net.ipv4.tcp_keepalive_time
iptables-save -t filter | grep THEIRS
iptables-save -t nat | grep THEIRS-NAT
apt-mark -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= showhold | grep -x socat
dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\n' socat docker.io
"""
_MOVED_IN = rf"""
set -e
cat /var/lib/kubelet/theirs/canary
findmnt -n -o SOURCE,TARGET /var/lib/kubelet/theirs
dpkg-query -W -f '${{Package}} ${{Version}} ${{db:Status-Abbrev}}\n' theirs {_OURS}
"""
_MOVE_OUT = f"""
set -e
dpkg --purge theirs >/dev/null
apt-get -qq -y -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= purge --autoremove {_OURS} >/dev/null
"""
# Where a Docker that stays keeps what it does: images of the cluster among it.
_THEIR_OWN = ("/var/lib/docker/", "/var/lib/containerd/", "/run/docker/", "/run/containerd/")


@pytest.fixture
def inhabited(bare: Lab) -> Iterator[Host]:
    """A host with an owner; given back to the sandbox without what is theirs."""
    lab, host = bare, bare.hosts[0]
    lab.place.up(HOSTS, "--older")
    lab.stack.restore_configuration()
    host.run(_SET_UP)
    yield host
    lab.bare()
    lab.place.up(HOSTS)
    lab.stack.restore_configuration()


def _release(lab: Lab, version: str) -> None:
    lab.stack.configure(lambda config: config["kubernetes"].update({"version": version}))


def _demand_in_service(lab: Lab, version: str) -> None:
    (node,) = lab.cluster.nodes().values()
    assert is_ready(node)
    assert is_schedulable(node)
    assert node["status"]["nodeInfo"]["kubeletVersion"] == f"v{version}"


def test_what_is_theirs_survives_a_whole_life(bare: Lab, inhabited: Host) -> None:
    lab, host = bare, inhabited
    before = host.snapshot()
    theirs = host.run(_LOOK)
    lab.only(host.name)

    def on_their_docker(nodes: Json) -> None:
        nodes[host.name] |= {"docker": {"source": "existing"}, "host": {"packages": [_OURS]}}

    def changed(nodes: Json) -> None:
        nodes[host.name]["kubelet"] = {"extraConfig": {"maxPods": 57}}

    lab.stack.configure_nodes(on_their_docker)
    _release(lab, _OLD)
    lab.note_unknown()
    lab.stack.up().demand()
    _demand_in_service(lab, _OLD)
    assert host.run(_LOOK) == theirs
    host.run(_MOVE_IN)
    moved_in = host.run(_MOVED_IN)
    assert moved_in.startswith("canary\n")

    def demand_theirs() -> None:
        assert host.run(_LOOK) == theirs
        assert host.run(_MOVED_IN) == moved_in

    lab.stack.configure_nodes(changed)
    lab.stack.up().demand()
    assert lab.cluster.nodes()[host.name]["status"]["capacity"]["pods"] == "57"
    demand_theirs()

    _release(lab, _NEW)
    result = lab.stack.up().demand()
    MEASURED.add("up to the next minor release, one node on a Docker of somebody else", result.seconds, "s")
    _demand_in_service(lab, _NEW)
    demand_theirs()

    _release(lab, _OLD)
    logins = host.connections()
    for refused in (lab.stack.preview(), lab.stack.up()):
        assert (
            f"nodes.{host.name}.kubernetes.version: {_OLD} is older than {_NEW}, which runs there"
            in refused.demand_failure().text
        )
    assert host.connections() == logins
    _demand_in_service(lab, _NEW)
    demand_theirs()

    destroyed = lab.stack.destroy().demand()
    MEASURED.add("destroy of it", destroyed.seconds, "s")
    assert _OURS in destroyed.text, "what stays because it is needed is named"
    assert host.run(_LOOK) == theirs
    assert host.run("cat /srv/theirs/canary") == "canary"
    assert host.run("grep -c /var/lib/kubelet/theirs /proc/mounts || :") == "0"
    assert not host.exists("/var/lib/kubelet/theirs")
    assert host.run(f"dpkg-query -W -f '${{Package}}\\n' {_OURS} theirs").split() == [_OURS, "theirs"]
    host.run(_MOVE_OUT)
    changes = snapshot.differences(before, host.snapshot())
    assert [line for line in changes if not any(place in line for place in _THEIR_OWN)] == []
    assert lab.cluster.leftovers() == []
