"""What a user is told of a flag, a field or a release that does not fit: the whole message, and which minors have it.

Each row is a release and what somebody may write for it, laid over a good configuration of one node.
"""
# ruff: noqa: E501 - the table has one case a line

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from components.settings import SettingsError, StackSettings, load
from components.settings.merge import patched
from components.versions import MINORS
from tests.components import example

REFUSALS: list[tuple[str, str, list[str]]] = [
    ("1.9.11", "", ["kubernetes.version: Kubernetes 1.9.11 is not supported: its kubelet has no v1beta1 configuration file; the nearest supported minor is 1.10"]),
    ("1.11.10", "", ["kubernetes.version: Kubernetes 1.11.10 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.10"]),
    ("1.16.15", "", ["kubernetes.version: Kubernetes 1.16.15 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.10"]),
    ("1.20.15", "", ["kubernetes.version: Kubernetes 1.20.15 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.29"]),
    ("1.23.17", "", ["kubernetes.version: Kubernetes 1.23.17 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.29"]),
    ("1.24.17", "", ["kubernetes.version: Kubernetes 1.24.17 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.29"]),
    ("1.28.15", "", ["kubernetes.version: Kubernetes 1.28.15 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.29"]),
    ("1.38.0", "", ["kubernetes.version: Kubernetes 1.38.0 is not supported: it is newer than this release of kubenode knows; the nearest supported minor is 1.37"]),
    ("1.45.0", "", ["kubernetes.version: Kubernetes 1.45.0 is not supported: it is newer than this release of kubenode knows; the nearest supported minor is 1.37"]),
    ("2.0.0", "", ["kubernetes.version: Kubernetes 2.0.0 is not supported: it is newer than this release of kubenode knows; the nearest supported minor is 1.37"]),
    ("1.37.2", "kubelet: {extraFlags: {network-plugin: cni}}", ["kubelet.extraFlags.network-plugin: the kubelet of Kubernetes 1.37 has no flag --network-plugin; it was there up to 1.23: cri-dockerd has it"]),
    ("1.37.2", "kubelet: {extraFlags: {allow-privileged: true}}", ["kubelet.extraFlags.allow-privileged: the kubelet of Kubernetes 1.37 has no flag --allow-privileged; it was there up to 1.14: leave it out, Pod Security Admission decides"]),
    ("1.37.2", "kubelet: {extraFlags: {logtostderr: false, log-dir: /var/log/k8s}}", [
        "kubelet.extraFlags.logtostderr: the kubelet of Kubernetes 1.37 has no flag --logtostderr; it was there up to 1.25: read the journal",
        "kubelet.extraFlags.log-dir: the kubelet of Kubernetes 1.37 has no flag --log-dir; it was there up to 1.25: read the journal",
    ]),
    ("1.37.2", "kubelet: {extraFlags: {experimental-bootstrap-kubeconfig: /etc/kubernetes/bootstrap.kubeconfig}}", ["kubelet.extraFlags.experimental-bootstrap-kubeconfig: the kubelet of Kubernetes 1.37 has no flag --experimental-bootstrap-kubeconfig; it was there up to 1.22: bootstrap-kubeconfig is its name now, and always given"]),
    ("1.37.2", "kubelet: {extraFlags: {docker-disable-shared-pid: true}}", ["kubelet.extraFlags.docker-disable-shared-pid: the kubelet of Kubernetes 1.37 has no flag --docker-disable-shared-pid; it was there up to 1.11: leave it out, pods no longer share one PID namespace"]),
    ("1.37.2", "kubelet: {extraFlags: {container-runtime: remote}}", ["kubelet.extraFlags.container-runtime: the kubelet of Kubernetes 1.37 has no flag --container-runtime; it was there up to 1.26: leave it out, the runtime is always reached over CRI"]),
    ("1.37.2", "kubelet: {extraFlags: {cni-bin-dir: /opt/cni/bin, cni-conf-dir: /etc/cni/net.d, cni-cache-dir: /var/lib/cni/cache}}", [
        "kubelet.extraFlags.cni-bin-dir: the kubelet of Kubernetes 1.37 has no flag --cni-bin-dir; it was there up to 1.23: cri-dockerd has it",
        "kubelet.extraFlags.cni-conf-dir: the kubelet of Kubernetes 1.37 has no flag --cni-conf-dir; it was there up to 1.23: cri-dockerd has it",
        "kubelet.extraFlags.cni-cache-dir: the kubelet of Kubernetes 1.37 has no flag --cni-cache-dir; it was there from 1.16 to 1.23: cri-dockerd has it",
    ]),
    ("1.37.2", "kubelet: {extraFlags: {docker-endpoint: 'unix:///var/run/docker.sock'}}", ["kubelet.extraFlags.docker-endpoint: the kubelet of Kubernetes 1.37 has no flag --docker-endpoint; it was there up to 1.23: cri-dockerd has it"]),
    ("1.37.2", "kubelet: {extraFlags: {register-schedulable: false}}", ["kubelet.extraFlags.register-schedulable: the kubelet of Kubernetes 1.37 has no flag --register-schedulable; it was there up to 1.33: set taints of the node"]),
    ("1.37.2", "kubelet: {extraFlags: {keep-terminated-pod-volumes: true}}", ["kubelet.extraFlags.keep-terminated-pod-volumes: the kubelet of Kubernetes 1.37 has no flag --keep-terminated-pod-volumes; it was there up to 1.30: leave it out"]),
    ("1.37.2", "kubelet: {extraFlags: {cloud-config: /etc/cloud.conf}}", ["kubelet.extraFlags.cloud-config: the kubelet of Kubernetes 1.37 has no flag --cloud-config; it was there up to 1.33: leave it out, cloud providers run outside the kubelet"]),
    ("1.37.2", "kubelet: {extraFlags: {pod-infra-container-image: 'registry.k8s.io/pause:3.10.2'}}", ["kubelet.extraFlags.pod-infra-container-image: the kubelet of Kubernetes 1.37 has no flag --pod-infra-container-image; it was there up to 1.34: set docker.pauseImage"]),
    ("1.37.2", "kubelet: {extraFlags: {containerd: /run/containerd/containerd.sock}}", ["kubelet.extraFlags.containerd: the kubelet of Kubernetes 1.37 has no flag --containerd; it was there up to 1.36: leave it out"]),
    ("1.37.2", "kubelet: {extraFlags: {storage-driver-db: cadvisor}}", ["kubelet.extraFlags.storage-driver-db: the kubelet of Kubernetes 1.37 has no flag --storage-driver-db; it was there up to 1.36: leave it out"]),
    ("1.37.2", "kubelet: {extraFlags: {dynamic-config-dir: /var/lib/kubelet/dynamic}}", ["kubelet.extraFlags.dynamic-config-dir: the kubelet of Kubernetes 1.37 has no flag --dynamic-config-dir; it was there up to 1.23: set kubelet.extraConfig, which a preview shows"]),
    ("1.37.2", "kubelet: {extraFlags: {seccomp-profile-root: /var/lib/kubelet/seccomp}}", ["kubelet.extraFlags.seccomp-profile-root: the kubelet of Kubernetes 1.37 has no flag --seccomp-profile-root; it was there up to 1.22: leave it out, profiles are in seccomp below root-dir"]),
    ("1.37.2", "kubelet: {extraFlags: {experimental-kernel-memcg-notification: true}}", ["kubelet.extraFlags.experimental-kernel-memcg-notification: the kubelet of Kubernetes 1.37 has no flag --experimental-kernel-memcg-notification; it was there up to 1.24: set kernelMemcgNotification in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {experimental-allowed-unsafe-sysctls: net.core.somaxconn}}", ["kubelet.extraFlags.experimental-allowed-unsafe-sysctls: the kubelet of Kubernetes 1.37 has no flag --experimental-allowed-unsafe-sysctls; it was there up to 1.10: allowed-unsafe-sysctls is its name now"]),
    ("1.37.2", "kubelet: {extraFlags: {cadvisor-port: 0}}", ["kubelet.extraFlags.cadvisor-port: the kubelet of Kubernetes 1.37 has no flag --cadvisor-port; it was there up to 1.11: leave it out"]),
    ("1.37.2", "kubelet: {extraFlags: {host-network-sources: api}}", ["kubelet.extraFlags.host-network-sources: the kubelet of Kubernetes 1.37 has no flag --host-network-sources; it was there up to 1.14: leave it out, Pod Security Admission decides"]),
    ("1.37.2", "kubelet: {extraFlags: {non-masquerade-cidr: 10.0.0.0/8}}", ["kubelet.extraFlags.non-masquerade-cidr: the kubelet of Kubernetes 1.37 has no flag --non-masquerade-cidr; it was there up to 1.23: leave it out, the network plugin decides"]),
    ("1.37.2", "kubelet: {extraFlags: {redirect-container-streaming: false}}", ["kubelet.extraFlags.redirect-container-streaming: the kubelet of Kubernetes 1.37 has no flag --redirect-container-streaming; it was there from 1.11 to 1.21: leave it out"]),
    ("1.36.3", "kubelet: {extraFlags: {pod-infra-container-image: 'registry.k8s.io/pause:3.10.2'}}", ["kubelet.extraFlags.pod-infra-container-image: the kubelet of Kubernetes 1.36 has no flag --pod-infra-container-image; it was there up to 1.34: set docker.pauseImage"]),
    ("1.35.4", "kubelet: {extraFlags: {register-schedulable: false, pod-infra-container-image: 'registry.k8s.io/pause:3.10.1'}}", [
        "kubelet.extraFlags.register-schedulable: the kubelet of Kubernetes 1.35 has no flag --register-schedulable; it was there up to 1.33: set taints of the node",
        "kubelet.extraFlags.pod-infra-container-image: the kubelet of Kubernetes 1.35 has no flag --pod-infra-container-image; it was there up to 1.34: set docker.pauseImage",
    ]),
    ("1.34.4", "kubelet: {extraFlags: {cloud-config: /etc/cloud.conf}}", ["kubelet.extraFlags.cloud-config: the kubelet of Kubernetes 1.34 has no flag --cloud-config; it was there up to 1.33: leave it out, cloud providers run outside the kubelet"]),
    ("1.31.14", "kubelet: {extraFlags: {iptables-drop-bit: 15}}", ["kubelet.extraFlags.iptables-drop-bit: the kubelet of Kubernetes 1.31 has no flag --iptables-drop-bit; it was there up to 1.30: leave it out, it has no effect"]),
    ("1.30.14", "kubelet: {extraFlags: {azure-container-registry-config: /etc/acr.json}}", ["kubelet.extraFlags.azure-container-registry-config: the kubelet of Kubernetes 1.30 has no flag --azure-container-registry-config; it was there up to 1.29: set image-credential-provider-config"]),
    ("1.30.14", "kubelet: {extraFlags: {fail-cgroupv1: false}}", ["kubelet.extraFlags.fail-cgroupv1: the kubelet of Kubernetes 1.30 has no flag --fail-cgroupv1; it is there from 1.31 on"]),
    ("1.29.6", "kubelet: {extraFlags: {log-text-split-stream: true}}", ["kubelet.extraFlags.log-text-split-stream: the kubelet of Kubernetes 1.29 has no flag --log-text-split-stream; it is there from 1.30 on"]),
    ("1.10.2", "kubelet: {extraFlags: {allowed-unsafe-sysctls: net.core.somaxconn}}", ["kubelet.extraFlags.allowed-unsafe-sysctls: the kubelet of Kubernetes 1.10 has no flag --allowed-unsafe-sysctls; it is there from 1.11 on"]),
    ("1.10.2", "kubelet: {extraFlags: {rotate-server-certificates: true}}", ["kubelet.extraFlags.rotate-server-certificates: the kubelet of Kubernetes 1.10 has no flag --rotate-server-certificates; it is there from 1.12 on"]),
    ("1.10.2", "kubelet: {extraFlags: {seccomp-default: true}}", ["kubelet.extraFlags.seccomp-default: the kubelet of Kubernetes 1.10 has no flag --seccomp-default; it is there from 1.22 on"]),
    ("1.10.2", "kubelet: {extraFlags: {image-credential-provider-config: /etc/kubernetes/credentials.yaml}}", ["kubelet.extraFlags.image-credential-provider-config: the kubelet of Kubernetes 1.10 has no flag --image-credential-provider-config; it is there from 1.20 on"]),
    ("1.10.2", "kubelet: {extraFlags: {log-file: /var/log/kubelet.log}}", ["kubelet.extraFlags.log-file: the kubelet of Kubernetes 1.10 has no flag --log-file; it is there from 1.13 to 1.25"]),
    ("1.37.2", "kubelet: {extraFlags: {max-pod: 55}}", ["kubelet.extraFlags.max-pod: the kubelet of Kubernetes 1.37 has no flag --max-pod; did you mean --max-pods?"]),
    ("1.37.2", "kubelet: {extraFlags: {verbosity: 4}}", ["kubelet.extraFlags.verbosity: the kubelet of Kubernetes 1.37 has no flag --verbosity; no release from 1.10 to 1.37 has it"]),
    ("1.10.2", "kubelet: {extraFlags: {alow-privileged: true}}", ["kubelet.extraFlags.alow-privileged: the kubelet of Kubernetes 1.10 has no flag --alow-privileged; did you mean --allow-privileged?"]),
    ("1.37.2", "kubelet: {extraFlags: {config-dir: /etc/kubernetes/kubelet.d}}", ["kubelet.extraFlags.config-dir: --config-dir is this project's own: set kubelet.extraConfig, which a preview shows"]),
    ("1.29.6", "kubelet: {extraConfig: {failCgroupV1: false}}", ["kubelet.extraConfig.failCgroupV1: the kubelet of 1.29 has no field of this name; it is there from 1.31 on"]),
    ("1.29.6", "kubelet: {extraConfig: {podLogsDir: /data/pods}}", ["kubelet.extraConfig.podLogsDir: the kubelet of 1.29 has no field of this name; it is there from 1.30 on"]),
    ("1.30.14", "kubelet: {extraConfig: {failCgroupV1: false}}", ["kubelet.extraConfig.failCgroupV1: the kubelet of 1.30 has no field of this name; it is there from 1.31 on"]),
    ("1.31.14", "kubelet: {extraConfig: {singleProcessOOMKill: true}}", ["kubelet.extraConfig.singleProcessOOMKill: the kubelet of 1.31 has no field of this name; it is there from 1.32 on"]),
    ("1.32.13", "kubelet: {extraConfig: {mergeDefaultEvictionSettings: true}}", ["kubelet.extraConfig.mergeDefaultEvictionSettings: the kubelet of 1.32 has no field of this name; it is there from 1.33 on"]),
    ("1.34.4", "kubelet: {extraConfig: {memoryReservationPolicy: None}}", ["kubelet.extraConfig.memoryReservationPolicy: the kubelet of 1.34 has no field of this name; it is there from 1.36 on"]),
    ("1.35.4", "kubelet: {extraConfig: {tlsCurvePreferences: [29]}}", ["kubelet.extraConfig.tlsCurvePreferences: the kubelet of 1.35 has no field of this name; it is there from 1.36 on"]),
    ("1.36.3", "kubelet: {extraConfig: {defaultPodSysctls: {net.core.somaxconn: '1024'}}}", ["kubelet.extraConfig.defaultPodSysctls: the kubelet of 1.36 has no field of this name; it is there from 1.37 on"]),
    ("1.37.2", "kubelet: {extraConfig: {runOnce: false}}", ["kubelet.extraConfig.runOnce: the kubelet of 1.37 has no field of this name; it was there from 1.19 to 1.36: leave it out, no kubelet runs pods once and ends"]),
    ("1.10.2", "kubelet: {extraConfig: {configMapAndSecretChangeDetectionStrategy: Watch}}", ["kubelet.extraConfig.configMapAndSecretChangeDetectionStrategy: the kubelet of 1.10 has no field of this name; it is there from 1.12 on"]),
    ("1.10.2", "kubelet: {extraConfig: {rotateCertificates: true}}", ["kubelet.extraConfig.rotateCertificates: the kubelet of 1.10 has no field of this name; it is there from 1.11 on"]),
    ("1.10.2", "kubelet: {extraConfig: {registerWithTaints: []}}", ["kubelet.extraConfig.registerWithTaints: the kubelet of 1.10 has no field of this name; it is there from 1.23 on"]),
    ("1.10.2", "kubelet: {extraConfig: {memorySwap: {swapBehavior: LimitedSwap}, seccompDefault: true}}", [
        "kubelet.extraConfig.memorySwap: the kubelet of 1.10 has no field of this name; it is there from 1.22 on",
        "kubelet.extraConfig.seccompDefault: the kubelet of 1.10 has no field of this name; it is there from 1.22 on",
    ]),
    ("1.37.2", "kubelet: {extraConfig: {podManifestPath: /etc/kubernetes/manifests}}", ["kubelet.extraConfig.podManifestPath: the kubelet of 1.37 has no field of this name; no release from 1.10 to 1.37 has it"]),
    ("1.37.2", "kubelet: {extraConfig: {EvictionHard: {memory.available: 200Mi}}}", ["kubelet.extraConfig.EvictionHard: the kubelet of 1.37 has no field of this name; did you mean evictionHard?"]),
    ("1.37.2", "kubelet: {extraConfig: {authentication: {anonymus: {enabled: false}}}}", ["kubelet.extraConfig.authentication.anonymus: the kubelet of 1.37 has no field of this name; did you mean anonymous?"]),
    ("1.29.6", "kubelet: {extraConfig: {logging: {options: {text: {splitStream: true}}}}}", ["kubelet.extraConfig.logging.options.text: the kubelet of 1.29 has no field of this name; it is there from 1.30 on"]),
    ("1.37.2", "kubelet: {extraConfig: {featureGates: {RotateKubeletClientCertificate: true}}}", ["kubelet.extraConfig.featureGates.RotateKubeletClientCertificate: no feature gate of Kubernetes 1.37 has this name, and an unknown one stops it; it was there up to 1.20: leave it out"]),
    ("1.29.6", "kubelet: {extraConfig: {featureGates: {KubeletPSI: true, NodeSwap: true}}}", ["kubelet.extraConfig.featureGates.KubeletPSI: no feature gate of Kubernetes 1.29 has this name, and an unknown one stops it; it is there from 1.33 on"]),
    ("1.10.2", "kubelet: {extraConfig: {featureGates: {NodeSwap: false}}}", ["kubelet.extraConfig.featureGates.NodeSwap: no feature gate of Kubernetes 1.10 has this name, and an unknown one stops it; it is there from 1.22 on"]),
    ("1.37.2", "kubelet: {extraConfig: {featureGates: {NodeSwap: false, KubeletCgroupDriverFromCRI: false, MemoryQoS: false}}}", [
        "kubelet.extraConfig.featureGates.NodeSwap: expected true: the gate is locked since 1.34, and another value stops it; leave it out",
        "kubelet.extraConfig.featureGates.KubeletCgroupDriverFromCRI: expected true: the gate is locked since 1.34, and another value stops it; leave it out",
    ]),
    ("1.35.4", "kubelet: {extraConfig: {featureGates: {AllowOverwriteTerminationGracePeriodSeconds: true}}}", ["kubelet.extraConfig.featureGates.AllowOverwriteTerminationGracePeriodSeconds: expected false: the gate is locked since 1.35, and another value stops it; leave it out"]),
    ("1.36.3", "kubelet: {extraFlags: {feature-gates: 'MemoryQoS=true,KMSv2=true'}}", ["kubelet.extraFlags.feature-gates: KMSv2: no feature gate of Kubernetes 1.36 has this name, and an unknown one stops it; it was there from 1.25 to 1.31: leave it out"]),
    ("1.34.4", "kubelet: {extraFlags: {feature-gates: NodeSwap=false}}", ["kubelet.extraFlags.feature-gates: NodeSwap: expected true: the gate is locked since 1.34, and another value stops it; leave it out"]),
    ("1.37.2", "kubelet: {extraConfig: {featureGates: {GracefulNodeShutdown: false, WindowsGracefulNodeShutdown: false}}}", ["kubelet.extraConfig.featureGates.GracefulNodeShutdown: GracefulNodeShutdownBasedOnPodPriority is on and needs it: set GracefulNodeShutdownBasedOnPodPriority: false too"]),
    ("1.36.3", "kubelet: {extraConfig: {featureGates: {InPlacePodLevelResourcesVerticalScaling: true, PodLevelResources: false}}}", ["kubelet.extraConfig.featureGates.InPlacePodLevelResourcesVerticalScaling: needs PodLevelResources, which is off: set PodLevelResources: true too"]),
    ("1.36.3", "kubeProxy: {extraConfig: {featureGates: {NodeDeclaredFeatures: false}}}", [
        "kubeProxy.extraConfig.featureGates.NodeDeclaredFeatures: ExtendWebSocketsToKubelet is on and needs it: set ExtendWebSocketsToKubelet: false too",
        "kubeProxy.extraConfig.featureGates.NodeDeclaredFeatures: InPlacePodLevelResourcesVerticalScaling is on and needs it: set InPlacePodLevelResourcesVerticalScaling: false too",
        "kubeProxy.extraConfig.featureGates.NodeDeclaredFeatures: InPlacePodVerticalScalingInitContainers is on and needs it: set InPlacePodVerticalScalingInitContainers: false too",
        "kubeProxy.extraConfig.featureGates.NodeDeclaredFeatures: RestartAllContainersOnContainerExits is on and needs it: set RestartAllContainersOnContainerExits: false too",
    ]),
    ("1.31.14", "kubeProxy: {extraConfig: {featureGates: {SupportIPVSProxyMode: true, KubeProxyIPVS: true}}}", [
        "kubeProxy.extraConfig.featureGates.SupportIPVSProxyMode: no feature gate of Kubernetes 1.31 has this name, and an unknown one stops it; it was there up to 1.19: leave it out",
        "kubeProxy.extraConfig.featureGates.KubeProxyIPVS: no feature gate of Kubernetes 1.31 has this name, and an unknown one stops it; it is there from 1.37 on",
    ]),
    ("1.37.2", "kubeProxy: {extraConfig: {featureGates: {NFTablesProxyMode: false}}}", ["kubeProxy.extraConfig.featureGates.NFTablesProxyMode: expected true: the gate is locked since 1.33, and another value stops it; leave it out"]),
    ("1.37.2", "kubeProxy: {extraConfig: {resourceContainer: /kube-proxy}}", ["kubeProxy.extraConfig.resourceContainer: the kube-proxy of 1.37 has no field of this name; it was there up to 1.15: leave it out, systemd has its cgroup"]),
    ("1.37.2", "kubeProxy: {extraConfig: {udpIdleTimeout: 250ms}}", ["kubeProxy.extraConfig.udpIdleTimeout: the kube-proxy of 1.37 has no field of this name; it was there up to 1.25: leave it out, the userspace proxy went with it"]),
    ("1.37.2", "kubeProxy: {extraConfig: {conntrack: {max: 0}}}", ["kubeProxy.extraConfig.conntrack.max: the kube-proxy of 1.37 has no field of this name; it was there up to 1.14: set maxPerCore and min"]),
    ("1.37.2", "kubeProxy: {extraConfig: {OOMScoreAdj: -999, PortRange: '30000-60000'}}", [
        "kubeProxy.extraConfig.OOMScoreAdj: the kube-proxy of 1.37 has no field of this name; did you mean oomScoreAdj?",
        "kubeProxy.extraConfig.PortRange: the kube-proxy of 1.37 has no field of this name; did you mean portRange?",
    ]),
    ("1.10.2", "kubeProxy: {extraConfig: {detectLocalMode: ClusterCIDR}}", ["kubeProxy.extraConfig.detectLocalMode: the kube-proxy of 1.10 has no field of this name; it is there from 1.18 on"]),
    ("1.10.2", "kubeProxy: {extraConfig: {winkernel: {networkName: x}, nftables: {}}}", [
        "kubeProxy.extraConfig.winkernel: the kube-proxy of 1.10 has no field of this name; it is there from 1.14 on",
        "kubeProxy.extraConfig.nftables: the kube-proxy of 1.10 has no field of this name; it is there from 1.29 on",
    ]),
    ("1.10.2", "kubeProxy: {extraConfig: {ipvs: {strictARP: true, tcpTimeout: 5s}}}", [
        "kubeProxy.extraConfig.ipvs.strictARP: the kube-proxy of 1.10 has no field of this name; it is there from 1.15 on",
        "kubeProxy.extraConfig.ipvs.tcpTimeout: the kube-proxy of 1.10 has no field of this name; it is there from 1.18 on",
    ]),
    ("1.10.2", "kubeProxy: {extraConfig: {conntrack: {tcpBeLiberal: true}, iptables: {localhostNodePorts: false}}}", [
        "kubeProxy.extraConfig.conntrack.tcpBeLiberal: the kube-proxy of 1.10 has no field of this name; it is there from 1.29 on",
        "kubeProxy.extraConfig.iptables.localhostNodePorts: the kube-proxy of 1.10 has no field of this name; it is there from 1.26 on",
    ]),
    ("1.30.14", "kubeProxy: {extraConfig: {windowsRunAsService: false}}", ["kubeProxy.extraConfig.windowsRunAsService: the kube-proxy of 1.30 has no field of this name; it is there from 1.31 on"]),
    ("1.37.2", "kubeProxy: {extraConfig: {nftables: {localhostNodePorts: true}}}", ["kubeProxy.extraConfig.nftables.localhostNodePorts: the kube-proxy of 1.37 has no field of this name; no release from 1.10 to 1.37 has it"]),
    ("1.30.14", "kubeProxy: {mode: nftables}", ["kubeProxy.mode: expected iptables, ipvs or existing with Kubernetes 1.30; nftables is there from 1.31 on"]),
    ("1.10.2", "kubeProxy: {mode: nftables}", ["kubeProxy.mode: expected iptables, ipvs or existing with Kubernetes 1.10; nftables is there from 1.31 on"]),
]  # fmt: skip

ADVICE: list[tuple[str, str, list[str]]] = [
    ("1.37.2", "kubelet: {extraFlags: {max-pods: 55}}", ["kubelet.extraFlags.max-pods: is deprecated: set maxPods in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {eviction-hard: 'memory.available<200Mi'}}", ["kubelet.extraFlags.eviction-hard: is deprecated: set evictionHard in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {authorization-mode: Webhook}}", ["kubelet.extraFlags.authorization-mode: is deprecated: set authorization.mode in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {client-ca-file: /etc/kubernetes/ssl/ca.pem}}", ["kubelet.extraFlags.client-ca-file: is deprecated: set authentication.x509.clientCAFile in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {pod-manifest-path: /etc/kubernetes/manifests}}", ["kubelet.extraFlags.pod-manifest-path: is deprecated: set staticPodPath in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {register-node: true}}", ["kubelet.extraFlags.register-node: is deprecated since 1.23: set registerNode in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {maximum-dead-containers: 100}}", ["kubelet.extraFlags.maximum-dead-containers: is deprecated: set evictionHard in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {minimum-container-ttl-duration: 1m}}", ["kubelet.extraFlags.minimum-container-ttl-duration: is deprecated: set evictionHard in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {experimental-mounter-path: /usr/bin/mounter}}", ["kubelet.extraFlags.experimental-mounter-path: is deprecated since 1.19: leave it out, volumes come from CSI drivers"]),
    ("1.37.2", "kubelet: {extraFlags: {logging-format: json}}", ["kubelet.extraFlags.logging-format: is deprecated since 1.19: set logging.format in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {streaming-connection-idle-timeout: 4h}}", ["kubelet.extraFlags.streaming-connection-idle-timeout: is deprecated: set streamingConnectionIdleTimeout in kubelet.extraConfig"]),
    ("1.37.2", "kubelet: {extraFlags: {v: 4, seccomp-default: true, housekeeping-interval: 10s, root-dir: /data/kubelet}}", []),
    ("1.36.3", "kubelet: {extraFlags: {container-hints: /etc/hints.json}}", ["kubelet.extraFlags.container-hints: is deprecated: leave it out"]),
    ("1.34.4", "kubelet: {extraFlags: {pod-infra-container-image: 'registry.k8s.io/pause:3.10.1'}}", ["kubelet.extraFlags.pod-infra-container-image: is deprecated since 1.24: set docker.pauseImage"]),
    ("1.33.6", "kubelet: {extraFlags: {cloud-config: /etc/cloud.conf}}", ["kubelet.extraFlags.cloud-config: is deprecated since 1.19: leave it out, cloud providers run outside the kubelet"]),
    ("1.29.6", "kubelet: {extraFlags: {iptables-drop-bit: 15}}", ["kubelet.extraFlags.iptables-drop-bit: is deprecated: leave it out, it has no effect"]),
    ("1.10.2", "kubelet: {extraFlags: {experimental-bootstrap-kubeconfig: /x}}", ["kubelet.extraFlags.experimental-bootstrap-kubeconfig: is deprecated: bootstrap-kubeconfig is its name now, and always given"]),
    ("1.10.2", "kubelet: {extraFlags: {docker-disable-shared-pid: true}}", ["kubelet.extraFlags.docker-disable-shared-pid: is deprecated: leave it out, pods no longer share one PID namespace"]),
    ("1.10.2", "kubelet: {extraFlags: {logtostderr: false, log-dir: /var/log/k8s, allow-privileged: true}}", ["kubelet.extraFlags.allow-privileged: is deprecated: leave it out, Pod Security Admission decides"]),
    ("1.37.2", "kubelet: {extraConfig: {iptablesDropBit: 15, iptablesMasqueradeBit: 14}}", ["kubelet.extraConfig.iptablesDropBit: is deprecated since 1.28: leave it out, it has no effect", "kubelet.extraConfig.iptablesMasqueradeBit: is deprecated since 1.28: leave it out, it has no effect"]),
    ("1.37.2", "kubelet: {extraConfig: {streamingConnectionIdleTimeout: 4h}}", ["kubelet.extraConfig.streamingConnectionIdleTimeout: is deprecated since 1.34: leave it out, it has no effect"]),
    ("1.33.6", "kubelet: {extraConfig: {streamingConnectionIdleTimeout: 4h}}", []),
    ("1.10.2", "kubelet: {extraConfig: {iptablesDropBit: 15}}", []),
    ("1.37.2", "kubelet: {extraConfig: {featureGates: {NodeSwap: true, MemoryQoS: true, GracefulNodeShutdown: ~}}}", ["kubelet.extraConfig.featureGates.NodeSwap: is generally available since 1.34, and a later release will not know it: leave it out"]),
    ("1.37.2", "kubelet: {extraConfig: {featureGates: {AllowDNSOnlyNodeCSR: false, KMSv1: true}}}", [
        "kubelet.extraConfig.featureGates.AllowDNSOnlyNodeCSR: is deprecated since 1.31, and a later release will not know it: leave it out",
        "kubelet.extraConfig.featureGates.KMSv1: is deprecated since 1.28, and a later release will not know it: leave it out",
    ]),
    ("1.33.6", "kubelet: {extraConfig: {featureGates: {NodeSwap: true}}}", []),
    ("1.37.2", "kubelet: {extraFlags: {feature-gates: 'SystemdWatchdog=true,MemoryQoS=true'}}", [
        "kubelet.extraFlags.feature-gates: is deprecated: set featureGates in kubelet.extraConfig",
        "kubelet.extraFlags.feature-gates: SystemdWatchdog is generally available since 1.35, and a later release will not know it: leave it out",
    ]),
    ("1.37.2", "kubeProxy: {extraConfig: {featureGates: {KubeProxyIPVS: true}}}", ["kubeProxy.extraConfig.featureGates.KubeProxyIPVS: is deprecated since 1.37, and a later release will not know it: leave it out"]),
    ("1.37.2", "kubeProxy: {extraConfig: {portRange: ''}}", ["kubeProxy.extraConfig.portRange: is deprecated since 1.26: leave it out, it has no effect"]),
    ("1.37.2", "kubeProxy: {mode: ipvs}", ["kubeProxy.mode: ipvs is deprecated since 1.35, off by default from 1.40 on and gone with 1.43: set nftables"]),
    ("1.35.4", "kubeProxy: {mode: ipvs}", ["kubeProxy.mode: ipvs is deprecated since 1.35, off by default from 1.40 on and gone with 1.43: set nftables"]),
    ("1.34.4", "kubeProxy: {mode: ipvs}", []),
]  # fmt: skip

UNTESTED = "kubernetes.version: no kubelet of {} has read these files in a test of this project: they are made by the tables of its source"


def loaded(directory: Path, version: str, text: str) -> StackSettings:
    example.write_project(directory, version)
    raw = example.raw(version)
    # The second node of the example has values of its own.
    del raw["nodes"]["worker-2"]
    return load(patched(raw, yaml.safe_load(text) or {}), directory)


@pytest.mark.parametrize(
    ("version", "text", "lines"), REFUSALS, ids=[f"{row[0]} {row[1]}" for row in REFUSALS]
)
def test_the_whole_refusal(version: str, text: str, lines: list[str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, version, text)
    assert str(caught.value).splitlines() == lines


def test_there_are_enough_of_them() -> None:
    assert sum(len(lines) for _, _, lines in REFUSALS) >= 80
    assert len({text for _, text, _ in REFUSALS}) >= 60


@pytest.mark.parametrize(("version", "text", "lines"), ADVICE, ids=[f"{row[0]} {row[1]}" for row in ADVICE])
def test_the_whole_advice(version: str, text: str, lines: list[str], tmp_path: Path) -> None:
    """What is deprecated works, and is told of once."""
    number = int(version.split(".")[1])
    said = [str(notice) for notice in loaded(tmp_path, version, text).notices]
    untested = [UNTESTED.format(f"1.{number}")] if MINORS[number].status == "rendered" else []
    assert sorted(said) == sorted([*lines, *untested])


@pytest.mark.parametrize("row", MINORS.values(), ids=lambda row: row.name)
def test_what_this_project_writes_itself_is_not_deprecated(row: object, tmp_path: Path) -> None:
    name = getattr(row, "name", "")
    said = [str(notice) for notice in loaded(tmp_path, f"{name}.1", "{}").notices]
    assert said in ([], [UNTESTED.format(name)])


def test_what_two_nodes_share_is_told_once(tmp_path: Path) -> None:
    found = example.stack(
        tmp_path, {"kubelet": {"extraFlags": {"max-pods": 55}}, "nodes/worker-2/kubeProxy": ...}
    )
    assert len(found.nodes) == 2
    assert [notice.path for notice in found.notices] == ["kubelet.extraFlags.max-pods"]
