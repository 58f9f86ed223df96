"""Address ranges and who has which address."""

from __future__ import annotations

import ipaddress

import pytest

from sandbox import network
from sandbox.errors import SandboxError

_SUBNET = ipaddress.IPv4Network("172.30.5.0/24")


def test_a_used_range_is_not_chosen() -> None:
    first = network.choose_subnet([], "0")
    second = network.choose_subnet([str(first)], "0")
    assert not first.overlaps(second)


def test_a_wider_or_narrower_used_range_counts() -> None:
    free = network.choose_subnet(["172.30.0.0/16", "172.31.0.128/25"], "0")
    assert str(free) == "172.31.1.0/24"


def test_different_checkouts_start_at_different_ranges() -> None:
    assert network.choose_subnet([], "00000001") != network.choose_subnet([], "00000002")


def test_the_search_goes_round() -> None:
    last = format(511, "x")
    assert str(network.choose_subnet([], last)) == "172.31.255.0/24"
    assert str(network.choose_subnet(["172.31.255.0/24"], last)) == "172.30.0.0/24"


def test_no_range_left_is_an_error_with_a_way_out() -> None:
    with pytest.raises(SandboxError) as caught:
        network.choose_subnet(["172.30.0.0/15"], "0")
    assert "prune" in caught.value.fix


def test_other_families_do_not_matter() -> None:
    network.choose_subnet(["fd00::/64"], "0")


def test_nothing_in_the_cluster_overlaps() -> None:
    pods, services = ipaddress.ip_network(network.POD_CIDR), ipaddress.ip_network(network.SERVICE_CIDR)
    subnet = network.choose_subnet([], "abcdef01")
    assert not pods.overlaps(services)
    assert not subnet.overlaps(pods)
    assert not subnet.overlaps(services)


def test_every_address_is_given_once_and_lies_in_the_range() -> None:
    addresses = [network.control_plane_address(_SUBNET), network.artifacts_address(_SUBNET)]
    addresses += [network.host_address(_SUBNET, index) for index in range(1, network.MOST_HOSTS + 1)]
    assert len(set(addresses)) == len(addresses)
    special = {_SUBNET[0], _SUBNET[1], _SUBNET[255]}
    for address in map(ipaddress.IPv4Address, addresses):
        assert address in _SUBNET
        assert address not in special


def test_a_host_keeps_its_address_when_others_come() -> None:
    assert network.host_address(_SUBNET, 1) == "172.30.5.11"
