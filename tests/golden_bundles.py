"""Whole bundles of nodes that ask for what the example does not: what is no file shows there too.

Owns the configurations and what a run would have made for them. Does not own the comparison (`test_golden.py`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from components.identity.kubeconfigs import Identities, KeyPair
from components.parts import Born, contents
from components.settings import NodeSettings, load
from tests.components import example, seed

_PROXY = KeyPair("certificate of kube-proxy\n", "key of kube-proxy\n")
_CALICO = {"version": "3.33.1", "manifests": [{"file": "manifest.yaml"}]}
_MANIFEST = "{apiVersion: v1, kind: Namespace, metadata: {name: calico-system}}\n"
# name: what is laid over the example, and what a run made
CASES: dict[str, tuple[dict[str, Any], Identities]] = {
    "asked-for": (
        {
            "calico": {"mode": "manifest", **_CALICO},
            "identity": {"approval": "manual"},
            "host": {"proxy": {"http": "http://user:word@proxy.example.org:3128"}},
            "kubelet": {"extraFlags": {"root-dir": "/data/x/"}, "healthyTimeoutSeconds": 77},
            "kubeProxy": {"healthyTimeoutSeconds": 78},
            "docker": {
                "source": "docker",
                "repository": {"url": "https://mirror.example.org/linux/"},
                "dataRoot": "/data/docker",
                "healthyTimeoutSeconds": 79,
                "images": [{"name": "registry.k8s.io/pause:3.10.2", "path": "images/pause.tar"}],
            },
        },
        Identities("0123456789abcdef", proxy=_PROXY),
    ),
    "issued": (
        {
            "calico": {"mode": "operator", **_CALICO, "pool": {"encapsulation": "vxlanCrossSubnet"}},
            "identity": {"client": "issued", "serving": "issued", "kubeProxy": "serviceAccount"},
            "nodes/worker-1/nodeIp": "10.0.0.7,fd00::7",
            "cluster/podCidr": "10.244.0.0/16,fd01::/48",
            "cluster/serviceCidr": "10.96.0.0/16,fd02::/112",
        },
        Identities(
            client=KeyPair("certificate of a client\n", "key of a client\n"),
            serving=KeyPair("certificate of a server\n", "key of a server\n"),
            proxy_token="token of kube-proxy",
        ),
    ),
}


def _node(directory: Path, changes: dict[str, Any]) -> NodeSettings:
    (directory / "manifest.yaml").write_text(_MANIFEST)
    return example.stack(directory, {"nodes/worker-2": ..., **changes}).nodes["worker-1"]


def _seed(directory: Path) -> NodeSettings:
    """The walkthrough's node with the one thing that only an old release knows, and a Calico of its time."""
    seed.node(directory)
    flags = {"extraFlags": {"log-dir": "/var/log/x/", "logtostderr": "false"}}
    calico = {
        "mode": "manifest",
        "version": "3.3.0",
        "manifests": [{"file": "manifest.yaml"}],
        "pool": {"encapsulation": "ipip"},
    }
    (directory / "manifest.yaml").write_text(_MANIFEST)
    raw = {**seed.raw(), "kubelet": flags, "kubeProxy": {"configuredBy": "flags", **flags}, "calico": calico}
    return load(raw, directory).nodes[seed.NAME]


def bundles(directory: Path) -> dict[str, str]:
    """Each part's bundle of each case, without the digest of its script; not the claim's, whose payload is scripts."""
    nodes = {name: (_node(directory, changes), made) for name, (changes, made) in CASES.items()}
    nodes["seed"] = (_seed(directory), Identities("0123456789abcdef", proxy=_PROXY))
    return {
        f"{name}/{part}": replace(
            content.bundle(part, node.name, node.address, "organization/kubenode/dev"), script="0" * 12
        ).render()
        for name, (node, made) in nodes.items()
        for part, content in contents(node, Born(made, []), verify=False).items()
        if part != "claim"
    }
