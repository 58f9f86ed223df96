"""What a user may write: the sections of the stack configuration, one table each.

Keys are camelCase in the stack file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from components.settings.calico_sections import CalicoSection
from components.settings.docker_sections import (
    DockerSection,
)
from components.settings.expected import Whole
from components.settings.host_sections import (
    HostSection,
    SshSection,
)
from components.settings.identity_sections import IdentitySection
from components.settings.section import Section
from components.settings.types import (
    Address,
    AnnotationValue,
    CaData,
    Cidr,
    Count,
    DnsDomain,
    FilePath,
    FlagName,
    FlagValue,
    HttpsUrl,
    HttpUrl,
    ImageName,
    IpAddress,
    KubeconfigText,
    KubernetesVersion,
    LabelKey,
    LabelValue,
    NodeIp,
    NodeName,
    OwnNamespace,
    PlainMap,
    Seconds,
    Text,
    UrlTemplate,
)


class DnsSection(Section):
    """The cluster's DNS as pods see it."""

    address: IpAddress = Field(description="address of the DNS service, inside serviceCidr")
    domain: DnsDomain = Field("cluster.local", description="the cluster's domain")


class ClusterSection(Section):
    """The cluster that the nodes join."""

    pod_cidr: Cidr = Field(description="address range of the pods")
    service_cidr: Cidr = Field(description="address range of the services", examples=["10.96.0.0/16"])
    dns: DnsSection = Field(description="the cluster's DNS, with its address")
    kubeconfig_file: FilePath | None = Field(
        None,
        description="admin kubeconfig, relative to the project directory",
        examples=["secrets/admin.kubeconfig"],
    )
    kubeconfig: KubeconfigText | None = Field(None, description="admin kubeconfig, its contents encrypted")
    context: Text | None = Field(
        None,
        description="context in the kubeconfig; without it the current one",
        examples=["admin@production"],
    )
    server: HttpsUrl | None = Field(
        None, description="API server as the nodes reach it; without it the kubeconfig's"
    )
    ca_data: CaData | None = Field(
        None, description="the cluster's CA certificates; without it the kubeconfig's"
    )
    identifier: Text | None = Field(
        None, description="name of the cluster; without it the kubeconfig's cluster name"
    )


class UrlsSection(Section):
    """Own places of single downloads; the mirror or upstream has the others."""

    kubelet: UrlTemplate | None = Field(None, description="the kubelet's binary")
    kube_proxy: UrlTemplate | None = Field(
        None,
        description="kube-proxy's binary",
        examples=["https://mirror.example.org/kubernetes/v{version}/{architecture}/kube-proxy"],
    )
    cri_dockerd: UrlTemplate | None = Field(
        None,
        description="the archive of cri-dockerd",
        examples=["https://mirror.example.org/cri-dockerd-{version}.{architecture}.tgz"],
    )
    cni_plugins: UrlTemplate | None = Field(
        None,
        description="the archive of the reference CNI plugins",
        examples=["https://mirror.example.org/cni-plugins-{architecture}-v{version}.tgz"],
    )


class DownloadsSection(Section):
    """Where binaries come from, and what they must hash to."""

    mirror: HttpUrl | None = Field(None, description="server that has everything under the names below")
    checksums_file: FilePath | None = Field(
        None, description="SHA-256 of every download, as sha256sum prints it", examples=["checksums"]
    )
    urls: UrlsSection = Field(UrlsSection(), description="own places of single downloads")


class KubernetesSection(Section):
    """The release of the kubelet and kube-proxy."""

    version: KubernetesVersion = Field(description="the release of the kubelet and kube-proxy")
    allow_downgrade: bool = Field(
        default=False,
        description="go to a release that is older than the one that runs on a node; refused without it",
    )


class KubeletSection(Section):
    """The kubelet."""

    extra_config: PlainMap = Field(
        {},
        description="merged over the KubeletConfiguration; null removes a key",
        examples=[{"maxPods": 55}],
    )
    extra_flags: dict[FlagName, FlagValue] = Field({}, description="further flags, without dashes")
    healthy_timeout_seconds: Seconds = Field(120, description="time until the kubelet must be healthy")


class KubeProxySection(Section):
    """The kube-proxy."""

    mode: Literal["iptables", "nftables", "ipvs", "existing"] = Field(
        "iptables",
        description="how services are implemented; existing: by something that the cluster runs itself. A node that "
        "sets existing itself does not take over the shared extraConfig",
    )
    configured_by: Literal["file", "flags"] = Field(
        "file",
        description="file: a KubeProxyConfiguration, which a preview shows line by line; flags: the flags of its unit, "
        "without any file",
    )
    extra_flags: dict[FlagName, FlagValue] = Field(
        {},
        description="further flags, without dashes; with a file those of logging alone",
        examples=[{"v": 4}],
    )
    extra_config: PlainMap = Field(
        {},
        description="merged over the KubeProxyConfiguration; null removes a key",
        examples=[{"conntrack": {"maxPerCore": 65536}}],
    )
    healthy_timeout_seconds: Seconds = Field(120, description="time until the kube-proxy must be healthy")


class RolloutSection(Section):
    """How a change reaches many nodes."""

    batch_size: Count = Field(1, description="nodes that are drained at the same time")
    reapply: dict[NodeName, Text] = Field(
        {},
        description="nodes whose parts are applied once more, with a word that is new each time; written by "
        "`make reconcile`, and without effect for a node that is not there",
        examples=[{"worker-1": "2026-03-01T04:00:00Z"}],
    )


class DrainSection(Section):
    """How a node is emptied."""

    timeout_seconds: Seconds = Field(300, description="time for all pods to leave")
    grace_period_seconds: Annotated[
        int, Whole("a number of seconds, -1 for the pod's own", -1, -1, 86400)
    ] = Field(-1, description="time for one pod to end; -1: as the pod says")
    delete_empty_dir_data: bool = Field(
        default=True, description="drain pods whose emptyDir data is lost with them"
    )
    force: bool = Field(default=False, description="delete pods that no controller would create again")


class TimeoutsSection(Section):
    """How long the stack waits for the cluster."""

    ready_seconds: Seconds = Field(180, description="until a node is Ready")
    csr_seconds: Seconds = Field(180, description="until a node has asked for its certificates")


class VerificationSection(Section):
    """The nginx test of the whole: a deployment, a service, an answer."""

    enabled: bool = Field(default=False, description="run it")
    namespace: OwnNamespace | None = Field(
        None, description="made for the test and deleted with it; without it one with the stack's name"
    )
    image: ImageName = Field(
        "nginx:1.27.3", description="image that serves a page on port 80", examples=["nginx:1.27.3"]
    )


class TaintSection(Section):
    """A taint of the Node."""

    key: LabelKey = Field(description="key, with a domain of your own")
    value: LabelValue = Field("", description="value; without it the taint has none")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        description="what happens to pods that do not tolerate it; NoExecute evicts those that run"
    )


class NodeSection(Section):
    """What belongs to one node alone. Next to these keys a node may have any section of NODE_SECTIONS."""

    address: Address = Field(description="where SSH reaches the host")
    node_ip: NodeIp | None = Field(
        None, description="the node's address in the cluster; without it the address"
    )
    labels: dict[LabelKey, LabelValue] = Field({}, description="labels of the Node")
    annotations: dict[LabelKey, AnnotationValue] = Field(
        {}, description="annotations of the Node", examples=[{"example.org/bought": "2024-05"}]
    )
    taints: Annotated[tuple[TaintSection, ...], Field(strict=False)] = Field(
        (),
        description="taints of the Node, beside those of others",
        examples=[[{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]],
    )


# Sections that stand once.
STACK_SECTIONS: Mapping[str, type[Section]] = {
    "cluster": ClusterSection,
    "downloads": DownloadsSection,
    "identity": IdentitySection,
    "rollout": RolloutSection,
    "drain": DrainSection,
    "timeouts": TimeoutsSection,
    "verification": VerificationSection,
}

# Sections that stand once for all nodes, and under a node for that node alone (merged key by key).
NODE_SECTIONS: Mapping[str, type[Section]] = {
    "ssh": SshSection,
    "kubernetes": KubernetesSection,
    "host": HostSection,
    "docker": DockerSection,
    "calico": CalicoSection,
    "kubelet": KubeletSection,
    "kubeProxy": KubeProxySection,
}
