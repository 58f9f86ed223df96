"""The kubelet's flags by release.

Owns which flags the kubelets from 1.29 on take, and which are gone since when; of 1.10 only the latter is known. Does
not own which flags a node gets (`minors.py`, `kubelet/files.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

_OLDEST_KNOWN = 29

# flag: (first minor that does not know it, what to do instead)
_GONE: Mapping[str, tuple[int, str]] = {
    "docker-disable-shared-pid": (12, "leave it out, pods no longer share one PID namespace"),
    "allow-privileged": (15, "leave it out, Pod Security Admission decides"),
    "experimental-bootstrap-kubeconfig": (23, "leave it out, bootstrap-kubeconfig is always given"),
    "cni-bin-dir": (24, "cri-dockerd has it"),
    "cni-cache-dir": (24, "cri-dockerd has it"),
    "cni-conf-dir": (24, "cri-dockerd has it"),
    "docker-endpoint": (24, "cri-dockerd has it"),
    "experimental-dockershim-root-directory": (24, "cri-dockerd has it"),
    "image-pull-progress-deadline": (24, "cri-dockerd has it"),
    "network-plugin": (24, "cri-dockerd has it"),
    "network-plugin-mtu": (24, "cri-dockerd has it"),
    "log-dir": (26, "read the journal"),
    "log-file": (26, "read the journal"),
    "logtostderr": (26, "read the journal"),
    "container-runtime": (27, "leave it out, the runtime is always reached over CRI"),
    "keep-terminated-pod-volumes": (31, "leave it out"),
    "cloud-config": (34, "leave it out, cloud providers run outside the kubelet"),
    "register-schedulable": (34, "set registerWithTaints in kubelet.extraConfig"),
    "pod-infra-container-image": (35, "set docker.pauseImage"),
    # At the latest: no release between 1.29, which has them, and this one has been looked at.
    "azure-container-registry-config": (36, "set image-credential-provider-config"),
    "iptables-drop-bit": (36, "leave it out, it had no effect"),
    "iptables-masquerade-bit": (36, "leave it out, it had no effect"),
    "application-metrics-count-limit": (37, "leave it out"),
    "boot-id-file": (37, "leave it out"),
    "container-hints": (37, "leave it out"),
    "containerd": (37, "leave it out"),
    "containerd-namespace": (37, "leave it out"),
    "enable-load-reader": (37, "leave it out"),
    "event-storage-age-limit": (37, "leave it out"),
    "event-storage-event-limit": (37, "leave it out"),
    "global-housekeeping-interval": (37, "leave it out"),
    "log-cadvisor-usage": (37, "leave it out"),
    "machine-id-file": (37, "leave it out"),
    "storage-driver-buffer-duration": (37, "leave it out"),
    "storage-driver-db": (37, "leave it out"),
    "storage-driver-host": (37, "leave it out"),
    "storage-driver-password": (37, "leave it out"),
    "storage-driver-secure": (37, "leave it out"),
    "storage-driver-table": (37, "leave it out"),
    "storage-driver-user": (37, "leave it out"),
}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Those of 1.37. Not here: help and version, with which no kubelet starts.
_KUBELET = _names(
    """
    address allowed-unsafe-sysctls anonymous-auth authentication-token-webhook
    authentication-token-webhook-cache-ttl authorization-mode
    authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl
    bootstrap-kubeconfig cert-dir cgroup-driver cgroup-root cgroups-per-qos client-ca-file
    cloud-provider cluster-dns cluster-domain config config-dir container-log-max-files
    container-log-max-size container-runtime-endpoint contention-profiling cpu-cfs-quota
    cpu-cfs-quota-period cpu-manager-policy cpu-manager-policy-options cpu-manager-reconcile-period
    enable-controller-attach-detach enable-debugging-handlers enable-server enforce-node-allocatable
    event-burst event-qps eviction-hard eviction-max-pod-grace-period eviction-minimum-reclaim
    eviction-pressure-transition-period eviction-soft eviction-soft-grace-period
    exit-on-lock-contention experimental-allocatable-ignore-eviction experimental-mounter-path
    fail-cgroupv1 fail-swap-on feature-gates file-check-frequency hairpin-mode healthz-bind-address
    healthz-port hostname-override housekeeping-interval http-check-frequency
    image-credential-provider-bin-dir image-credential-provider-config image-gc-high-threshold
    image-gc-low-threshold image-service-endpoint kernel-memcg-notification kube-api-burst
    kube-api-content-type kube-api-qps kube-reserved kube-reserved-cgroup kubeconfig kubelet-cgroups
    local-storage-capacity-isolation lock-file log-flush-frequency log-json-info-buffer-size
    log-json-split-stream log-text-info-buffer-size log-text-split-stream logging-format
    make-iptables-util-chains manifest-url manifest-url-header max-open-files max-pods
    maximum-dead-containers maximum-dead-containers-per-container memory-manager-policy
    minimum-container-ttl-duration minimum-image-ttl-duration node-ip node-labels
    node-status-max-images node-status-update-frequency oom-score-adj pod-cidr pod-manifest-path
    pod-max-pids pods-per-core port protect-kernel-defaults provider-id qos-reserved read-only-port
    register-node register-with-taints registry-burst registry-qps reserved-cpus reserved-memory
    resolv-conf root-dir rotate-certificates rotate-server-certificates runonce runtime-cgroups
    runtime-request-timeout seccomp-default serialize-image-pulls streaming-connection-idle-timeout
    sync-frequency system-cgroups system-reserved system-reserved-cgroup tls-cert-file
    tls-cipher-suites tls-min-version tls-private-key-file topology-manager-policy
    topology-manager-policy-options topology-manager-scope v vmodule volume-plugin-dir
    volume-stats-agg-period
    """
)

# flag: first minor that knows it
_ADDED: Mapping[str, int] = {"fail-cgroupv1": 31}


def gone_kubelet_flags(number: int) -> Mapping[str, str]:
    """The flags that the kubelet of this minor knows no longer, and what to do instead."""
    return {name: text for name, (gone, text) in _GONE.items() if gone <= number}


def kubelet_flags(number: int) -> frozenset[str]:
    """Every flag that the kubelet of this minor takes; empty if that is not known."""
    if number < _OLDEST_KNOWN:
        return frozenset()
    later = {name for name, since in _ADDED.items() if since > number}
    kept = {name for name, (gone, _) in _GONE.items() if gone > max(number, _OLDEST_KNOWN)}
    return (_KUBELET | kept) - later
