"""What a field of KubeletConfiguration v1beta1 and KubeProxyConfiguration v1alpha1 holds.

Owns the kind of each field at every depth, in one table for all supported releases: none of them gave a field another
type. Does not own which field came and went with which release (`fields.py`). Read from the published types; a test
compares it with them.
"""

from __future__ import annotations

from collections.abc import Mapping

KUBELET = "KubeletConfiguration"
KUBE_PROXY = "KubeProxyConfiguration"

# struct: its fields by kind. A kind is one of the plain words, `list of` or `map of` one, or another struct.
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "KubeletConfiguration": {
        "bool": """
            cgroupsPerQOS cpuCFSQuota enableContentionProfiling enableControllerAttachDetach
            enableDebugFlagsHandler enableDebuggingHandlers enableProfilingHandler enableServer
            enableSystemLogHandler enableSystemLogQuery failCgroupV1 failSwapOn
            kernelMemcgNotification localStorageCapacityIsolation makeIPTablesUtilChains
            mergeDefaultEvictionSettings protectKernelDefaults registerNode rotateCertificates
            runOnce seccompDefault serializeImagePulls serverTLSBootstrap singleProcessOOMKill
        """,
        "text": """
            address cgroupDriver cgroupRoot clusterDomain configMapAndSecretChangeDetectionStrategy
            containerLogMaxSize containerRuntimeEndpoint contentType cpuManagerPolicy hairpinMode
            healthzBindAddress imagePullCredentialsVerificationPolicy imageServiceEndpoint
            kubeReservedCgroup kubeletCgroups memoryManagerPolicy memoryReservationPolicy podCIDR
            podLogsDir providerID reservedSystemCPUs resolvConf showHiddenMetricsForVersion
            staticPodPath staticPodURL systemCgroups systemReservedCgroup tlsCertFile tlsMinVersion
            tlsPrivateKeyFile topologyManagerPolicy topologyManagerScope volumePluginDir
        """,
        "duration": """
            containerLogMonitorInterval cpuCFSQuotaPeriod cpuManagerReconcilePeriod
            evictionPressureTransitionPeriod fileCheckFrequency httpCheckFrequency imageMaximumGCAge
            imageMinimumGCAge nodeStatusReportFrequency nodeStatusUpdateFrequency
            runtimeRequestTimeout shutdownGracePeriod shutdownGracePeriodCriticalPods
            streamingConnectionIdleTimeout syncFrequency volumeStatsAggPeriod
        """,
        "map of list of text": "staticPodURLHeader",
        "int32": """
            containerLogMaxFiles containerLogMaxWorkers eventBurst eventRecordQPS
            evictionMaxPodGracePeriod healthzPort imageGCHighThresholdPercent
            imageGCLowThresholdPercent iptablesDropBit iptablesMasqueradeBit kubeAPIBurst kubeAPIQPS
            maxParallelImagePulls maxPods nodeLeaseDurationSeconds nodeStatusMaxImages oomScoreAdj
            podsPerCore port readOnlyPort registryBurst registryPullQPS
        """,
        "list of text": """
            allowedUnsafeSysctls clusterDNS enforceNodeAllocatable
            preloadedImagesVerificationAllowlist tlsCipherSuites
        """,
        "list of int32": "tlsCurvePreferences",
        "KubeletAuthentication": "authentication",
        "KubeletAuthorization": "authorization",
        "map of text": """
            cpuManagerPolicyOptions defaultPodSysctls evictionHard evictionMinimumReclaim
            evictionSoft evictionSoftGracePeriod kubeReserved qosReserved systemReserved
            topologyManagerPolicyOptions
        """,
        "int64": "maxOpenFiles podPidsLimit",
        "map of bool": "featureGates",
        "MemorySwapConfiguration": "memorySwap",
        "LoggingConfiguration": "logging",
        "list of ShutdownGracePeriodByPodPriority": "shutdownGracePeriodByPodPriority",
        "CrashLoopBackOffConfig": "crashLoopBackOff",
        "list of MemoryReservation": "reservedMemory",
        "float": "memoryThrottlingFactor",
        "list of Taint": "registerWithTaints",
        "TracingConfiguration": "tracing",
        "UserNamespaces": "userNamespaces",
    },
    "KubeProxyConfiguration": {
        "map of bool": "featureGates",
        "ClientConnectionConfiguration": "clientConnection",
        "LoggingConfiguration": "logging",
        "text": """
            bindAddress clusterCIDR detectLocalMode healthzBindAddress hostnameOverride
            metricsBindAddress mode portRange resourceContainer showHiddenMetricsForVersion
        """,
        "bool": "bindAddressHardFail enableProfiling windowsRunAsService",
        "KubeProxyIPTablesConfiguration": "iptables",
        "KubeProxyIPVSConfiguration": "ipvs",
        "KubeProxyNFTablesConfiguration": "nftables",
        "KubeProxyWinkernelConfiguration": "winkernel",
        "DetectLocalConfiguration": "detectLocal",
        "list of text": "nodePortAddresses",
        "int32": "oomScoreAdj",
        "KubeProxyConntrackConfiguration": "conntrack",
        "duration": "configSyncPeriod udpIdleTimeout",
    },
    "KubeletAuthentication": {
        "KubeletX509Authentication": "x509",
        "KubeletWebhookAuthentication": "webhook",
        "KubeletAnonymousAuthentication": "anonymous",
    },
    "KubeletAuthorization": {
        "text": "mode",
        "KubeletWebhookAuthorization": "webhook",
    },
    "MemorySwapConfiguration": {
        "text": "swapBehavior",
    },
    "LoggingConfiguration": {
        "text": "format",
        "duration or number": "flushFrequency",
        "uint32": "verbosity",
        "list of VModuleItem": "vmodule",
        "FormatOptions": "options",
    },
    "ShutdownGracePeriodByPodPriority": {
        "int32": "priority",
        "int64": "shutdownGracePeriodSeconds",
    },
    "CrashLoopBackOffConfig": {
        "duration": "maxContainerRestartPeriod",
    },
    "MemoryReservation": {
        "int32": "numaNode",
        "map of quantity": "limits",
    },
    "Taint": {
        "text": "effect key timeAdded value",
    },
    "TracingConfiguration": {
        "text": "endpoint",
        "int32": "samplingRatePerMillion",
    },
    "UserNamespaces": {
        "int64": "idsPerPod",
    },
    "ClientConnectionConfiguration": {
        "text": "acceptContentTypes contentType kubeconfig",
        "float": "qps",
        "int32": "burst",
    },
    "KubeProxyIPTablesConfiguration": {
        "int32": "masqueradeBit",
        "bool": "localhostNodePorts masqueradeAll",
        "duration": "minSyncPeriod syncPeriod",
    },
    "KubeProxyIPVSConfiguration": {
        "duration": "minSyncPeriod syncPeriod tcpFinTimeout tcpTimeout udpTimeout",
        "text": "scheduler",
        "list of text": "excludeCIDRs",
        "bool": "strictARP",
    },
    "KubeProxyNFTablesConfiguration": {
        "int32": "masqueradeBit",
        "bool": "masqueradeAll",
        "duration": "minSyncPeriod syncPeriod",
    },
    "KubeProxyWinkernelConfiguration": {
        "text": "networkName rootHnsEndpointName sourceVip",
        "bool": "enableDSR forwardHealthCheckVip",
    },
    "DetectLocalConfiguration": {
        "text": "bridgeInterface interfaceNamePrefix",
    },
    "KubeProxyConntrackConfiguration": {
        "int32": "max maxPerCore min",
        "duration": "tcpCloseWaitTimeout tcpEstablishedTimeout udpStreamTimeout udpTimeout",
        "bool": "tcpBeLiberal",
    },
    "KubeletX509Authentication": {
        "text": "clientCAFile",
    },
    "KubeletWebhookAuthentication": {
        "bool": "enabled",
        "duration": "cacheTTL",
    },
    "KubeletAnonymousAuthentication": {
        "bool": "enabled",
    },
    "KubeletWebhookAuthorization": {
        "duration": "cacheAuthorizedTTL cacheUnauthorizedTTL",
    },
    "VModuleItem": {
        "text": "filePattern",
        "uint32": "verbosity",
    },
    "FormatOptions": {
        "TextOptions": "text",
        "JSONOptions": "json",
    },
    "TextOptions": {
        "bool": "splitStream",
        "quantity": "infoBufferSize",
    },
    "JSONOptions": {
        "bool": "splitStream",
        "quantity": "infoBufferSize",
    },
}

STRUCTS: Mapping[str, Mapping[str, str]] = {
    struct: {name: kind for kind, names in kinds.items() for name in names.split()}
    for struct, kinds in _FIELDS.items()
}
