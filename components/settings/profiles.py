"""Profiles: sets of values that lie below a stack's own, asked for by name. Pure.

Owns the values of each profile and how they go below the configuration. Does not own the few units that differ with one
(`kubelet/files.py`, `kube_proxy/files.py`), nor what its values give away (`risks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.settings.merge import merged

SEED = "seed-1.10"

# Reserved for the system and for the kubelet each, as the walkthrough has it.
_RESERVED = {"cpu": "100m", "ephemeral-storage": "1Gi", "memory": "200Mi"}
_LOGS = {"log-dir": "/var/log/k8s", "logtostderr": "false", "v": "2"}

# The node of the walkthrough that kubenode began as: docs/seed.md has its numbers, and every difference.
_SEED_SECTIONS: Mapping[str, Any] = {
    "kubernetes": {"version": "1.10.2"},
    "host": {"swap": "allow"},
    "docker": {"cgroupDriver": "cgroupfs"},
    "identity": {
        "client": "static",
        "static": {"user": "kubelet-bootstrap", "binding": True},
        "approval": "manual",
        "keyAlgorithm": "rsa",
    },
    "kubelet": {
        "extraFlags": _LOGS,
        "extraConfig": {
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"cacheTTL": "1s", "enabled": True},
            },
            "authorization": {
                "mode": "AlwaysAllow",
                "webhook": {"cacheAuthorizedTTL": "1s", "cacheUnauthorizedTTL": "1s"},
            },
            "cgroupsPerQOS": True,
            "enableDebuggingHandlers": True,
            "eventBurst": 10,
            "eventRecordQPS": 5,
            "evictionHard": {
                "imagefs.available": "15%",
                # Ours, and not the walkthrough's.
                "imagefs.inodesFree": None,
                "memory.available": "200Mi",
                "nodefs.available": "10%",
                "nodefs.inodesFree": "5%",
            },
            "evictionMaxPodGracePeriod": 120,
            "evictionMinimumReclaim": {
                "imagefs.available": "2Gi",
                "memory.available": "0Mi",
                "nodefs.available": "500Mi",
            },
            "evictionPressureTransitionPeriod": "30s",
            "evictionSoft": {"memory.available": "10%", "nodefs.available": "2Gi"},
            "evictionSoftGracePeriod": {"memory.available": "1m30s", "nodefs.available": "1m30s"},
            "featureGates": {"RotateKubeletClientCertificate": True, "RotateKubeletServerCertificate": True},
            "hairpinMode": "promiscuous-bridge",
            "healthzBindAddress": "127.0.0.1",
            "healthzPort": 10248,
            "httpCheckFrequency": "20s",
            "imageGCHighThresholdPercent": 85,
            "imageGCLowThresholdPercent": 80,
            "imageMinimumGCAge": "2m0s",
            "iptablesDropBit": 15,
            "iptablesMasqueradeBit": 14,
            "kubeAPIBurst": 10,
            "kubeAPIQPS": 5,
            "kubeReserved": _RESERVED,
            "oomScoreAdj": -999,
            "port": 10250,
            "registryBurst": 10,
            "registryPullQPS": 5,
            "serializeImagePulls": False,
            "systemReserved": _RESERVED,
        },
    },
}

# Its two ways to configure kube-proxy: kubeProxy.configuredBy chooses.
_SEED_KUBE_PROXY: Mapping[str, Mapping[str, Any]] = {
    "flags": {"mode": "iptables", "configuredBy": "flags", "extraFlags": _LOGS},
    "file": {"mode": "ipvs", "extraFlags": _LOGS, "extraConfig": {"portRange": "30000-60000"}},
}

# profile: the one minor it is for
NAMES: Mapping[str, int] = {SEED: 10}


def laid_below(raw: Mapping[str, object]) -> Mapping[str, object]:
    """The configuration with its profile's values where it has none of its own."""
    if raw.get("profile") != SEED:
        return raw
    proxy = _map(raw.get("kubeProxy"))
    sections = {**_SEED_SECTIONS, "kubeProxy": _kube_proxy(proxy)}
    client = _map(raw.get("identity")).get("client", "static")
    if client != "static":
        kept = {
            key: value for key, value in _SEED_SECTIONS["identity"].items() if key not in ("client", "static")
        }
        sections["identity"] = kept
    return {**raw, **{key: merged(values, raw.get(key) or {}) for key, values in sections.items()}}


def _kube_proxy(own: Mapping[str, object]) -> Mapping[str, Any]:
    if own.get("mode") == "existing":
        return {}
    return _SEED_KUBE_PROXY["file" if own.get("configuredBy") == "file" else "flags"]


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
