"""The flags of the kubelet, and which minors know them.

Owns names, ages, and what to do instead of a flag that aged or went. Does not own which flags a node gets (`minors.py`,
`kubelet/files.py`). Read from the source of each release; a test compares. Not here:
help and version, with which no kubelet starts.
"""

from __future__ import annotations

from collections.abc import Mapping

from components.versions.fields import LIVES
from components.versions.kinds import KUBELET as FILE
from components.versions.lives import OLDEST, Life, ended, known

_LEFT_OUT = "leave it out"
_CRI_DOCKERD = "cri-dockerd has it"
_JOURNAL = "read the journal"
_NO_EFFECT = "leave it out, it has no effect"
_DOCKERSHIM = "leave it out, it went with the runtime it was for"

# flag of the kubelet: the field that it is deprecated for, since both are there
_FIELD_LINES = """
    address address
    allowed-unsafe-sysctls allowedUnsafeSysctls
    anonymous-auth authentication.anonymous.enabled
    authentication-token-webhook authentication.webhook.enabled
    authentication-token-webhook-cache-ttl authentication.webhook.cacheTTL
    authorization-mode authorization.mode
    authorization-webhook-cache-authorized-ttl authorization.webhook.cacheAuthorizedTTL
    authorization-webhook-cache-unauthorized-ttl authorization.webhook.cacheUnauthorizedTTL
    cgroup-driver cgroupDriver
    cgroup-root cgroupRoot
    cgroups-per-qos cgroupsPerQOS
    client-ca-file authentication.x509.clientCAFile
    cluster-dns clusterDNS
    cluster-domain clusterDomain
    container-log-max-files containerLogMaxFiles
    container-log-max-size containerLogMaxSize
    container-runtime-endpoint containerRuntimeEndpoint
    contention-profiling enableContentionProfiling
    cpu-cfs-quota cpuCFSQuota
    cpu-cfs-quota-period cpuCFSQuotaPeriod
    cpu-manager-policy cpuManagerPolicy
    cpu-manager-policy-options cpuManagerPolicyOptions
    cpu-manager-reconcile-period cpuManagerReconcilePeriod
    enable-controller-attach-detach enableControllerAttachDetach
    enable-debugging-handlers enableDebuggingHandlers
    enable-server enableServer
    enforce-node-allocatable enforceNodeAllocatable
    event-burst eventBurst
    event-qps eventRecordQPS
    eviction-hard evictionHard
    eviction-max-pod-grace-period evictionMaxPodGracePeriod
    eviction-minimum-reclaim evictionMinimumReclaim
    eviction-pressure-transition-period evictionPressureTransitionPeriod
    eviction-soft evictionSoft
    eviction-soft-grace-period evictionSoftGracePeriod
    fail-swap-on failSwapOn
    feature-gates featureGates
    file-check-frequency fileCheckFrequency
    hairpin-mode hairpinMode
    healthz-bind-address healthzBindAddress
    healthz-port healthzPort
    http-check-frequency httpCheckFrequency
    image-gc-high-threshold imageGCHighThresholdPercent
    image-gc-low-threshold imageGCLowThresholdPercent
    image-service-endpoint imageServiceEndpoint
    iptables-drop-bit iptablesDropBit
    iptables-masquerade-bit iptablesMasqueradeBit
    kernel-memcg-notification kernelMemcgNotification
    kube-api-burst kubeAPIBurst
    kube-api-content-type contentType
    kube-api-qps kubeAPIQPS
    kube-reserved kubeReserved
    kube-reserved-cgroup kubeReservedCgroup
    kubelet-cgroups kubeletCgroups
    local-storage-capacity-isolation localStorageCapacityIsolation
    log-json-info-buffer-size logging.options.json.infoBufferSize
    log-json-split-stream logging.options.json.splitStream
    log-text-info-buffer-size logging.options.text.infoBufferSize
    log-text-split-stream logging.options.text.splitStream
    logging-format logging.format
    make-iptables-util-chains makeIPTablesUtilChains
    manifest-url staticPodURL
    manifest-url-header staticPodURLHeader
    max-open-files maxOpenFiles
    max-pods maxPods
    memory-manager-policy memoryManagerPolicy
    minimum-image-ttl-duration imageMinimumGCAge
    node-status-max-images nodeStatusMaxImages
    node-status-update-frequency nodeStatusUpdateFrequency
    oom-score-adj oomScoreAdj
    pod-cidr podCIDR
    pod-manifest-path staticPodPath
    pod-max-pids podPidsLimit
    pods-per-core podsPerCore
    port port
    protect-kernel-defaults protectKernelDefaults
    qos-reserved qosReserved
    read-only-port readOnlyPort
    register-node registerNode
    register-with-taints registerWithTaints
    registry-burst registryBurst
    registry-qps registryPullQPS
    reserved-cpus reservedSystemCPUs
    reserved-memory reservedMemory
    resolv-conf resolvConf
    rotate-certificates rotateCertificates
    rotate-server-certificates serverTLSBootstrap
    runonce runOnce
    runtime-request-timeout runtimeRequestTimeout
    serialize-image-pulls serializeImagePulls
    streaming-connection-idle-timeout streamingConnectionIdleTimeout
    sync-frequency syncFrequency
    system-cgroups systemCgroups
    system-reserved systemReserved
    system-reserved-cgroup systemReservedCgroup
    tls-cert-file tlsCertFile
    tls-cipher-suites tlsCipherSuites
    tls-min-version tlsMinVersion
    tls-private-key-file tlsPrivateKeyFile
    topology-manager-policy topologyManagerPolicy
    topology-manager-policy-options topologyManagerPolicyOptions
    topology-manager-scope topologyManagerScope
    volume-plugin-dir volumePluginDir
    volume-stats-agg-period volumeStatsAggPeriod
"""

# minor: flags of the kubelet that came with it. Those of no line are in 1.10 already.
_SINCE: Mapping[int, str] = {
    11: "allowed-unsafe-sysctls node-status-max-images qos-reserved",
    12: "cpu-cfs-quota-period rotate-server-certificates",
    16: "topology-manager-policy",
    17: "reserved-cpus",
    19: "kernel-memcg-notification logging-format",
    20: "image-credential-provider-bin-dir image-credential-provider-config topology-manager-scope",
    21: "memory-manager-policy reserved-memory",
    22: "cpu-manager-policy-options seccomp-default",
    23: "log-json-info-buffer-size log-json-split-stream",
    25: "local-storage-capacity-isolation",
    26: "topology-manager-policy-options",
    28: "config-dir",
    30: "log-text-info-buffer-size log-text-split-stream",
    31: "fail-cgroupv1",
}

# Flags of the kubelet for which there is no field.
_PLAIN = """
    bootstrap-kubeconfig cert-dir cloud-provider config config-dir exit-on-lock-contention fail-cgroupv1
    hostname-override housekeeping-interval image-credential-provider-bin-dir image-credential-provider-config
    kubeconfig lock-file log-flush-frequency node-ip node-labels provider-id root-dir runtime-cgroups
    seccomp-default v vmodule
"""

_AGED: Mapping[str, Life] = {
    "experimental-allocatable-ignore-eviction": Life(deprecated=19, instead=_LEFT_OUT),
    "experimental-mounter-path": Life(deprecated=19, instead="leave it out, volumes come from CSI drivers"),
    "maximum-dead-containers": Life(deprecated=OLDEST, instead="set evictionHard in kubelet.extraConfig"),
    "maximum-dead-containers-per-container": Life(
        deprecated=OLDEST, instead="set evictionHard in kubelet.extraConfig"
    ),
    "minimum-container-ttl-duration": Life(
        deprecated=OLDEST, instead="set evictionHard in kubelet.extraConfig"
    ),
}


# By the first minor without them.
_GONE: Mapping[str, Life] = {
    **ended(11, _LEFT_OUT, "enable-custom-metrics"),
    **ended(
        11, "allowed-unsafe-sysctls is its name now", "experimental-allowed-unsafe-sysctls", deprecated=11
    ),
    **ended(11, "qos-reserved is its name now", "experimental-qos-reserved", deprecated=11),
    **ended(11, _DOCKERSHIM, "rkt-api-endpoint rkt-path rkt-stage1-image"),
    **ended(12, _LEFT_OUT, "cadvisor-port"),
    **ended(12, "leave it out, pods no longer share one PID namespace", "docker-disable-shared-pid"),
    **ended(13, "set image-credential-provider-config", "google-json-key", deprecated=13),
    **ended(14, "set host.swap", "experimental-fail-swap-on"),
    **ended(15, "leave it out, Pod Security Admission decides", "allow-privileged"),
    **ended(
        15,
        "leave it out, Pod Security Admission decides",
        "host-ipc-sources host-network-sources host-pid-sources",
    ),
    **ended(16, _LEFT_OUT, "containerized", deprecated=14),
    **ended(19, _LEFT_OUT, "bootstrap-checkpoint-path experimental-dockershim", deprecated=19),
    **ended(22, _LEFT_OUT, "redirect-container-streaming", since=11, deprecated=18),
    **ended(21, _LEFT_OUT, "enable-cadvisor-json-endpoints", since=15, deprecated=17),
    **ended(22, _LEFT_OUT, "chaos-chance", deprecated=19),
    **ended(
        23, "bootstrap-kubeconfig is its name now, and always given", "experimental-bootstrap-kubeconfig"
    ),
    **ended(
        23, "leave it out, profiles are in seccomp below root-dir", "seccomp-profile-root", deprecated=19
    ),
    **ended(
        24,
        _CRI_DOCKERD,
        """
        cni-bin-dir cni-conf-dir docker-endpoint experimental-dockershim-root-directory image-pull-progress-deadline
        network-plugin network-plugin-mtu
        """,
        deprecated=21,
    ),
    **ended(24, _CRI_DOCKERD, "cni-cache-dir", since=16, deprecated=21),
    **ended(
        24,
        _DOCKERSHIM,
        """
        docker docker-env-metadata-whitelist docker-only docker-root docker-tls docker-tls-ca docker-tls-cert
        docker-tls-key
        """,
    ),
    **ended(24, "set kubelet.extraConfig, which a preview shows", "dynamic-config-dir", deprecated=22),
    **ended(
        24,
        "leave it out, volumes come from CSI drivers",
        "experimental-check-node-capabilities-before-mount",
        deprecated=19,
    ),
    **ended(24, "leave it out, the network plugin decides", "non-masquerade-cidr"),
    **ended(24, _LEFT_OUT, "really-crash-for-testing", deprecated=19),
    **ended(
        25,
        "set kernelMemcgNotification in kubelet.extraConfig",
        "experimental-kernel-memcg-notification",
        deprecated=19,
    ),
    **ended(
        26, _JOURNAL, "alsologtostderr log-backtrace-at log-dir logtostderr stderrthreshold", deprecated=23
    ),
    **ended(26, _JOURNAL, "log-file", since=13, deprecated=23),
    **ended(27, "leave it out, the runtime is always reached over CRI", "container-runtime", deprecated=24),
    **ended(27, _LEFT_OUT, "master-service-namespace"),
    **ended(30, "set image-credential-provider-config", "azure-container-registry-config", deprecated=28),
    **ended(31, _NO_EFFECT, "iptables-drop-bit iptables-masquerade-bit"),
    **ended(31, _LEFT_OUT, "keep-terminated-pod-volumes"),
    **ended(34, "leave it out, cloud providers run outside the kubelet", "cloud-config", deprecated=19),
    **ended(34, "set taints of the node", "register-schedulable"),
    **ended(35, "set docker.pauseImage", "pod-infra-container-image", deprecated=24),
    **ended(37, _LEFT_OUT, "containerd-namespace", since=20, deprecated=20),
    **ended(
        37,
        _LEFT_OUT,
        """
        application-metrics-count-limit boot-id-file container-hints containerd enable-load-reader
        event-storage-age-limit event-storage-event-limit global-housekeeping-interval log-cadvisor-usage
        machine-id-file storage-driver-buffer-duration storage-driver-db storage-driver-host storage-driver-password
        storage-driver-secure storage-driver-table storage-driver-user
        """,
    ),
}


FIELD_OF: Mapping[str, str] = dict(line.split() for line in _FIELD_LINES.strip().splitlines())
"""By flag of the kubelet: the field that says the same, with its path."""


def _field_life(path: str) -> Life:
    """The life of a field of the KubeletConfiguration: that of the youngest part of its path."""
    return LIVES[FILE][path.partition(".")[0]]


def _kubelet() -> dict[str, Life]:
    since = {name: number for number, names in _SINCE.items() for name in names.split()}
    lives = {name: Life(since=since.get(name, OLDEST)) for name in _PLAIN.split()}
    for name, field in FIELD_OF.items():
        first = since.get(name, OLDEST)
        deprecated = max(first, _field_life(field).since)
        lives[name] = Life(first, deprecated=deprecated, instead=f"set {field} in kubelet.extraConfig")
    return {**lives, **_AGED, **_GONE}


# flag: its life
KUBELET: Mapping[str, Life] = _kubelet()


def kubelet_flags(number: int) -> frozenset[str]:
    """Every flag that the kubelet of this minor takes."""
    return known(KUBELET, number)
