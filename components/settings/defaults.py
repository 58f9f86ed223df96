"""The values this project chooses for kubelet, kube-proxy and Docker, each one overridable by `extraConfig`.

Owns what is the same on every node. What depends on the node (addresses, cgroup driver, versions) is added by
the `files.py` of the part. A field that a release does not know is left out there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CA_PATH = "/etc/kubernetes/ssl/ca.pem"
KUBELET_KUBECONFIG_PATH = "/etc/kubernetes/kubelet.kubeconfig"
SERVING_CERTIFICATE_PATH = "/etc/kubernetes/ssl/kubelet-server.pem"
SERVING_KEY_PATH = "/etc/kubernetes/ssl/kubelet-server-key.pem"
CRI_SOCKET = "unix:///run/cri-dockerd.sock"
KUBELET_HEALTHZ_PORT = 10248
KUBE_PROXY_HEALTHZ_PORT = 10256
KUBE_PROXY_METRICS_PORT = 10249

# Half for the system and half for the kubelet and Docker; accounting only, no cgroup enforces it.
_RESERVED = {"cpu": "100m", "ephemeral-storage": "1Gi", "memory": "200Mi"}

KUBELET: Mapping[str, Any] = {
    # Nobody without a certificate of the cluster or a token that the API server confirms, and then RBAC
    # decides.
    "authentication": {
        "anonymous": {"enabled": False},
        "webhook": {"cacheTTL": "2m0s", "enabled": True},
        "x509": {"clientCAFile": CA_PATH},
    },
    "authorization": {
        "mode": "Webhook",
        "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"},
    },
    "readOnlyPort": 0,
    "port": 10250,
    # These, not the feature gates of the same words, make the kubelet renew its client and ask for a serving
    # certificate.
    "rotateCertificates": True,
    "serverTLSBootstrap": True,
    "registerNode": True,
    "enableDebuggingHandlers": True,
    "healthzBindAddress": "127.0.0.1",
    "healthzPort": KUBELET_HEALTHZ_PORT,
    "cgroupsPerQOS": True,
    "oomScoreAdj": -999,
    "configMapAndSecretChangeDetectionStrategy": "Watch",
    # One slow image must not hold up all others.
    "serializeImagePulls": False,
    "registryPullQPS": 5,
    "registryBurst": 10,
    "imageGCHighThresholdPercent": 85,
    "imageGCLowThresholdPercent": 80,
    "imageMinimumGCAge": "2m0s",
    # All signals of the kubelet's own default: one that is missing here would be off. There is no soft
    # eviction, because an absolute soft threshold lies below a hard one in percent on every larger disk and
    # then never acts.
    "evictionHard": {
        "imagefs.available": "15%",
        "imagefs.inodesFree": "5%",
        "memory.available": "200Mi",
        "nodefs.available": "10%",
        "nodefs.inodesFree": "5%",
    },
    "evictionMinimumReclaim": {
        "imagefs.available": "2Gi",
        "memory.available": "0Mi",
        "nodefs.available": "500Mi",
    },
    "systemReserved": _RESERVED,
    "kubeReserved": _RESERVED,
}

# kubeProxy.mode of a node whose services the cluster itself implements: nothing of ours runs there.
EXISTING = "existing"

KUBE_PROXY: Mapping[str, Any] = {
    "detectLocalMode": "ClusterCIDR",
    "clientConnection": {"kubeconfig": "/etc/kubernetes/kube-proxy.kubeconfig"},
    "healthzBindAddress": f"127.0.0.1:{KUBE_PROXY_HEALTHZ_PORT}",
    "metricsBindAddress": f"127.0.0.1:{KUBE_PROXY_METRICS_PORT}",
    "oomScoreAdj": -999,
}

DOCKER: Mapping[str, Any] = {
    # kubectl logs reads these files through cri-dockerd, which can read no other driver's.
    "log-driver": "json-file",
    # Containers go on while dockerd restarts: its crash or security update is no outage of the node's pods.
    "live-restore": True,
}

SYSCTLS: Mapping[str, str] = {
    # Before Docker starts: a Docker that switches forwarding on itself also sets the FORWARD policy to DROP.
    # Bridged traffic needs no setting, Calico routes. What the kubelet and kube-proxy set stays theirs.
    "net.ipv4.ip_forward": "1",
}
