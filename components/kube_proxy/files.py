"""The files of kube-proxy.

Owns the KubeProxyConfiguration, the unit and the binary. Does not own its kubeconfig
(`identity/kubeconfigs.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.remote.bundle import Artifact, HostFile
from components.remote.content import Content
from components.rendering import command_line, yaml_text
from components.settings import NodeSettings
from components.settings.defaults import KUBE_PROXY
from components.settings.merge import patched

CONFIG_PATH = "/etc/kubernetes/kube-proxy.yaml"
BINARY_PATH = "/usr/local/bin/kube-proxy"


def content(node: NodeSettings, mark: Mapping[str, str]) -> Content:
    """Everything that the part puts on a host. `mark`: digest of the certificate or token; another one restarts it."""
    settings: dict[str, Sequence[str]] = {
        "mode": [node.kube_proxy.mode],
        "healthy-timeout-seconds": [str(node.kube_proxy.healthy_timeout_seconds)],
        **{kind: [text] for kind, text in mark.items()},
    }
    if "log-dir" in node.kube_proxy.extra_flags:
        settings["log-dir"] = [node.kube_proxy.extra_flags["log-dir"].rstrip("/")]
    return Content(files=files(node), artifacts=artifacts(node), settings=settings)


def files(node: NodeSettings) -> tuple[HostFile, ...]:
    """The unit, and the KubeProxyConfiguration unless it has flags instead."""
    unit = (_SEED_UNIT if node.is_seed else _UNIT).format(command=command_line(BINARY_PATH, flags(node)))
    config = [HostFile("kube-proxy.yaml", CONFIG_PATH, yaml_text(configuration(node)))]
    return (
        *(config if node.kube_proxy_has_a_file else []),
        HostFile("kube-proxy.service", "/etc/systemd/system/kube-proxy.service", unit),
    )


def flags(node: NodeSettings) -> dict[str, str]:
    """The flags of its command line."""
    ours = {"config": CONFIG_PATH} if node.kube_proxy_has_a_file else _in_place_of_a_file(node)
    return {**ours, "v": "2", **node.kube_proxy.extra_flags}


def _in_place_of_a_file(node: NodeSettings) -> dict[str, str]:
    """What the file says, where there is no other way to say it."""
    return {
        "cluster-cidr": node.cluster.pod_cidr,
        "hostname-override": node.name,
        "kubeconfig": KUBE_PROXY["clientConnection"]["kubeconfig"],
        "proxy-mode": node.kube_proxy.mode,
    }


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:
    """The binary, on a node that runs ours."""
    kube_proxy = node.artifacts.kube_proxy
    return (Artifact("kube-proxy", BINARY_PATH, kube_proxy.url, kube_proxy.sha256),) if kube_proxy else ()


def configuration(node: NodeSettings) -> dict[str, Any]:
    """The KubeProxyConfiguration: ours as far as the release knows it, and the user's extraConfig over it."""
    ours = {
        **KUBE_PROXY,
        # The pods' range: with the services' range every packet to a service would be masqueraded.
        "clusterCIDR": node.cluster.pod_cidr,
        # Without it kube-proxy looks for a Node with the host's own name.
        "hostnameOverride": node.name,
        # Always in so many words: the default becomes another one with Kubernetes 1.40.
        "mode": node.kube_proxy.mode,
    }
    known = {name: value for name, value in ours.items() if name in node.minor.kube_proxy_fields}
    kind = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
    return {**patched(known, node.kube_proxy.extra_config), **kind}


# Restart=always: kube-proxy ends by itself when its configuration file changes.
_UNIT = """\
[Unit]
Description=kube-proxy: the Kubernetes service proxy
Documentation=https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Restart=always
RestartSec=5
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""

# Of the walkthrough, but for its `iptables -P FORWARD ACCEPT`: forwarding is on before Docker starts, which then leaves
# the policy alone.
_SEED_UNIT = """\
[Unit]
Description=Kubernetes Kube-Proxy Server
Documentation=https://github.com/GoogleCloudPlatform/kubernetes
After=network.target

[Service]
ExecStart={command}
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""
