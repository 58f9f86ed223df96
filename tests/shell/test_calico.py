"""Calico's part: CNI directories and plugins of ours, next to those of somebody else."""

from __future__ import annotations

import re
import stat

from components.remote.bundle import HostFile
from tests.shell import bundles
from tests.shell.box import Box

_EXCEPTION = HostFile(
    "network-manager.conf", "/etc/NetworkManager/conf.d/kubenode-calico.conf", "[keyfile]\n"
)


def test_a_whole_life_leaves_nothing(host: Box) -> None:
    before = host.state()
    bundle = bundles.calico(host, _EXCEPTION, plugins={"./bridge": "bridge\n"})
    assert host.run("calico", "apply", bundle).returncode == 0
    for path in ("/opt/cni/bin", "/etc/cni/net.d"):
        assert stat.S_IMODE(host.path(path).stat().st_mode) == 0o755
    assert stat.S_IMODE(host.path("/opt/cni/bin/bridge").stat().st_mode) == 0o755
    assert host.run("calico", "apply", bundle).stdout == "calico: nothing to change\n"
    assert host.calls("systemctl") == []
    host.put("/var/lib/cni/networks/k8s/10.244.0.3", "noted by a plugin\n")
    assert host.run("calico", "remove", bundle).returncode == 0
    assert host.state() == before


# What Calico's pods make on a host, and beside it somebody else's things of much the same names.
_CALICO = """
set -eu
ip link add cali0123456789a type bridge
ip link add vxlan.calico type bridge
ip route add blackhole 10.244.7.0/26 proto 80
ip route add blackhole 10.244.8.0/26 proto bird
iptables -N cali-INPUT
iptables -A cali-INPUT -j ACCEPT
iptables -A INPUT -j cali-INPUT
iptables -t nat -N cali-POSTROUTING
mkdir -p /etc/cni/net.d /opt/cni/bin /var/lib/calico /var/log/calico/cni /run/calico
echo worker-1 >/var/lib/calico/nodename
echo log >/var/log/calico/cni/cni.log
for name in 10-calico.conflist calico-kubeconfig; do echo "{}" >/etc/cni/net.d/$name; done
for name in calico calico-ipam portmap; do echo calico >/opt/cni/bin/$name; done
"""
_OTHERS = """
set -eu
ip link add calibre0 type bridge
ip route add blackhole 10.99.0.0/24 proto bird
iptables -N calibrate
iptables -A INPUT -j calibrate
mkdir -p /etc/cni/net.d /opt/cni/bin
echo "{}" >/etc/cni/net.d/20-other.conflist
echo other >/opt/cni/bin/other
"""
_SEEN = """
ip -br link | cut -d' ' -f1
for protocol in 80 bird; do ip route show table all proto $protocol; done
iptables-save | grep -E '^-A|^:.* - ' || :
"""


def _bundle(host: Box) -> str:
    return host.bundle("calico", _EXCEPTION, pod_cidr=["10.244.0.0/16"], firewall=["UDP 4789"])


def _seen(host: Box) -> str:
    """Links, routes and packet filter."""
    return re.sub(r"\[[0-9]+:[0-9]+\]", "", host.shell(_SEEN).stdout)


def _ran(host: Box, verb: str, bundle: str) -> str:
    done = host.run("calico", verb, bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_calico_s_traces_go_and_others_stay(host: Box) -> None:
    assert host.shell(_OTHERS).returncode == 0
    before, seen = host.state(), _seen(host)
    _ran(host, "apply", _bundle(host))
    done = host.shell(_CALICO)
    assert done.returncode == 0, done.stderr
    assert "cali0123456789a" in _seen(host)
    assert ":cali-INPUT" in _seen(host)
    said = _ran(host, "remove", _bundle(host))
    assert "removed what Calico left: 1 chains, 2 link, 5 path" in said
    assert _seen(host) == seen
    assert {path: what for path, what in host.state().items() if "/run/xtables" not in path} == before


def test_what_of_calico_was_there_before_stays(host: Box) -> None:
    """Somebody's own Calico, or what an earlier one left: it is not ours to take away."""
    assert host.shell(_CALICO).returncode == 0
    before, seen = host.state(), _seen(host)
    said = _ran(host, "apply", _bundle(host))
    assert "/var/lib/calico held data before us and stays" in _ran(host, "remove", _bundle(host))
    assert "left from an earlier Calico" not in said
    assert host.state() == before
    # Its routes are Calico's word in any case, and Calico's own pods would set them anew.
    kept = [line for line in seen.splitlines() if not line.startswith("blackhole 10.244.")]
    assert _seen(host).splitlines() == kept


def test_a_host_that_became_a_node_before_this_was_noted_had_nothing_of_calico_s(host: Box) -> None:
    before = host.state()
    _ran(host, "apply", _bundle(host))
    for name in ("calico-before", "nft"):
        host.path(f"/var/lib/kubenode/parts/calico/{name}").unlink(missing_ok=True)
    record = host.path("/var/lib/kubenode/parts/calico/dirs-before")
    record.write_text("none - - /var/lib/cni\n")
    assert host.shell(_CALICO).returncode == 0
    _ran(host, "apply", _bundle(host))
    _ran(host, "remove", _bundle(host))
    assert {path: what for path, what in host.state().items() if "/run/xtables" not in path} == before
    assert "cali" not in _seen(host)


def test_a_network_of_somebody_else_is_none_of_calico_s(host: Box) -> None:
    """Without a word that it is Calico's, nobody is warned of it."""
    host.put("/etc/cni/net.d/10-flannel.conflist", '{"plugins": [{"type": "flannel"}]}\n')
    assert _ran(host, "apply", host.bundle("calico", _EXCEPTION)) == (
        "changed /etc/NetworkManager/conf.d/kubenode-calico.conf\n"
    )


def test_what_is_in_calico_s_way_is_named(host: Box) -> None:
    host.stub(
        "systemctl",
        'case "$*" in "is-active -q firewalld.service" | "is-active -q ufw.service") ;; *) exit 3 ;; esac\n',
    )
    host.put("/etc/ufw/ufw.conf", "ENABLED=yes\n")
    host.put("/etc/cni/net.d/05-flannel.conflist", '{"plugins": [{"type": "flannel"}]}\n')
    host.put("/etc/cni/net.d/10-calico.conflist", '{"plugins": [{"type": "calico"}]}\n')
    assert host.shell("ip link add br7 type bridge; ip addr add 10.244.7.1/24 dev br7").returncode == 0
    said = _ran(host, "apply", _bundle(host))
    assert "br7 has 10.244.7.1/24, within the pods' range 10.244.0.0/16" in said
    assert "/etc/cni/net.d/10-calico.conflist is left from an earlier Calico" in said
    assert "/etc/cni/net.d/05-flannel.conflist is of another pod network" in said
    assert "'systemctl disable --now firewalld', or have it let through UDP 4789 between the nodes" in said
    assert "ufw runs here" in said
    host.put("/etc/ufw/ufw.conf", "ENABLED=no\n")
    assert "ufw" not in _ran(host, "apply", _bundle(host))


def test_a_plugin_that_a_package_brought_meanwhile_stays(host: Box) -> None:
    _ran(host, "apply", _bundle(host))
    host.put("/opt/cni/bin/portmap", "of a package\n", 0o755)
    host.put("/opt/cni/bin/calico", "of Calico\n", 0o755)
    host.stub("dpkg-query", 'case "$*" in "-S /opt/cni/bin/portmap") ;; *) exit 1 ;; esac\n')
    _ran(host, "remove", _bundle(host))
    assert host.text("/opt/cni/bin/portmap") == "of a package\n"
    assert host.text("/opt/cni/bin/calico") == ""


def test_the_addresses_of_another_network_stay(host: Box) -> None:
    host.put("/var/lib/cni/networks/theirs/192.0.2.3", "theirs\n")
    before = host.state()
    bundle = bundles.calico(host)
    assert host.run("calico", "apply", bundle).returncode == 0
    done = host.run("calico", "remove", bundle)
    assert "/var/lib/cni held data before us and stays" in done.stdout
    assert host.state() == before
