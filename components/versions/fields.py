"""The top-level fields of KubeletConfiguration and KubeProxyConfiguration by release.

Both kinds have had one version since they exist (`v1beta1`, `v1alpha1`), so a field is either known to a
release or not; a kubelet ignores an unknown one with nothing but a log line. Read from the published types of
each release.
"""

from __future__ import annotations

from collections.abc import Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KUBELET_1_10 = _names(
    """
    address authentication authorization cgroupDriver cgroupRoot cgroupsPerQOS clusterDNS clusterDomain
    containerLogMaxFiles containerLogMaxSize contentType cpuCFSQuota cpuManagerPolicy
    cpuManagerReconcilePeriod enableContentionProfiling enableControllerAttachDetach enableDebuggingHandlers
    enforceNodeAllocatable eventBurst eventRecordQPS evictionHard evictionMaxPodGracePeriod
    evictionMinimumReclaim evictionPressureTransitionPeriod evictionSoft evictionSoftGracePeriod failSwapOn
    featureGates fileCheckFrequency hairpinMode healthzBindAddress healthzPort httpCheckFrequency
    imageGCHighThresholdPercent imageGCLowThresholdPercent imageMinimumGCAge iptablesDropBit
    iptablesMasqueradeBit kubeAPIBurst kubeAPIQPS kubeReserved kubeReservedCgroup kubeletCgroups
    makeIPTablesUtilChains maxOpenFiles maxPods nodeStatusUpdateFrequency oomScoreAdj podCIDR podPidsLimit
    podsPerCore port protectKernelDefaults readOnlyPort registryBurst registryPullQPS resolvConf
    runtimeRequestTimeout serializeImagePulls staticPodPath staticPodURL staticPodURLHeader
    streamingConnectionIdleTimeout syncFrequency systemCgroups systemReserved systemReservedCgroup tlsCertFile
    tlsCipherSuites tlsMinVersion tlsPrivateKeyFile volumeStatsAggPeriod
    """
)

_KUBELET_1_29 = _KUBELET_1_10 | _names(
    """
    allowedUnsafeSysctls configMapAndSecretChangeDetectionStrategy containerRuntimeEndpoint cpuCFSQuotaPeriod
    cpuManagerPolicyOptions enableDebugFlagsHandler enableProfilingHandler enableServer enableSystemLogHandler
    enableSystemLogQuery imageMaximumGCAge imageServiceEndpoint kernelMemcgNotification
    localStorageCapacityIsolation logging maxParallelImagePulls memoryManagerPolicy memorySwap
    memoryThrottlingFactor nodeLeaseDurationSeconds nodeStatusMaxImages nodeStatusReportFrequency providerID
    qosReserved registerNode registerWithTaints reservedMemory reservedSystemCPUs rotateCertificates runOnce
    seccompDefault serverTLSBootstrap showHiddenMetricsForVersion shutdownGracePeriod
    shutdownGracePeriodByPodPriority shutdownGracePeriodCriticalPods topologyManagerPolicy
    topologyManagerPolicyOptions topologyManagerScope tracing volumePluginDir
    """
)

KUBELET_ADDED: Mapping[int, tuple[str, ...]] = {
    30: ("containerLogMaxWorkers", "containerLogMonitorInterval", "podLogsDir"),
    31: ("failCgroupV1",),
    32: ("crashLoopBackOff", "singleProcessOOMKill"),
    33: (
        "imagePullCredentialsVerificationPolicy",
        "mergeDefaultEvictionSettings",
        "preloadedImagesVerificationAllowlist",
        "userNamespaces",
    ),
    36: ("memoryReservationPolicy", "tlsCurvePreferences"),
    37: ("defaultPodSysctls",),
}

# Known to the type but refused by the release that reads it.
_KUBELET_REFUSED: Mapping[int, tuple[str, ...]] = {37: ("runOnce",)}

_KUBE_PROXY_1_10 = _names(
    """
    bindAddress clientConnection clusterCIDR configSyncPeriod conntrack enableProfiling featureGates
    healthzBindAddress hostnameOverride iptables ipvs metricsBindAddress mode nodePortAddresses oomScoreAdj
    portRange resourceContainer udpIdleTimeout
    """
)

_KUBE_PROXY_1_29 = (_KUBE_PROXY_1_10 - {"resourceContainer", "udpIdleTimeout"}) | _names(
    """
    bindAddressHardFail detectLocal detectLocalMode logging nftables showHiddenMetricsForVersion winkernel
    """
)

KUBE_PROXY_ADDED: Mapping[int, tuple[str, ...]] = {31: ("windowsRunAsService",)}


def kubelet_fields(number: int) -> frozenset[str]:
    """The top-level fields that the kubelet of this minor takes, `apiVersion` and `kind` apart."""
    if number < 29:
        return _KUBELET_1_10
    return (_KUBELET_1_29 | _until(number, KUBELET_ADDED)) - _until(number, _KUBELET_REFUSED)


def kube_proxy_fields(number: int) -> frozenset[str]:
    """The top-level fields that the kube-proxy of this minor takes, `apiVersion` and `kind` apart."""
    if number < 29:
        return _KUBE_PROXY_1_10
    return _KUBE_PROXY_1_29 | _until(number, KUBE_PROXY_ADDED)


def _until(number: int, added: Mapping[int, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name for since, names in added.items() if since <= number for name in names)
