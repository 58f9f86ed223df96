"""Every way in which a node may get its identity: a bare host joins in it, works, and leaves nothing behind; and a
node that is up goes from one to another where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest

from tests.e2e import control_plane, kubelet_api
from tests.e2e.cluster import unchanged_part, unfit
from tests.e2e.hosts import Host
from tests.e2e.lab import AUTHORITYS_KEY, Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json, Result

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_WAITS = "waits for your approval"
_APPROVALS = ("exact", "rbac", "manual")


def _identity(client: str, serving: str, approval: str, issuer: str) -> Json:
    return {"client": client, "serving": serving, "approval": approval, "issuer": issuer}


# Who approves makes no difference to a kubelet that asks for nothing.
COMBINATIONS = [
    _identity(*one)
    for one in product(("bootstrap", "issued"), ("bootstrap", "issued"), _APPROVALS, ("cluster", "ca"))
    if one[:2] != ("issued", "issued") or one[2] == "exact"
]
# From each to the next one thing changes, and at the end it is the default again.
SWITCHES = [
    _identity("issued", "bootstrap", "exact", "cluster"),
    _identity("issued", "issued", "exact", "cluster"),
    _identity("issued", "issued", "exact", "ca"),
    _identity("bootstrap", "issued", "exact", "ca"),
    _identity("bootstrap", "issued", "rbac", "ca"),
    _identity("bootstrap", "bootstrap", "rbac", "ca"),
    _identity("bootstrap", "bootstrap", "manual", "cluster"),
    _identity("bootstrap", "bootstrap", "exact", "cluster"),
]


def _name(identity: Json) -> str:
    return "-".join(identity.values())


@pytest.mark.parametrize("identity", COMBINATIONS, ids=_name)
def test_a_bare_host_joins_and_leaves(bare: Lab, identity: Json) -> None:
    lab = bare
    host = lab.hosts[0]
    with _configured(lab, identity):
        lab.stack.configure_nodes(lambda nodes: _keep_only(nodes, host.name))
        seconds = _up(lab)
        MEASURED.add(f"up of one node, identity {_name(identity)}", seconds, "s")
        _demand_serving(lab, [host])
        _demand_keys_where_they_belong(lab, identity)
        lab.stack.up("--expect-no-changes").demand()
        lab.stack.refresh("--preview-only", "--expect-no-changes").demand()
        lab.stack.destroy().demand()
    assert lab.cluster.leftovers() == []
    assert lab.differences([host]) == {}


def test_nodes_switch_where_they_stand(deployed: Lab) -> None:
    lab = deployed
    for identity in SWITCHES:
        pods = _pods(lab)
        with _configured(lab, identity):
            seconds = _up(lab)
            MEASURED.add(f"up of two nodes to identity {_name(identity)}", seconds, "s")
            _demand_serving(lab, lab.hosts)
            _demand_keys_where_they_belong(lab, identity)
            lab.stack.preview("--expect-no-changes").demand()
        assert _pods(lab) == pods, f"pods ended on the way to {_name(identity)}"
    lab.note_deployed()
    lab.stack.preview("--expect-no-changes").demand()


def _keep_only(nodes: Json, name: str) -> None:
    for other in set(nodes) - {name}:
        del nodes[other]


@contextmanager
def _configured(lab: Lab, identity: Json) -> Iterator[None]:
    """The stack with this identity; with the sandbox's own authority where one signs."""
    key = lab.place.root / ".sandbox" / "ca-key.pem"

    def edit(config: Json) -> None:
        config["identity"] = {**identity}
        if identity["issuer"] == "ca":
            key.touch(mode=0o600)
            key.write_text(control_plane.authority_key(lab.place), encoding="utf-8")
            config["identity"]["ca"] = {
                "certificateFile": ".sandbox/ca.pem",
                "privateKeyFile": ".sandbox/ca-key.pem",
            }
            (lab.place.root / ".sandbox" / "ca.pem").write_text(lab.cluster.ca_pem, encoding="utf-8")

    lab.stack.configure(edit)
    lab.note_unknown()
    try:
        yield
    finally:
        lab.stack.restore_configuration()
        key.unlink(missing_ok=True)


def _up(lab: Lab) -> float:
    """Bring it up, and approve by hand what waits for that, as the error says; returns the seconds of all runs."""
    result = lab.stack.up()
    seconds, asked = result.seconds, 0
    while not result.ok and _WAITS in result.text and asked < 2 * len(lab.hosts):
        commands = _commands(result)
        assert commands
        for command in commands:
            lab.cluster.kubectl(*command)
        asked += len(commands)
        result = lab.stack.up()
        seconds += result.seconds
    result.demand()
    return seconds


def _commands(result: Result) -> list[list[str]]:
    """What the errors of a run tell to do: `kubectl certificate approve NAME`."""
    start = "Next: kubectl "
    lines = {line.strip() for line in result.text.splitlines() if start in line}
    found = {line[line.index(start) + len(start) :].partition(";")[0] for line in lines}
    return [one.split() for one in sorted(found)]


def _demand_serving(lab: Lab, hosts: list[Host]) -> None:
    """Nodes in service; logs and exec through verified TLS; nobody else gets an answer of a kubelet."""
    nodes = lab.cluster.nodes()
    assert sorted(nodes) == sorted(host.name for host in hosts)
    assert unfit(nodes) == {}
    assert lab.cluster.bootstrap_tokens() == []
    for name in lab.cluster.pods():
        page = lab.cluster.kubectl(
            "exec", "-n", "kubenode-verification", name, "--", "cat", "/usr/share/nginx/html/index.html"
        )
        assert "nginx" in page
        lab.cluster.kubectl("logs", "-n", "kubenode-verification", name)
    for host in hosts:
        assert kubelet_api.status(lab.cluster, host) == 401
        assert kubelet_api.status(lab.cluster, host, pair=kubelet_api.kube_proxys_pair(host)) == 403
        for other in hosts:
            pair = kubelet_api.kubelets_pair(other)
            assert "PRIVATE KEY" in pair
            assert kubelet_api.status(lab.cluster, host, pair=pair) == 403
    administrator = lab.cluster.administrators_pair
    assert [kubelet_api.status(lab.cluster, host, pair=administrator) for host in hosts] == [200] * len(hosts)


def _demand_keys_where_they_belong(lab: Lab, identity: Json) -> None:
    """What a kubelet makes is on its host alone, the authority's key where it signs; nothing is readable anywhere."""
    lab.note_canaries()
    shown = lab.state(show_secrets=True)
    assert [what for what, key in lab.kubelets_keys().items() if key in shown] == []
    for kind, key in (("client", "client"), ("serving", "server")):
        if identity[kind] == "bootstrap":
            assert any(what.startswith(f"kubelet's {key} key") for what in lab.kubelets_keys())
    assert (lab.canaries[AUTHORITYS_KEY] in shown) == (identity["issuer"] == "ca")
    exported = lab.state(show_secrets=False)
    assert [what for what, canary in lab.canaries.items() if canary in exported] == []
    said = "\n".join(lab.said)
    assert [what for what, canary in lab.canaries.items() if canary in said] == []


def _pods(lab: Lab) -> dict[str, Json]:
    return {name: unchanged_part(pod) for name, pod in lab.cluster.pods().items()}
