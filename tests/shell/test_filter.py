"""The packet filter: our chains and tables go, everybody else's stay. With the real tools, in the box's own network."""

from __future__ import annotations

import subprocess

import pytest

from tests.shell.box import Box

# What stands on a host that is not a node: policies, a firewall, another network plugin, words that look like ours.
_THEIRS = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:XKUBE-A - [0:0]
:DOCKERS - [0:0]
:KUBERNETES - [0:0]
:cali-FORWARD - [0:0]
-A INPUT -i docker0 -p tcp -m tcp --dport 22 -j DROP
-A INPUT -m comment --comment "see -j KUBE-FIREWALL \\"quoted\\" -j DOCKER" -j ACCEPT
-A INPUT -p tcp -m tcp --dport 10250 -m comment --comment KUBE-SERVICES -j ACCEPT
-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-A FORWARD -j XKUBE-A
-A FORWARD -i docker0 -o eth9 -j ACCEPT
-A FORWARD -i eth9 -o docker0 -m comment --comment "docker0 by hand" -j ACCEPT
-A XKUBE-A -j KUBERNETES
-A OUTPUT -j DOCKERS
-A KUBERNETES -s 192.0.2.0/24 -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:cali-PREROUTING - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.9:8080
-A POSTROUTING -s 198.51.100.0/24 ! -o docker1 -j MASQUERADE
COMMIT
"""

# kubelet and kube-proxy, as `iptables-save` shows them on a node. Chains of ours are led to from everywhere.
_KUBE = """\
*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-PROXY-CANARY - [0:0]
COMMIT
*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A XKUBE-A -g KUBE-SERVICES
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-SITUU5KXQ3UXZGPS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-SEP-SITUU5KXQ3UXZGPS -s 192.0.2.1/32 -m comment --comment "default/kubernetes:https" -j KUBE-MARK-MASQ
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
-A KUBE-SVC-NPX46M4PTMTKRN6Y ! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-MARK-MASQ
-A KUBE-SVC-NPX46M4PTMTKRN6Y -m comment --comment "-> 192.0.2.1:6443" -j KUBE-SEP-SITUU5KXQ3UXZGPS
COMMIT
"""

_DOCKER = """\
*filter
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
"""

_DOCKER_PATTERN = "DOCKER|DOCKER-.*|CRI-.*"


@pytest.fixture(params=["nft", "legacy"])
def host_with_rules(host: Box, request: pytest.FixtureRequest) -> Box:
    """A host with somebody's firewall, in either of the two implementations of iptables."""
    for family in ("iptables", "ip6tables"):
        for end in ("", "-save", "-restore"):
            host.shell(f'ln -s "$(command -v {family}-{request.param}{end})" /stubs/{family}{end}')
    if _load(host, _THEIRS).returncode != 0:
        pytest.skip(f"this machine has no iptables-{request.param} whose rules can be loaded")
    return host


def _load(host: Box, rules: str) -> subprocess.CompletedProcess[str]:
    return host.shell("iptables-restore --noflush", rules)


def _saved(host: Box) -> list[str]:
    """Every rule, chain and policy, and every table that nft knows, without counters."""
    command = "iptables-save; ip6tables-save; nft list ruleset"
    clean = r"sed -E 's/\[[0-9:]+\]//; s/packets [0-9]+ bytes [0-9]+//' | grep -v '^#' | grep ."
    done = host.shell(f"{{ {command}; }} 2>/dev/null | {clean}")
    assert done.stdout
    return done.stdout.splitlines()


def _ok(host: Box, script: str) -> str:
    done = host.library(script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_our_chains_go_from_all_tables_and_theirs_stay_word_for_word(host_with_rules: Box) -> None:
    host = host_with_rules
    before = _saved(host)
    _ok(host, "kn_note_tables")
    assert _load(host, _KUBE).returncode == 0
    assert (
        host.shell(
            "ip6tables -t nat -N KUBE-SERVICES && ip6tables -t nat -A OUTPUT -j KUBE-SERVICES"
        ).returncode
        == 0
    )
    assert _saved(host) != before
    assert _ok(host, "kn_delete_chains 'KUBE-.*'; kn_delete_empty_tables") == ""
    after = [line for line in _saved(host) if not _is_trace_of_legacy(line)]
    assert after == [line for line in before if not _is_trace_of_legacy(line)]


def _is_trace_of_legacy(line: str) -> bool:
    """Legacy tables are the kernel's and stay, empty: their built-in chains are shown from the first look on."""
    return line.startswith(
        ("*", ":PREROUTING", ":INPUT ACCEPT", ":OUTPUT", ":POSTROUTING", ":FORWARD ACCEPT", "COMMIT")
    )


def test_dockers_chains_and_rules_go_and_theirs_that_name_docker0_stay(host_with_rules: Box) -> None:
    host = host_with_rules
    before = _saved(host)
    _ok(host, "kn_note_tables")
    assert _load(host, _DOCKER).returncode == 0
    # The part's own function, without the part.
    body = (
        host.text("/usr/local/lib/kubenode/docker")
        .partition("delete_docker_rules() {")[2]
        .partition("\n}\n")[0]
    )
    script = f"delete_docker_rules() {{ {body}\n}}\nkn_delete_chains '{_DOCKER_PATTERN}'; delete_docker_rules"
    assert _ok(host, f"{script}; kn_delete_empty_tables") == ""
    assert _saved(host) == before


def test_deleting_twice_is_a_success(host_with_rules: Box) -> None:
    assert _load(host_with_rules, _KUBE).returncode == 0
    _ok(host_with_rules, "kn_delete_chains 'KUBE-.*'")
    after = _saved(host_with_rules)
    assert _ok(host_with_rules, "kn_delete_chains 'KUBE-.*'") == ""
    assert _saved(host_with_rules) == after


def test_a_thousand_services_go_in_one_transaction_for_each_table(host_with_rules: Box) -> None:
    host = host_with_rules
    before = _saved(host)
    chains = [f"KUBE-SVC-{n:016d}" for n in range(1000)]
    rules = [f":{chain} - [0:0]" for chain in chains]
    rules += [f"-A PREROUTING -d 10.96.{n // 250}.{n % 250}/32 -j {chain}" for n, chain in enumerate(chains)]
    assert _load(host, "\n".join(["*nat", *rules, "COMMIT", ""])).returncode == 0
    assert _ok(host, "kn_delete_chains 'KUBE-.*'") == ""
    assert _saved(host) == before


def test_chains_that_cannot_be_deleted_are_reported_and_end_nothing(host: Box) -> None:
    host.stub("iptables-save", "printf '*nat\\n:KUBE-A - [0:0]\\nCOMMIT\\n'\n")
    host.stub("ip6tables-save", "exit 1\n")
    host.stub("iptables-restore", "echo 'iptables-restore: line 2 failed' >&2; exit 1\n")
    said = _ok(host, "kn_delete_chains 'KUBE-.*'; kn_say after")
    assert said == "some iptables chains could not be deleted: iptables-restore: line 2 failed\nafter\n"


@pytest.fixture
def nft(host: Box) -> Box:
    if host.shell("nft add table inet probe && nft delete table inet probe").returncode != 0:
        pytest.skip("this machine has no nft whose rules can be loaded")
    return host


_NFT_THEIRS = """\
table inet firewall {
    set allowed { type ipv4_addr; elements = { 192.0.2.1 }; }
    chain input { type filter hook input priority 0; policy drop; ip saddr @allowed accept; }
    chain empty { }
}
table ip empty_before {
    chain hooked { type filter hook output priority 5; policy accept; }
}
"""
_NFT_SINCE = """\
table ip gone {
    chain hooked { type filter hook output priority 6; policy accept; }
    chain plain { }
}
table ip6 gone { }
table inet firewall {
    chain since { }
}
"""
_NFT_KEPT = """\
table ip kept_rule {
    chain c { counter; }
}
table ip kept_policy {
    chain c { type filter hook input priority 7; policy drop; }
}
table ip kept_set {
    set s { type ipv4_addr; }
}
table ip kept_used {
    chain target { }
    chain used { jump target; }
}
"""


def test_only_what_came_since_and_is_empty_goes(nft: Box) -> None:
    nft.put("/rules", _NFT_THEIRS)
    assert nft.shell("nft -f /rules").returncode == 0
    _ok(nft, "kn_note_tables")
    nft.put("/rules", _NFT_KEPT)
    done = nft.shell("nft -f /rules")
    assert done.returncode == 0, done.stderr
    before = _saved(nft)
    nft.put("/rules", _NFT_SINCE)
    assert nft.shell("nft -f /rules").returncode == 0
    assert _saved(nft) != before
    assert _ok(nft, "kn_delete_empty_tables") == ""
    assert _saved(nft) == before


def test_the_tables_are_noted_once_and_without_a_note_nothing_goes(nft: Box) -> None:
    nft.shell("nft add table ip since")
    _ok(nft, "kn_delete_empty_tables")
    assert "since" in nft.shell("nft list tables").stdout
    _ok(nft, "kn_note_tables")
    nft.shell("nft add table ip later")
    _ok(nft, "kn_note_tables; kn_delete_empty_tables")
    tables = nft.shell("nft list tables").stdout
    assert "since" in tables
    assert "later" not in tables
