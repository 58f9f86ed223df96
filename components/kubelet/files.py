"""The files of the kubelet.

Owns the KubeletConfiguration, the unit and the binary. Does not own the kubelet's identity: what the kubelet asks for,
kubelet.kubeconfig and what is below /var/lib/kubelet/pki, is its own; what it is given is `identity/kubeconfigs.py`.
"""

from __future__ import annotations

from typing import Any

from components.identity.kubeconfigs import Identities
from components.identity.registries import root_directory
from components.remote.bundle import Artifact, HostFile
from components.remote.content import Content
from components.rendering import command_line, digest, yaml_text
from components.settings import NodeSettings
from components.settings.defaults import (
    CRI_SOCKET,
    KUBELET,
    KUBELET_KUBECONFIG_PATH,
    SERVING_CERTIFICATE_PATH,
    SERVING_KEY_PATH,
)
from components.settings.merge import patched

CONFIG_PATH = "/etc/kubernetes/kubelet.yaml"
BOOTSTRAP_KUBECONFIG_PATH = "/etc/kubernetes/bootstrap.kubeconfig"
CERTIFICATE_DIRECTORY = "/var/lib/kubelet/pki"
BINARY_PATH = "/usr/local/bin/kubelet"


def content(node: NodeSettings, made: Identities) -> Content:
    """Everything that the part puts on a host. Another certificate that is given restarts it, so it has a digest."""
    settings = {"healthy-timeout-seconds": [str(node.kubelet.healthy_timeout_seconds)]}
    if "log-dir" in node.kubelet.extra_flags:
        settings["log-dir"] = [node.kubelet.extra_flags["log-dir"].rstrip("/")]
    if "root-dir" in node.kubelet.extra_flags:
        settings["root-dir"] = [root_directory(node)]
    if made.client is not None:
        settings["client"] = ["issued"]
    elif node.identity.approval == "manual":
        settings["approval"] = ["manual"]
    if made.kubelet_certificates:
        settings["certificates"] = [digest(*made.kubelet_certificates)]
    return Content(files=files(node), artifacts=artifacts(node), settings=settings)


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
        **_identity(node),
        **(
            {"featureGates": dict(node.minor.kubelet_feature_gates)}
            if node.minor.kubelet_feature_gates
            else {}
        ),
    }
    known = {name: value for name, value in ours.items() if name in node.minor.kubelet_fields}
    kind = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    return {**patched(known, node.kubelet.extra_config), **kind}


def asks_for_serving_certificate(node: NodeSettings) -> bool:
    """Whether its kubelet makes the key of its serving certificate and asks for it."""
    return configuration(node).get("serverTLSBootstrap") is True


def _identity(node: NodeSettings) -> dict[str, Any]:
    """What a kubelet is given it does not ask for, neither now nor when it ends."""
    given: dict[str, Any] = {}
    if node.client_is_issued:
        given["rotateCertificates"] = False
    if node.serving_is_issued:
        given |= {
            "serverTLSBootstrap": False,
            "tlsCertFile": SERVING_CERTIFICATE_PATH,
            "tlsPrivateKeyFile": SERVING_KEY_PATH,
        }
    return given


def _unit(node: NodeSettings) -> str:
    # Ignored once kubelet.kubeconfig is there and its certificate is valid, so it may be gone by then.
    bootstrap = {} if node.client_is_issued else {"bootstrap-kubeconfig": BOOTSTRAP_KUBECONFIG_PATH}
    flags = {
        **bootstrap,
        "cert-dir": CERTIFICATE_DIRECTORY,
        "config": CONFIG_PATH,
        "hostname-override": node.name,
        "kubeconfig": KUBELET_KUBECONFIG_PATH,
        "node-ip": node.node_ip,
        "v": "2",
        **{
            name: value.format(pause_image=node.pause_image)
            for name, value in node.minor.kubelet_flags.items()
        },
        **node.kubelet.extra_flags,
    }
    unit = _SEED_UNIT if node.is_seed else _UNIT
    return unit.format(command=command_line(BINARY_PATH, flags), units=" ".join(node.minor.runtime.units))


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

# Of the walkthrough, but with an [Install] section: without one `systemctl enable` does nothing, and a reboot ends the
# node.
_SEED_UNIT = """\
[Unit]
Description=Kubernetes Kubelet Server
Documentation=https://github.com/GoogleCloudPlatform/kubernetes
After={units}
Requires={units}

[Service]
WorkingDirectory=/var/lib/kubelet
ExecStart={command}
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
