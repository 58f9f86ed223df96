"""Which fields of KubeletConfiguration and KubeProxyConfiguration came, aged and went with which minor.

Both kinds have had one version since they exist (`v1beta1`, `v1alpha1`), so a field is either known to a release or
not; a kubelet ignores an unknown one with nothing but a log line. Read from the published types of each release; a
test compares. Does not own what a field holds (`kinds.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.versions.kinds import KUBE_PROXY, KUBELET, STRUCTS
from components.versions.lives import ALWAYS, Life, known

# struct: its fields by the minor that they came with. Those of no line are in 1.10 already, or came with their struct.
_SINCE: Mapping[str, Mapping[int, str]] = {
    KUBELET: {
        11: "qosReserved rotateCertificates serverTLSBootstrap",
        12: "configMapAndSecretChangeDetectionStrategy cpuCFSQuotaPeriod nodeLeaseDurationSeconds",
        13: "nodeStatusReportFrequency",
        16: "allowedUnsafeSysctls topologyManagerPolicy",
        17: "reservedSystemCPUs",
        18: "showHiddenMetricsForVersion",
        19: """
            enableServer enableSystemLogHandler kernelMemcgNotification logging nodeStatusMaxImages providerID
            runOnce volumePluginDir
        """,
        20: "shutdownGracePeriod shutdownGracePeriodCriticalPods topologyManagerScope",
        21: "enableDebugFlagsHandler enableProfilingHandler memoryManagerPolicy reservedMemory",
        22: "cpuManagerPolicyOptions memorySwap memoryThrottlingFactor seccompDefault",
        23: "registerNode registerWithTaints shutdownGracePeriodByPodPriority",
        25: "localStorageCapacityIsolation tracing",
        26: "topologyManagerPolicyOptions",
        27: "containerRuntimeEndpoint enableSystemLogQuery imageServiceEndpoint maxParallelImagePulls",
        29: "imageMaximumGCAge",
        30: "containerLogMaxWorkers containerLogMonitorInterval podLogsDir",
        31: "failCgroupV1",
        32: "crashLoopBackOff singleProcessOOMKill",
        33: """
            imagePullCredentialsVerificationPolicy mergeDefaultEvictionSettings
            preloadedImagesVerificationAllowlist userNamespaces
        """,
        36: "memoryReservationPolicy tlsCurvePreferences",
        37: "defaultPodSysctls",
    },
    KUBE_PROXY: {
        14: "winkernel",
        18: "detectLocalMode showHiddenMetricsForVersion",
        19: "bindAddressHardFail",
        24: "detectLocal",
        28: "logging",
        29: "nftables",
        31: "windowsRunAsService",
    },
    "KubeProxyConntrackConfiguration": {29: "tcpBeLiberal udpStreamTimeout udpTimeout"},
    "KubeProxyIPTablesConfiguration": {26: "localhostNodePorts"},
    "KubeProxyIPVSConfiguration": {
        12: "excludeCIDRs",
        15: "strictARP",
        18: "tcpFinTimeout tcpTimeout udpTimeout",
    },
    "KubeProxyWinkernelConfiguration": {24: "forwardHealthCheckVip rootHnsEndpointName"},
    "FormatOptions": {30: "text"},
}

_NO_EFFECT = "leave it out, it has no effect"

# Those that some minor advises against, or knows no longer.
_ENDS: Mapping[str, Mapping[str, Life]] = {
    KUBELET: {
        "iptablesDropBit": Life(deprecated=28, instead=_NO_EFFECT),
        "iptablesMasqueradeBit": Life(deprecated=28, instead=_NO_EFFECT),
        "streamingConnectionIdleTimeout": Life(deprecated=34, instead=_NO_EFFECT),
        # Still in the type, but the release that reads it refuses it.
        "runOnce": Life(since=19, gone=37, instead="leave it out, no kubelet runs pods once and ends"),
    },
    KUBE_PROXY: {
        # Of the userspace proxy alone, which went with 1.26.
        "portRange": Life(deprecated=26, instead=_NO_EFFECT),
        "resourceContainer": Life(gone=16, instead="leave it out, systemd has its cgroup"),
        "udpIdleTimeout": Life(gone=26, instead="leave it out, the userspace proxy went with it"),
    },
    "KubeProxyConntrackConfiguration": {"max": Life(gone=15, instead="set maxPerCore and min")},
}


def _of(struct: str) -> dict[str, Life]:
    since = {name: number for number, names in _SINCE.get(struct, {}).items() for name in names.split()}
    ends = _ENDS.get(struct, {})
    return {
        name: ends.get(name) or (Life(since=since[name]) if name in since else ALWAYS)
        for name in STRUCTS[struct]
    }


# struct: the life of each of its fields
LIVES: Mapping[str, Mapping[str, Life]] = {struct: _of(struct) for struct in STRUCTS}


def kubelet_fields(number: int) -> frozenset[str]:
    """The top-level fields that the kubelet of this minor takes, `apiVersion` and `kind` apart."""
    return known(LIVES[KUBELET], number)


def kube_proxy_fields(number: int) -> frozenset[str]:
    """The top-level fields that the kube-proxy of this minor takes, `apiVersion` and `kind` apart."""
    return known(LIVES[KUBE_PROXY], number)
