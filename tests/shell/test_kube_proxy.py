"""kube-proxy's part: restarts for a certificate too, and its rules go with it."""

from __future__ import annotations

import pytest

from tests.shell import bundles
from tests.shell.box import RECORD, Box

UNIT = "kube-proxy.service"


def _apply(host: Box, bundle: str) -> str:
    done = host.run("kube-proxy", "apply", bundle)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _restarts(host: Box) -> int:
    return len(host.calls(f"systemctl restart {UNIT}"))


def test_a_whole_life_leaves_nothing(host: Box) -> None:
    before = host.state()
    assert "started kube-proxy.service, healthy after " in _apply(host, bundles.kube_proxy(host))
    assert _apply(host, bundles.kube_proxy(host)) == "kube-proxy: nothing to change\n"
    assert _restarts(host) == 1
    assert host.run("kube-proxy", "remove", bundles.kube_proxy(host)).returncode == 0
    assert host.state() == before
    assert host.running() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"config": "mode: iptables\nx: 2\n"},
        {"binary": "#!/bin/sh\necho proxy 2\n"},
        {"certificate": "fedcba987654"},
    ],
    ids=["config", "binary", "certificate"],
)
def test_it_restarts_for_each_of_its_causes_and_once(host: Box, change: dict[str, str]) -> None:
    _apply(host, bundles.kube_proxy(host))
    host.forget_calls()
    assert "restarted kube-proxy.service" in _apply(host, bundles.kube_proxy(host, **change))
    assert _restarts(host) == 1
    assert _apply(host, bundles.kube_proxy(host, **change)) == "kube-proxy: nothing to change\n"
    assert _restarts(host) == 1


def test_from_a_certificate_to_a_token_and_back_it_restarts_once_each(host: Box) -> None:
    with_token = bundles.kube_proxy(host).replace("set | certificate 0123", "set | token 4567")
    _apply(host, bundles.kube_proxy(host))
    for bundle in (with_token, bundles.kube_proxy(host)):
        host.forget_calls()
        assert "restarted kube-proxy.service" in _apply(host, bundle)
        assert _apply(host, bundle) == "kube-proxy: nothing to change\n"
        assert _restarts(host) == 1


def test_a_certificate_that_does_not_work_is_tried_again_by_the_next_apply(host: Box) -> None:
    _apply(host, bundles.kube_proxy(host))
    host.shell("mv /stubs/curl /stubs/curl.real")
    host.stub("curl", "exit 7\n")
    done = host.run("kube-proxy", "apply", bundles.kube_proxy(host, certificate="new"))
    assert done.returncode == 1
    assert "kube-proxy.service is not healthy" in done.stderr
    host.shell("mv /stubs/curl.real /stubs/curl")
    host.forget_calls()
    _apply(host, bundles.kube_proxy(host, certificate="new"))
    assert _restarts(host) == 1


def test_healthy_in_another_mode_than_configured_is_not_healthy(host: Box) -> None:
    host.put("/state/only-iptables", "")
    _apply(host, bundles.kube_proxy(host))
    done = host.run("kube-proxy", "apply", bundles.kube_proxy(host, "mode: nftables\n", mode="nftables"))
    assert done.returncode == 1
    assert "The previous files are back and kube-proxy.service runs with them." in done.stderr
    assert "mode: iptables" in host.running()[UNIT]


def test_with_flags_the_mode_is_the_unit_s(host: Box) -> None:
    """Also after a rollback, when the bundle asks for another one; and its log files have their folder."""
    host.put("/state/only-iptables", "")
    before = host.state()
    _apply(host, bundles.kube_proxy_by_flags(host, "iptables"))
    assert host.path("/var/log/k8s").is_dir()
    done = host.run("kube-proxy", "apply", bundles.kube_proxy_by_flags(host, "nftables"))
    assert done.returncode == 1
    assert "The previous files are back and kube-proxy.service runs with them." in done.stderr
    assert host.run("kube-proxy", "remove", bundles.kube_proxy_by_flags(host, "iptables")).returncode == 0
    assert host.state() == before


def test_its_own_clean_up_runs_while_the_binary_is_there(host: Box) -> None:
    up = "test ! -e /state/active/kube-proxy.service || echo up >>/calls"
    cleaner = f'#!/bin/sh\necho "kube-proxy $*" >>/calls\n{up}\n'
    _apply(host, bundles.kube_proxy(host, binary=cleaner))
    host.forget_calls()
    assert host.run("kube-proxy", "remove", bundles.kube_proxy(host)).returncode == 0
    assert host.calls("kube-proxy") == ["kube-proxy --cleanup"]
    assert host.calls("up") == []


def test_a_clean_up_that_fails_does_not_end_the_removal(host: Box) -> None:
    before = host.state()
    _apply(host, bundles.kube_proxy(host, binary="#!/bin/sh\nexit 1\n"))
    assert host.run("kube-proxy", "remove", bundles.kube_proxy(host)).returncode == 0
    assert host.state() == before
    assert not host.path(f"{RECORD}/parts/kube-proxy").exists()


def test_its_chains_go_and_so_does_its_table(host: Box) -> None:
    if host.shell("nft add table ip probe && nft delete table ip probe").returncode != 0:
        pytest.skip("this machine has no nft whose rules can be loaded")
    host.shell("iptables -A INPUT -p tcp --dport 22 -j ACCEPT")
    before = host.shell("iptables-save | grep -v '^#'; nft list ruleset").stdout
    _apply(host, bundles.kube_proxy(host))
    for family in ("ip", "ip6"):
        host.shell(
            f"nft add table {family} kube-proxy; nft 'add chain {family} kube-proxy services {{ counter; }}'"
        )
    host.shell("iptables -t nat -N KUBE-SERVICES; iptables -t nat -A PREROUTING -j KUBE-SERVICES")
    assert host.run("kube-proxy", "remove", bundles.kube_proxy(host)).returncode == 0
    assert host.shell("iptables-save | grep -v '^#'; nft list ruleset").stdout == before


def test_the_interface_of_ipvs_goes(host: Box) -> None:
    if host.shell("ip link add kube-ipvs0 type bridge").returncode != 0:
        pytest.skip("this machine's kernel has no such interface")
    host.shell("mkdir -p /sys/class/net/kube-ipvs0")
    _apply(host, bundles.kube_proxy(host))
    assert host.run("kube-proxy", "remove", bundles.kube_proxy(host)).returncode == 0
    assert "kube-ipvs0" not in host.shell("ip link").stdout


def test_what_ipvs_left_goes_with_the_change_of_mode_and_not_before(host: Box) -> None:
    if host.shell("ip link add kube-ipvs0 type bridge").returncode != 0:
        pytest.skip("this machine's kernel has no such interface")
    host.shell("mkdir -p /sys/class/net/kube-ipvs0")
    host.stub("ipvsadm")
    _apply(host, bundles.kube_proxy(host, "mode: ipvs\n", mode="ipvs"))
    assert "kube-ipvs0" in host.shell("ip link").stdout
    assert "removed what the mode ipvs had left" in _apply(host, bundles.kube_proxy(host))
    assert "kube-ipvs0" not in host.shell("ip link").stdout
    assert host.calls("ipvsadm") == ["ipvsadm --clear"]
