"""The files of the kubelet.

Owns the KubeletConfiguration, the unit and the binary. Does not own the kubelet's identity:
kubelet.kubeconfig and what is below /var/lib/kubelet/pki are the kubelet's own, the bootstrap kubeconfig is
`identity/kubeconfigs.py`.
"""

from __future__ import annotations

from typing import Any

from components.remote.bundle import Artifact, HostFile
from components.remote.content import Content
from components.rendering import command_line, yaml_text
from components.settings import NodeSettings
from components.settings.defaults import CRI_SOCKET, KUBELET
from components.settings.merge import patched

CONFIG_PATH = "/etc/kubernetes/kubelet.yaml"
KUBECONFIG_PATH = "/etc/kubernetes/kubelet.kubeconfig"
BOOTSTRAP_KUBECONFIG_PATH = "/etc/kubernetes/bootstrap.kubeconfig"
CERTIFICATE_DIRECTORY = "/var/lib/kubelet/pki"
BINARY_PATH = "/usr/local/bin/kubelet"


def content(node: NodeSettings) -> Content:
    """Everything that the part puts on a host."""
    return Content(
        files=files(node),
        artifacts=artifacts(node),
        settings={"healthy-timeout-seconds": [str(node.kubelet.healthy_timeout_seconds)]},
    )


def files(node: NodeSettings) -> tuple[HostFile, ...]:
    """The KubeletConfiguration and the unit."""
    return (
        HostFile("kubelet.yaml", CONFIG_PATH, yaml_text(configuration(node))),
        HostFile("kubelet.service", "/etc/systemd/system/kubelet.service", _unit(node)),
    )


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:
    """The binary."""
    kubelet = node.artifacts.kubelet
    return (Artifact("kubelet", BINARY_PATH, kubelet.url, kubelet.sha256),)


def configuration(node: NodeSettings) -> dict[str, Any]:
    """The KubeletConfiguration: ours as far as the release knows it, and the user's extraConfig over it."""
    ours = {
        **KUBELET,
        # Not every address of the host: the API server comes to the node's own.
        "address": node.node_ip.partition(",")[0],
        "cgroupDriver": node.docker.cgroup_driver,
        "clusterDNS": [node.cluster.dns_address],
        "clusterDomain": node.cluster.dns_domain,
        "containerRuntimeEndpoint": CRI_SOCKET,
        "failSwapOn": node.host.swap == "refuse",
        **(
            {"featureGates": dict(node.minor.kubelet_feature_gates)}
            if node.minor.kubelet_feature_gates
            else {}
        ),
    }
    known = {name: value for name, value in ours.items() if name in node.minor.kubelet_fields}
    kind = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    return {**patched(known, node.kubelet.extra_config), **kind}


def _unit(node: NodeSettings) -> str:
    flags = {
        # Ignored once kubelet.kubeconfig is there and its certificate is valid, so it may be gone by then.
        "bootstrap-kubeconfig": BOOTSTRAP_KUBECONFIG_PATH,
        "cert-dir": CERTIFICATE_DIRECTORY,
        "config": CONFIG_PATH,
        "hostname-override": node.name,
        "kubeconfig": KUBECONFIG_PATH,
        "node-ip": node.node_ip,
        "v": "2",
        **{
            name: value.format(pause_image=node.pause_image)
            for name, value in node.minor.kubelet_flags.items()
        },
        **node.kubelet.extra_flags,
    }
    return _UNIT.format(command=command_line(BINARY_PATH, flags), units=" ".join(node.minor.runtime.units))


# Wants, not Requires: a restart of Docker must not stop the kubelet.
_UNIT = """\
[Unit]
Description=kubelet: the Kubernetes node agent
Documentation=https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/
After=network-online.target {units}
Wants=network-online.target {units}
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
"""
