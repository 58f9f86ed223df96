"""Calico's part: CNI directories and plugins of ours, next to those of somebody else."""

from __future__ import annotations

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


def test_what_calico_itself_put_there_stays_and_is_reported(host: Box) -> None:
    bundle = bundles.calico(host, plugins={"./bridge": "bridge\n"})
    assert host.run("calico", "apply", bundle).returncode == 0
    host.put("/etc/cni/net.d/10-calico.conflist", "{}\n")
    host.put("/opt/cni/bin/calico", "calico\n", 0o755)
    done = host.run("calico", "remove", bundle)
    assert done.returncode == 0, done.stderr
    assert "/etc/cni/net.d is not empty and stays" in done.stdout
    assert host.text("/etc/cni/net.d/10-calico.conflist") == "{}\n"
    assert host.text("/opt/cni/bin/calico") == "calico\n"
    assert not host.path("/opt/cni/bin/bridge").exists()


def test_the_addresses_of_another_network_stay(host: Box) -> None:
    host.put("/var/lib/cni/networks/theirs/192.0.2.3", "theirs\n")
    before = host.state()
    bundle = bundles.calico(host)
    assert host.run("calico", "apply", bundle).returncode == 0
    done = host.run("calico", "remove", bundle)
    assert "/var/lib/cni held data before us and stays" in done.stdout
    assert host.state() == before
