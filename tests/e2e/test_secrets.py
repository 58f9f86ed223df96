"""No key, token or password in state, output, journals or command lines; and how large the state is."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.e2e.hosts import Host, each
from tests.e2e.lab import AUTHORITYS_KEY, Creation, Lab
from tests.e2e.measured import MEASURED

pytestmark = pytest.mark.sandbox

# A little more than today, so that it does not grow unnoticed; docs/decisions/state-size.md says what it is made of.
_STATE_KILOBYTES_PER_NODE = 189


def test_the_state_holds_secrets_only_encrypted(deployed: Lab) -> None:
    shown = deployed.state(show_secrets=True)
    elsewhere = {*deployed.kubelets_keys(), AUTHORITYS_KEY}
    known = [
        what
        for what in deployed.canaries
        if "administrator" not in what and "base64" not in what and what not in elsewhere
    ]
    assert len(known) >= 8
    assert [what for what in known if deployed.canaries[what] not in shown] == [], "a canary is none"
    assert _found(deployed, {"export": deployed.state(show_secrets=False)}) == []
    files = {
        str(path): path.read_text(encoding="utf-8", errors="replace")
        for path in deployed.place.checkout.state.rglob("*")
        if path.is_file()
    }
    assert any("worker-1-kubelet" in text for text in files.values()), "the state is elsewhere"
    assert _found(deployed, files) == []


def test_no_key_of_a_kubelet_or_of_the_authority_is_in_the_state_at_all(deployed: Lab) -> None:
    keys = {**deployed.kubelets_keys(), AUTHORITYS_KEY: deployed.canaries[AUTHORITYS_KEY]}
    assert len(keys) == 2 * len(deployed.hosts) + 1
    shown = deployed.state(show_secrets=True)
    assert [what for what, line in keys.items() if line in shown] == []
    resources = json.loads(shown)["deployment"]["resources"]
    made = [one["urn"].split("::")[-1] for one in resources if one["type"].endswith("PrivateKey")]
    # Tokens are drawn from theirs.
    assert sorted(made) == [
        "cluster-kube-proxy-key",
        *(f"{host.name}-token-key" for host in deployed.hosts),
    ]


def test_hosts_wrote_no_secret_to_their_journals(deployed: Lab) -> None:
    journals = each(deployed.hosts, Host.journal)
    assert all("Accepted publickey" in journal and "kubelet" in journal for journal in journals.values())
    assert _found(deployed, journals) == []


def test_no_command_line_held_a_secret_while_nodes_were_made(deployed: Lab) -> None:
    creation = deployed.creation
    assert isinstance(creation, Creation)
    seen = {where: "\n".join(lines) for where, lines in creation.command_lines.seen.items()}
    for host in deployed.hosts:
        assert "/usr/local/lib/kubenode/docker apply" in seen[host.name], "the watch slept"
    assert "components.local bootstrap-token apply" in seen["operator"], "the watch slept"
    assert _found(deployed, seen) == []


def test_pulumi_printed_no_secret_so_far(deployed: Lab) -> None:
    preview = deployed.stack.preview("--diff").text
    assert "kubenode-dev" in preview
    assert _found(deployed, {str(number): text for number, text in enumerate(deployed.said)}) == []


def test_the_state_of_a_node_does_not_grow_unnoticed(deployed: Lab) -> None:
    resources = json.loads(deployed.state(show_secrets=False))["deployment"]["resources"]
    sizes, compressed = {}, {}
    for name in (host.name for host in deployed.hosts):
        ours = [one for one in resources if one["urn"].split("::")[-1].startswith(name)]
        text = json.dumps(ours, separators=(",", ":")).encode()
        sizes[name], compressed[name] = len(text), len(gzip.compress(text))
    kilobytes = max(sizes.values()) / 1000
    MEASURED.add("state of a node", kilobytes, "kB", f"under {_STATE_KILOBYTES_PER_NODE}")
    MEASURED.add("state of a node with PULUMI_DIY_BACKEND_GZIP", max(compressed.values()) / 1000, "kB")
    assert kilobytes < _STATE_KILOBYTES_PER_NODE


def _found(lab: Lab, texts: dict[str, str]) -> list[str]:
    """Which secret stands where; nothing of the secrets themselves."""
    return [
        f"{what} in {where}"
        for what, canary in lab.canaries.items()
        for where, text in texts.items()
        if canary in text
    ]
