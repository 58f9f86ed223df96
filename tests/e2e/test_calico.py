"""Calico installed by the stack: its objects on the sandbox's API server, its traces on the hosts, a waiting node.

Calico's images are in no package registry, so the objects are a fixture with the shapes of Calico's, and the images
stand-ins that make no network: the sandbox's own goes on. `test_calico_network.py` runs with the real ones.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import Json, is_schedulable, unfit
from tests.e2e.hosts import Host, each
from tests.e2e.lab import Lab
from tests.e2e.stack import Step

pytestmark = [pytest.mark.sandbox, pytest.mark.long]

_SUPPORT = Path(__file__).parents[1] / "support"
_REGISTRY = "stand-in.test"
_IMAGES = ("node", "cni", "kube-controllers")
_POOL = "calico-ippool-default-ipv4-ippool"
_KINDS = "crd,serviceaccounts,configmaps,clusterroles,clusterrolebindings,daemonsets,deployments,poddisruptionbudgets"

# As an image of Calico has them, each a name of the same stand-in.
_BUILD = """
set -eu
tree=$(mktemp -d)
mkdir -p $tree/opt/cni/bin $tree/usr/bin
cat >$tree/stand-in <<'STAND_IN'
{stand_in}
STAND_IN
chmod 755 $tree/stand-in
for name in opt/cni/bin/install opt/cni/bin/calico-ipam usr/bin/calico-node usr/bin/check-status; do
    cp $tree/stand-in $tree/$name
done
docker create --name stand-in docker.io/library/nginx:sandbox >/dev/null
docker cp $tree/. stand-in:/
docker commit -c 'ENTRYPOINT ["/stand-in"]' -c 'CMD []' stand-in stand-in.test/calico/node:v3.33.1 >/dev/null
docker rm stand-in >/dev/null
for name in cni kube-controllers; do
    docker tag stand-in.test/calico/node:v3.33.1 stand-in.test/calico/$name:v3.33.1
done
rm -rf $tree
"""
# What Calico's programs make in a host's kernel, which a stand-in cannot.
_TRACES = """
set -eu
ip link add vxlan.calico type vxlan id 4096 dstport 4790 dev eth0
ip link add cali0123456789a type veth peer name caliend
ip route add blackhole 10.244.77.0/26 proto 80
iptables -N cali-INPUT
iptables -I INPUT -j cali-INPUT
"""


@pytest.fixture
def lab_with_calico(bare: Lab) -> Iterator[Lab]:
    lab = bare
    shutil.copy(_SUPPORT / "calico.yaml", lab.place.root / "calico-fixture.yaml")
    _configure(lab, ready_seconds=25)
    yield lab
    (lab.place.root / "calico-fixture.yaml").unlink()


def _configure(lab: Lab, *, ready_seconds: int = 180, nat_outgoing: bool = True) -> None:
    def edit(config: Json) -> None:
        config["calico"] = {
            "mode": "manifest",
            "version": "3.33.1",
            "manifests": [{"file": "calico-fixture.yaml"}],
            "pool": {"encapsulation": "vxlan", "natOutgoing": nat_outgoing},
            "registry": _REGISTRY,
            "cniPlugins": {"version": "1.1.1"},
        }
        config["timeouts"] = {"readySeconds": ready_seconds}

    lab.stack.configure(edit)


def _live(lab: Lab) -> list[str]:
    found = lab.cluster.kubectl("get", _KINDS, "-A", "-o", "name").split()
    return sorted(name for name in found if "calico" in name)


def _make(lab: Lab, kind: str, name: str, **spec: object) -> None:
    body = {"apiVersion": "crd.projectcalico.org/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    lab.cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))


def _build(host: Host) -> str:
    text = (_SUPPORT / "calico-stand-in.sh").read_text(encoding="utf-8")
    return host.run(_BUILD.replace("{stand_in}", text))


def test_the_life_of_calico_and_of_a_node_with_it(lab_with_calico: Lab) -> None:
    lab = lab_with_calico
    # Every object is there, and a node waits for a pod whose image nobody has, and says so.
    said = lab.stack.up().demand_failure().text
    assert f"image pull: {_REGISTRY}/calico/cni:v3.33.1" in said
    assert len(_live(lab)) == 16
    pool = json.loads(lab.cluster.kubectl("get", "ippools", "default-ipv4-ippool", "-o", "json"))
    assert pool["spec"]["cidr"] == "10.244.0.0/16"
    assert not any(is_schedulable(node) for node in lab.cluster.nodes().values())
    assert "/etc/cni/net.d/10-sandbox.conflist is of another pod network" in said
    # With the images it goes on.
    each(lab.hosts, _build)
    lab.cluster.kubectl("delete", "pods", "-n", "kube-system", "-l", "k8s-app=calico-node", "--wait=false")
    _configure(lab)
    lab.stack.up().demand()
    assert unfit(lab.cluster.nodes()) == {}
    lab.stack.preview("--expect-no-changes").demand()
    lab.stack.up("--expect-no-changes").demand()
    lab.stack.refresh("--yes", "--skip-preview", "--expect-no-changes").demand()
    # A changed pool is one change, and takes effect.
    _configure(lab, nat_outgoing=False)
    assert lab.stack.planned() == [Step("update", "kubernetes:crd.projectcalico.org/v1:IPPool", _POOL)]
    assert "natOutgoing: true => false" in lab.stack.preview("--diff").demand().text
    lab.stack.up().demand()
    pool = json.loads(lab.cluster.kubectl("get", "ippools", "default-ipv4-ippool", "-o", "json"))
    assert pool["spec"]["natOutgoing"] is False
    # A pool that somebody changed by hand, or another range, is refused before anything is done.
    lab.cluster.kubectl(
        "patch", "ippools", "default-ipv4-ippool", "--type=merge", "-p", '{"spec":{"blockSize":24}}'
    )
    said = lab.stack.preview().demand_failure().text
    assert (
        "calico.pool.blockSize: the live IPPool default-ipv4-ippool has 24, the configuration says 26" in said
    )
    lab.cluster.kubectl(
        "patch", "ippools", "default-ipv4-ippool", "--type=merge", "-p", '{"spec":{"blockSize":26}}'
    )
    _removal(lab)
    lab.bare()
    assert _live(lab) == []
    assert lab.differences() == {}


def _removal(lab: Lab) -> None:
    """A node goes: what Calico keeps for it, and what Calico made on its host, go with it; the other node's stay."""
    host = lab.host("worker-2")
    for name in ("worker-1", "worker-2"):
        _make(
            lab, "BlockAffinity", name, node=name, cidr="10.244.77.0/26", state="confirmed", deleted="false"
        )
        _make(lab, "BGPPeer", name, node=name, peerIP="10.0.0.1", asNumber=64512)
    attributes = [{"handle_id": "pod-of-worker-2", "secondary": {"node": "worker-2"}}]
    block = {
        "cidr": "10.244.77.0/26",
        "affinity": "host:worker-2",
        "allocations": [0],
        "attributes": attributes,
    }
    _make(lab, "IPAMBlock", "10-244-77-0-26", **block, unallocated=[], deleted=False)
    _make(
        lab,
        "IPAMHandle",
        "pod-of-worker-2",
        handleID="pod-of-worker-2",
        block={"10.244.77.0/26": 1},
        deleted=False,
    )
    host.run(_TRACES)
    assert host.exists("/opt/cni/bin/calico")
    lab.stack.configure_nodes(lambda nodes: nodes.pop("worker-2"))
    said = lab.stack.up().demand().text
    assert "worker-2: released in Calico: 1 addresses, 1 blockaffinities, 1 bgppeers" in said
    assert "removed what Calico left" in said
    left = lab.cluster.kubectl("get", "blockaffinities,bgppeers", "-o", "name").split()
    assert [name.rpartition("/")[2] for name in left] == ["worker-1", "worker-1"]
    assert lab.cluster.kubectl("get", "ipamblocks,ipamhandles", "-o", "name").split() == []
    assert lab.differences([host]) == {}
    # And comes back.
    lab.stack.restore_configuration()
    _configure(lab, nat_outgoing=False)
