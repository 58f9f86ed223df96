"""Which values KubeletConfiguration and KubeProxyConfiguration take, where their kind alone would take more.

Owns bounds, choices and the syntax of text, by struct and field as in `kinds.py`, in one table for all supported
releases: what the validation of none of them takes. Does not own what two fields say of each other, nor what this
project wants of a value.
"""

from __future__ import annotations

from collections.abc import Mapping

_MANY = (1 << 31) - 1


def _bounds(low: int, high: int, names: str) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(names.split(), (low, high))


# struct: field: the smallest and the largest number
BOUNDS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "KubeletConfiguration": {
        **_bounds(
            0,
            _MANY,
            "eventBurst eventRecordQPS kubeAPIBurst kubeAPIQPS maxOpenFiles maxPods podsPerCore registryBurst "
            "registryPullQPS",
        ),
        **_bounds(0, 31, "iptablesDropBit iptablesMasqueradeBit"),
        **_bounds(0, 100, "imageGCHighThresholdPercent imageGCLowThresholdPercent"),
        **_bounds(0, 65535, "healthzPort readOnlyPort"),
        **_bounds(1, 65535, "port"),
        **_bounds(1, _MANY, "containerLogMaxWorkers maxParallelImagePulls nodeLeaseDurationSeconds"),
        **_bounds(2, _MANY, "containerLogMaxFiles"),
        **_bounds(-1, _MANY, "nodeStatusMaxImages podPidsLimit"),
        **_bounds(-1000, 1000, "oomScoreAdj"),
        **_bounds(0, 1, "memoryThrottlingFactor"),
    },
    "TracingConfiguration": _bounds(0, 1_000_000, "samplingRatePerMillion"),
    "KubeProxyConfiguration": _bounds(-1000, 1000, "oomScoreAdj"),
    "KubeProxyIPTablesConfiguration": _bounds(0, 31, "masqueradeBit"),
    "KubeProxyNFTablesConfiguration": _bounds(0, 31, "masqueradeBit"),
    "KubeProxyConntrackConfiguration": _bounds(0, _MANY, "maxPerCore min"),
    "ClientConnectionConfiguration": _bounds(0, _MANY, "burst"),
}

# struct: field: every text that it takes, or that each item of it takes
CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "KubeletConfiguration": {
        "cgroupDriver": ("systemd", "cgroupfs"),
        "configMapAndSecretChangeDetectionStrategy": ("Watch", "Cache", "Get"),
        "cpuManagerPolicy": ("none", "static"),
        "enforceNodeAllocatable": (
            "pods",
            "system-reserved",
            "kube-reserved",
            "system-reserved-compressible",
            "kube-reserved-compressible",
            "none",
        ),
        "hairpinMode": ("promiscuous-bridge", "hairpin-veth", "none"),
        "imagePullCredentialsVerificationPolicy": (
            "NeverVerify",
            "NeverVerifyPreloadedImages",
            "NeverVerifyAllowlistedImages",
            "AlwaysVerify",
        ),
        "memoryManagerPolicy": ("None", "Static"),
        "memoryReservationPolicy": ("None", "TieredReservation"),
        "tlsMinVersion": ("VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"),
        "topologyManagerPolicy": ("none", "best-effort", "restricted", "single-numa-node"),
        "topologyManagerScope": ("container", "pod"),
    },
    "KubeletAuthorization": {"mode": ("Webhook", "AlwaysAllow")},
    "MemorySwapConfiguration": {"swapBehavior": ("NoSwap", "LimitedSwap", "UnlimitedSwap")},
    "LoggingConfiguration": {"format": ("text", "json")},
    "KubeProxyIPVSConfiguration": {
        "scheduler": ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh")
    },
    "KubeProxyConfiguration": {
        "detectLocalMode": ("ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"),
    },
}

# Of Go's crypto/tls, with the two names that Kubernetes gave suites before Go did.
_SUITES = """
    TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 TLS_ECDHE_ECDSA_WITH_RC4_128_SHA
    TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 TLS_ECDHE_RSA_WITH_RC4_128_SHA
    TLS_RSA_WITH_3DES_EDE_CBC_SHA TLS_RSA_WITH_AES_128_CBC_SHA TLS_RSA_WITH_AES_128_CBC_SHA256
    TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_RSA_WITH_AES_256_CBC_SHA TLS_RSA_WITH_AES_256_GCM_SHA384
    TLS_RSA_WITH_RC4_128_SHA
"""
CIPHERS = frozenset(_SUITES.split())

# struct: field: how long at least, and at most, in seconds
DURATIONS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "KubeletConfiguration": {
        "cpuCFSQuotaPeriod": (0.001, 1),
        "containerLogMonitorInterval": (3, float("inf")),
        **dict.fromkeys(
            (
                "imageMinimumGCAge",
                "imageMaximumGCAge",
                "shutdownGracePeriod",
                "shutdownGracePeriodCriticalPods",
            ),
            (0, float("inf")),
        ),
    },
    "CrashLoopBackOffConfig": {"maxContainerRestartPeriod": (1, 300)},
    "KubeProxyConntrackConfiguration": dict.fromkeys(
        ("tcpCloseWaitTimeout", "tcpEstablishedTimeout", "udpStreamTimeout", "udpTimeout"), (0, float("inf"))
    ),
    **dict.fromkeys(
        ("KubeProxyIPTablesConfiguration", "KubeProxyNFTablesConfiguration"),
        dict.fromkeys(("minSyncPeriod", "syncPeriod"), (0, float("inf"))),
    ),
    "KubeProxyIPVSConfiguration": dict.fromkeys(
        ("minSyncPeriod", "syncPeriod", "tcpFinTimeout", "tcpTimeout", "udpTimeout"), (0, float("inf"))
    ),
}

_SIGNALS = (
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "containerfs.available",
    "containerfs.inodesFree",
    "pid.available",
    "allocatableMemory.available",
)
_RESERVED = ("cpu", "memory", "ephemeral-storage", "pid")

# field of KubeletConfiguration: the keys of its map, and the syntax of their values
MAPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "evictionHard": (_SIGNALS, "threshold"),
    "evictionSoft": (_SIGNALS, "threshold"),
    "evictionMinimumReclaim": (_SIGNALS, "reclaim"),
    "evictionSoftGracePeriod": (_SIGNALS, "period"),
    "systemReserved": (_RESERVED, "amount"),
    "kubeReserved": (_RESERVED, "amount"),
    "qosReserved": (("memory",), "share"),
}

# field with a list or a map: an example of it, as YAML on one line
EXAMPLES: Mapping[str, str] = {
    "allowedUnsafeSysctls": '["net.core.*"]',
    "clusterDNS": "[10.96.0.10]",
    "cpuManagerPolicyOptions": '{full-pcpus-only: "true"}',
    "defaultPodSysctls": '{net.core.somaxconn: "4096"}',
    "enforceNodeAllocatable": "[pods]",
    "evictionHard": "{memory.available: 200Mi}",
    "evictionMinimumReclaim": "{nodefs.available: 500Mi}",
    "evictionSoft": "{memory.available: 500Mi}",
    "evictionSoftGracePeriod": "{memory.available: 1m30s}",
    "excludeCIDRs": "[10.0.0.0/24]",
    "featureGates": "{GracefulNodeShutdown: true}",
    "kubeReserved": "{cpu: 100m, memory: 200Mi}",
    "nodePortAddresses": "[10.0.0.0/24]",
    "qosReserved": "{memory: 50%}",
    "systemReserved": "{cpu: 100m, memory: 200Mi}",
    "tlsCipherSuites": "[TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
    "topologyManagerPolicyOptions": '{prefer-closest-numa-nodes: "true"}',
}

# struct: field: the syntax of its text, or of each item
SYNTAX: Mapping[str, Mapping[str, str]] = {
    "KubeletConfiguration": {
        "clusterDNS": "address",
        "containerLogMaxSize": "amount",
        "reservedSystemCPUs": "cpus",
        "tlsCipherSuites": "cipher",
    },
    "KubeProxyConfiguration": {"bindAddress": "address", "nodePortAddresses": "range or word"},
    "KubeProxyIPVSConfiguration": {"excludeCIDRs": "range"},
}
