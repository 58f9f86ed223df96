"""kube-proxy from one mode to another and back under load, and by flags: nothing of the mode before stays, and nobody
who asks a service notices once the switch has settled.
"""

from __future__ import annotations

import pytest
import yaml

from tests.e2e import load
from tests.e2e.hosts import Host
from tests.e2e.lab import Lab
from tests.e2e.measured import MEASURED
from tests.e2e.stack import Json

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

# Of the kubelet, in every mode.
_KUBELETS = ("KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY", "KUBE-FIREWALL")
_CHAINS = "iptables-save 2>/dev/null | sed -n 's/^:\\(KUBE-[^ ]*\\).*/\\1/p' | sort -u"
_TABLES = "nft list tables | sed -n 's/^table \\(.* kube-proxy\\)$/\\1/p'"
_MODE = "curl -fsS -m 5 http://127.0.0.1:10249/proxyMode"


def test_there_and_back_under_load(deployed: Lab) -> None:
    lab, node = deployed, deployed.hosts[0]
    port = load.serve(lab.cluster, len(lab.hosts), "docker.io/library/nginx:sandbox")
    try:
        for mode in ("nftables", "iptables"):
            _configure(lab, mode=mode)
            with load.asking(lab.place, lab.hosts, port) as meanwhile:
                seconds = lab.stack.up().demand().seconds
            MEASURED.add(f"up to kube-proxy's mode {mode}, {len(lab.hosts)} nodes", seconds, "s")
            MEASURED.add(
                f"requests that failed while the mode became {mode}", len(meanwhile.failed), "requests"
            )
            _demand_only(node, mode)
            # Asked for as long as this takes, with the switch behind.
            with load.asking(lab.place, lab.hosts, port) as settled:
                lab.stack.preview("--expect-no-changes").demand()
            assert settled.asked > 20
            assert settled.failed == []
    finally:
        load.remove(lab.cluster)
        lab.stack.restore_configuration()
        lab.stack.up().demand()
        lab.note_deployed()


def test_by_flags_and_back(deployed: Lab) -> None:
    """The walkthrough's first way, with a kube-proxy of today."""
    lab, node = deployed, deployed.hosts[0]
    try:
        lab.stack.configure(_by_flags)
        lab.stack.up().demand()
        assert not node.exists("/etc/kubernetes/kube-proxy.yaml")
        _demand_only(node, "iptables")
        assert f"--hostname-override={node.name}" in node.run("systemctl cat kube-proxy.service")
        lab.stack.preview("--expect-no-changes").demand()
    finally:
        lab.stack.restore_configuration()
        lab.stack.up().demand()
        lab.note_deployed()
    config = yaml.safe_load(node.run("cat /etc/kubernetes/kube-proxy.yaml"))
    assert config["hostnameOverride"] == node.name


def _by_flags(config: Json) -> None:
    # What the sandbox's file sets, as flags.
    flags = {"oom-score-adj": "0", "conntrack-max-per-core": "0", "conntrack-min": "0"}
    config["kubeProxy"] = {"configuredBy": "flags", "mode": "iptables", "extraFlags": flags}


def _configure(lab: Lab, **values: str) -> None:
    lab.stack.configure(lambda config: config.setdefault("kubeProxy", {}).update(values))


def _demand_only(node: Host, mode: str) -> None:
    """The mode runs, and no rule of the other is there."""
    assert node.run(_MODE) == mode
    chains = [name for name in node.run(_CHAINS).split() if name not in _KUBELETS]
    tables = node.run(_TABLES).splitlines()
    if mode == "iptables":
        assert "KUBE-SERVICES" in chains
        assert tables == []
    else:
        assert chains == []
        assert "ip kube-proxy" in tables
    assert not node.exists("/sys/class/net/kube-ipvs0")
