"""Every request that a node may send is expected; each hostile one is refused for its own reason."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from components.identity.csr import Standing, judge
from components.identity.expectation import Expectation
from tests.components.identity.requests import (
    ACCEPTED,
    EXPECTED,
    NODE,
    REFUSED,
    SERVING_NAMES,
    client,
    ip,
    pem,
    serving,
)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_a_node_may_ask_for_is_expected(name: str) -> None:
    judgement = judge(ACCEPTED[name], EXPECTED)
    assert judgement.reasons == ()
    assert judgement.standing is Standing.EXPECTED


def test_a_node_may_have_the_longest_name() -> None:
    """Its user's is longer than what X.509 foresees."""
    node = "w" * 63
    expected = dataclasses.replace(EXPECTED, node=node)
    assert judge(client(pem(f"system:node:{node}")), expected).standing is Standing.EXPECTED
    other = judge(client(pem(f"system:node:{node[:-1]}x")), expected)
    assert other.standing is Standing.REFUSED


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_request_is_refused_for_its_own_reason(name: str) -> None:
    hostile, reason = REFUSED[name]
    judgement = judge(hostile, EXPECTED)
    assert judgement.standing is Standing.REFUSED
    assert any(reason in one for one in judgement.reasons), judgement.reasons


ONE_FAULT = [
    name for name in REFUSED if name not in {"another node's address", "serving by the bootstrap user"}
]


@pytest.mark.parametrize("name", ONE_FAULT)
def test_nothing_else_speaks_against_it(name: str) -> None:
    """Each case differs from an accepted one in one thing: a check that is dropped lets it through."""
    assert len(judge(REFUSED[name][0], EXPECTED).reasons) == 1


def test_all_reasons_are_told_at_once() -> None:
    hostile = client(
        pem("system:admin", subject=[(NameOID.ORGANIZATION_NAME, "system:masters")]), usages=["any"]
    )
    assert {one.split(":")[0] for one in judge(hostile, EXPECTED).reasons} == {
        "usages",
        "common name",
        "organization",
    }


def test_a_node_named_by_an_address_has_it_and_no_dns_name() -> None:
    expected = Expectation(node="10.0.0.7", node_ips=("10.0.0.7",))
    spec = {"user": "system:node:10.0.0.7"}
    by_ip = serving(pem("system:node:10.0.0.7", names=[ip("10.0.0.7")]), **spec)
    by_name = serving(pem("system:node:10.0.0.7", names=[ip("10.0.0.7"), x509.DNSName("10.0.0.7")]), **spec)
    assert judge(by_ip, expected).standing is Standing.EXPECTED
    assert judge(by_name, expected).standing is Standing.REFUSED


def test_both_addresses_of_a_dual_stack_node_and_a_configured_name() -> None:
    names = [*SERVING_NAMES, ip("fd00::7"), x509.DNSName("worker-1.example.com")]
    dual = Expectation(node=NODE, node_ips=("10.0.0.7", "fd00:0::7"), dns_names=("worker-1.example.com",))
    assert judge(serving(pem(names=names)), dual).standing is Standing.EXPECTED
    assert judge(serving(), dual).reasons == ("names: IP address fd00::7 of the node is missing",)


@pytest.mark.parametrize("seconds", [True, False, 0, -1, 599, 366 * 24 * 3600 + 1, "3600", 3600.5])
def test_a_lifetime_that_is_none_is_refused(seconds: Any) -> None:
    (reason,) = judge(client(expirationSeconds=seconds), EXPECTED).reasons
    assert reason.startswith("expirationSeconds: ")
