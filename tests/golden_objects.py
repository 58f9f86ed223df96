"""Calico's objects with settings laid over them: what the settings change of the manifest, and what they add.

Owns the configurations. Does not own the comparison (`test_golden.py`), nor the manifest (`tests/support/calico.yaml`).
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml

from components.calico.objects import ClusterObject, cluster_objects
from components.rendering import yaml_text
from tests.components import example

_FIXTURE = Path(__file__).parent / "support/calico.yaml"
_KINDS = ("ConfigMap", "DaemonSet", "IPPool", "Secret", "Installation")
_OPERATOR = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: tigera-operator, namespace: tigera-operator}
spec: {template: {spec: {containers: [{name: tigera-operator, image: "quay.io/tigera/operator:v1.42.0"}]}}}
"""
_INSTALLATION = """\
apiVersion: operator.tigera.io/v1
kind: Installation
metadata: {name: default}
spec: {controlPlaneReplicas: 2, variant: Other, calicoNetwork: {linuxDataplane: Nftables, bgp: Other}}
"""
_MANIFEST = {"mode": "manifest", "version": "3.33.1", "manifests": [{"file": "calico.yaml"}]}
_OLD = {**_MANIFEST, "manifests": [{"file": "old.yaml"}]}
_BY_OPERATOR = {"mode": "operator", "version": "3.33.1", "manifests": [{"file": "operator.yaml"}]}
_DUAL = {
    "cluster/podCidr": "10.244.0.0/16,fd01::/48",
    "cluster/serviceCidr": "10.96.0.0/16,fd02::/112",
    "nodes/worker-1/nodeIp": "10.0.0.7,fd00::7",
}
_ETCD = {
    "endpoints": ["https://10.0.0.156:2379", "https://10.0.0.157:2379"],
    "caFile": "ca.pem",
    "certificateFile": "ca.pem",
    "privateKeyFile": "key.pem",
}
# name: the section calico, other changes of the example, and the release of Kubernetes
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "manifest": (_MANIFEST, {}, "1.37.2"),
    "manifest-asked-for": (
        {
            **_MANIFEST,
            "pool": {"encapsulation": "vxlanCrossSubnet", "natOutgoing": False, "blockSize": 24},
            "mtu": 1400,
            "addressAutodetection": "interface=eth1",
            "registry": "registry.example.org/mirror",
        },
        {},
        "1.37.2",
    ),
    "manifest-etcd": ({**_MANIFEST, "datastore": "etcd", "etcd": _ETCD}, {}, "1.37.2"),
    "manifest-3.0": (
        {**_OLD, "version": "3.0.6", "pool": {"encapsulation": "none"}, "mtu": 1400},
        {},
        "1.10.2",
    ),
    "manifest-3.3": ({**_OLD, "version": "3.3.0", "pool": {"natOutgoing": False}}, {}, "1.10.2"),
    "operator": (_BY_OPERATOR, {}, "1.37.2"),
    "operator-asked-for": (
        {
            **_BY_OPERATOR,
            "manifests": [{"file": "operator.yaml"}, {"file": "installation.yaml"}],
            "pool": {"encapsulation": "vxlan", "natOutgoing": False},
            "mtu": 1400,
            "addressAutodetection": "cidr=10.0.0.0/24,fd00::/64",
            "registry": "registry.example.org",
        },
        _DUAL,
        "1.37.2",
    ),
}


def objects(directory: Path) -> dict[str, str]:
    """For each case every line of every object that differs from the manifest's, in the order of a run."""
    fixture = _FIXTURE.read_text(encoding="utf-8")
    manifests = {
        "calico.yaml": fixture,
        "old.yaml": _of_old_shape(fixture),
        "operator.yaml": _OPERATOR,
        "installation.yaml": _INSTALLATION,
    }
    for name, text in manifests.items():
        (directory / name).write_text(text)
    (directory / "ca.pem").write_text(example.CA_PEM)
    (directory / "key.pem").write_text(example.private_key(words="PRIVATE KEY"))
    found: dict[str, str] = {}
    for case, (calico, changes, version) in CASES.items():
        given = [body for one in calico["manifests"] for body in yaml.safe_load_all(manifests[one["file"]])]
        before = {(body["kind"], body["metadata"]["name"]): yaml_text(body) for body in given}
        settings = example.stack(directory, {"nodes/worker-2": ..., "calico": calico, **changes}, version)
        found[case] = "".join(
            f"=== {one.name}\n"
            + _difference(before.get((one.body["kind"], one.body["metadata"]["name"]), ""), one)
            for one in cluster_objects(settings.calico, "organization/kubenode/dev")
            if one.body["kind"] in _KINDS
        )
    return found


def _difference(before: str, after: ClusterObject) -> str:
    lines = difflib.unified_diff(before.splitlines(), yaml_text(after.body).splitlines(), n=1, lineterm="")
    return "".join(f"{line}\n" for line in lines if not line.startswith(("---", "+++", "@@")))


def _of_old_shape(text: str) -> str:
    """Without definitions of pools, and with the MTU as a number in the plugin's own configuration, as 3.0 has it."""
    bodies = [
        body
        for body in yaml.safe_load_all(text)
        if body["kind"] != "CustomResourceDefinition" or body["spec"]["names"]["kind"] != "IPPool"
    ]
    for body in bodies:
        if body["kind"] == "ConfigMap":
            data = body["data"]
            data.pop("veth_mtu")
            data["cni_network_config"] = '{"plugins": [{"type": "calico", "mtu": 1500}]}'
    return "---\n".join(yaml_text(body) for body in bodies)
