"""What a user may write: the sections of the stack configuration, one table each.

Keys are camelCase in the stack file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from components.settings.calico_sections import CalicoSection
from components.settings.expected import Whole
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
    Folder,
    HostKey,
    Hours,
    HttpsUrl,
    HttpUrl,
    ImageName,
    InsecureRegistry,
    IpAddress,
    KubeconfigText,
    KubernetesUser,
    KubernetesVersion,
    LabelKey,
    LabelValue,
    LogSize,
    MirrorPath,
    NodeIp,
    NodeName,
    NoProxy,
    OwnNamespace,
    Package,
    Password,
    PlainMap,
    Port,
    PrivateKey,
    ProxyUrl,
    RegistryMirror,
    RegistryName,
    RegistryUser,
    ReleaseVersion,
    RepositoryChannel,
    Seconds,
    Sha256,
    SigningKey,
    StaticToken,
    SysctlName,
    SysctlValue,
    Text,
    UrlTemplate,
    UserName,
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


class BastionSection(Section):
    """The host that SSH goes through. Exactly one of privateKeyFile, privateKey, agent and password."""

    address: Address = Field(description="where the bastion is reached")
    port: Port = Field(22, description="TCP port of its SSH server")
    user: UserName = Field(description="login on the bastion")
    private_key_file: FilePath | None = Field(
        None, description="private key, relative to the project directory"
    )
    private_key: PrivateKey | None = Field(None, description="private key, its contents encrypted")
    agent: bool = Field(default=False, description="take the keys of the running SSH agent")
    password: Password | None = Field(None, description="password, encrypted")
    host_key: HostKey | None = Field(None, description="public key that the bastion must show")
    insecure_ignore_host_key: bool = Field(default=False, description="trust whoever answers at the address")


class SshSection(Section):
    """How a host is reached. Exactly one of privateKeyFile, privateKey, agent and password."""

    user: UserName = Field("root", description="login; another one than root needs sudo without password")
    port: Port = Field(22, description="TCP port of the SSH server")
    private_key_file: FilePath | None = Field(
        None, description="private key, relative to the project directory"
    )
    private_key: PrivateKey | None = Field(None, description="private key, its contents encrypted")
    agent: bool = Field(default=False, description="take the keys of the running SSH agent")
    password: Password | None = Field(None, description="password, encrypted")
    host_key: HostKey | None = Field(None, description="public key that the host must show")
    insecure_ignore_host_key: bool = Field(default=False, description="trust whoever answers at the address")
    dial_error_limit: Annotated[int, Whole("a number of attempts", 3, 1, 100)] = Field(
        3, description="attempts to connect before it is an error"
    )
    per_dial_timeout_seconds: Seconds = Field(5, description="time for one attempt")
    bastion: BastionSection | None = Field(None, description="host that the connection goes through")


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


class PackageMirrorSection(Section):
    """Where the distribution's packages come from, instead of the host's own sources; for our installations only."""

    url: HttpUrl = Field(description="the distribution's archive, which has dists/ below it")
    security_url: HttpUrl | None = Field(
        None, description="archive of security updates; Ubuntu's are in the first one unless this is given"
    )


class ProxySection(Section):
    """What packages, downloads and Docker's images come through. A user's name and password must be encrypted."""

    http: ProxyUrl | None = Field(None, description="proxy for http URLs")
    https: ProxyUrl | None = Field(None, description="proxy for https URLs")
    no_proxy: Annotated[tuple[NoProxy, ...], Field(strict=False)] = Field(
        (), description="what is asked directly, besides the cluster and the node itself"
    )


class HostSection(Section):
    """The host below the node."""

    architecture: Literal["amd64", "arm64"] = Field("amd64", description="architecture of the binaries")
    os_family: Literal["debian", "redhat"] = Field(
        "debian", description="packages by apt-get (Debian, Ubuntu) or by dnf (Fedora, RHEL and its kin)"
    )
    packages: Annotated[tuple[Package, ...], Field(strict=False)] = Field(
        (), description="further packages", examples=[["nfs-common"]]
    )
    package_mirror: PackageMirrorSection | None = Field(
        None, description="archive that packages come from, instead of the host's own sources"
    )
    proxy: ProxySection | None = Field(
        None, description="proxy for packages, downloads and Docker's image pulls"
    )
    swap: Literal["refuse", "allow"] = Field(
        "refuse", description="what to do about swap: refuse the host, or allow it"
    )
    disk_free_megabytes: Annotated[int, Whole("a number of MiB", 2048, 1, 1 << 30)] = Field(
        2048, description="free space below /var/lib that a new host must have, in MiB"
    )
    max_clock_skew_seconds: Annotated[int, Whole("a number of seconds", 30, 5, 86400)] = Field(
        30, description="how far the host's clock may be from the API server's"
    )
    sysctls: dict[SysctlName, SysctlValue] = Field(
        {},
        description="further kernel settings; null drops one of ours",
        examples=[{"net.core.somaxconn": 4096}],
    )


class CriDockerdSection(Section):
    """The adapter between the kubelet and Docker, needed from Kubernetes 1.24 on."""

    version: ReleaseVersion = Field("0.4.3", description="release of cri-dockerd")


class ImageSection(Section):
    """An image that is loaded into Docker before the kubelet starts. Exactly one of path and url."""

    name: ImageName = Field(description="the image as pods name it")
    path: MirrorPath | None = Field(None, description="archive of docker save, below downloads.mirror")
    url: HttpUrl | None = Field(
        None,
        description="archive of docker save, anywhere",
        examples=["https://mirror.example.org/images/pause-3.10.2.tar"],
    )
    sha256: Sha256 | None = Field(None, description="of the archive; without it the checksums file's")


class DockerRepositorySection(Section):
    """Docker's own package repository, for source docker. The host's own package sources stay as they are."""

    url: HttpUrl | None = Field(
        None,
        description="the repository, up to dists; without it Docker's own for the host's distribution",
        examples=["https://mirror.example.org/docker/debian"],
    )
    key_url: HttpUrl | None = Field(
        None,
        description="the key that signs it; without it gpg below the repository",
        examples=["https://mirror.example.org/docker/debian/gpg"],
    )
    key_sha256: Sha256 = Field(
        # Docker's release key, 9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88, as it is served for Debian
        # and for Ubuntu alike.
        "1500c1f56fa9e26b9b8f42452a553675796ade0807cdce11975eb98170b3a570",
        description="of the key's file; without it that of Docker's own key",
    )
    channel: RepositoryChannel = Field("stable", description="channel of the repository")
    packages: Annotated[tuple[Package, ...], Field(strict=False)] = Field(
        ("docker-ce", "docker-ce-cli", "containerd.io"),
        description="packages to install, Docker Engine's first, each with a version if you want to pin it",
        examples=[["docker-ce=5:27.5.1-1~debian.12~bookworm", "docker-ce-cli", "containerd.io"]],
    )


class DockerArchiveSection(Section):
    """Docker's static archive, for source archive."""

    url: HttpUrl = Field(
        description="a .tgz as Docker publishes it, with everything in a folder docker",
        examples=["https://download.docker.com/linux/static/stable/x86_64/docker-27.5.1.tgz"],
    )
    sha256: Sha256 = Field(description="of the archive")


class RegistrySection(Section):
    """A login to a registry."""

    username: RegistryUser = Field(description="user name")
    password: Password = Field(description="password or token, encrypted")


class DockerSection(Section):
    """Docker Engine and cri-dockerd. The log driver is always json-file: `kubectl logs` reads no other."""

    package: Package = Field("docker.io", description="package of Docker Engine, for source distribution")
    source: Literal["distribution", "docker", "archive", "existing"] = Field(
        "distribution",
        description="distribution: a package of the host's own sources; docker: Docker's repository; "
        "archive: a static archive; existing: the Docker that is there is configured in place. A node with a source "
        "of its own takes over none of the shared keys that only another source reads",
    )
    repository: DockerRepositorySection | None = Field(
        None,
        description="the repository, for source docker; Docker's own without it",
        examples=[{"url": "https://mirror.example.org/docker/debian"}],
    )
    archive: DockerArchiveSection | None = Field(
        None,
        description="the archive, for source archive",
        examples=[
            {
                "url": "https://download.docker.com/linux/static/stable/x86_64/docker-27.5.1.tgz",
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            }
        ],
    )
    data_root: Folder | None = Field(
        None, description="where Docker keeps images and containers; /var/lib/docker without it"
    )
    registry_mirrors: Annotated[tuple[RegistryMirror, ...], Field(strict=False)] = Field(
        (), description="mirrors of Docker Hub, tried in this order"
    )
    insecure_registries: Annotated[tuple[InsecureRegistry, ...], Field(strict=False)] = Field(
        (), description="registries that are reached without TLS, or with a certificate that nobody knows"
    )
    registries: dict[RegistryName, RegistrySection] = Field(
        {}, description="logins of the kubelet's pulls, by registry"
    )
    log_max_size: LogSize = Field("10m", description="size at which a container's log is rotated")
    log_max_file: Count = Field(5, description="rotated files kept for a container")
    cgroup_driver: Literal["systemd", "cgroupfs"] = Field(
        "systemd", description="for Docker and the kubelet alike"
    )
    extra_config: PlainMap = Field(
        {},
        description="merged over daemon.json; null removes a key",
        examples=[{"max-concurrent-downloads": 5}],
    )
    cri_dockerd: CriDockerdSection | None = Field(
        CriDockerdSection(), description="the adapter for the kubelet", examples=[{"version": "0.4.3"}]
    )
    pause_image: ImageName | None = Field(
        None, description="image that holds a pod's namespaces; the release's own"
    )
    images: Annotated[tuple[ImageSection, ...], Field(strict=False)] = Field(
        (),
        description="images to load first",
        examples=[[{"name": "registry.k8s.io/pause:3.10.2", "path": "images/pause-3.10.2.tar"}]],
    )
    allow_downgrade: bool = Field(
        default=False,
        description="go to a Docker that is older than the one that runs on a node; refused without it",
    )
    healthy_timeout_seconds: Seconds = Field(120, description="time until Docker must answer")


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


class AuthoritySection(Section):
    """The certificate authority that signs, for issuer ca. One of each pair: a file, or the contents."""

    certificate_file: FilePath | None = Field(
        None,
        description="its certificate, relative to the project directory",
        examples=["secrets/ca.pem"],
    )
    certificate: CaData | None = Field(None, description="its certificate, the contents")
    private_key_file: FilePath | None = Field(
        None,
        description="its private key, relative to the project directory",
        examples=["secrets/ca-key.pem"],
    )
    private_key: SigningKey | None = Field(None, description="its private key, the contents encrypted")


class StaticTokenSection(Section):
    """The user of the API server's token file, for client static. The token has no end."""

    user: KubernetesUser = Field(
        "kubelet-bootstrap", description="its name in that file", examples=["kubelet-bootstrap"]
    )
    token_file: FilePath | None = Field(
        None,
        description="a file with the token alone, relative to the project directory",
        examples=["secrets/bootstrap-token"],
    )
    token: StaticToken | None = Field(None, description="the token, encrypted")
    binding: bool = Field(
        default=False,
        description="bind the user to system:node-bootstrapper, if nobody has",
    )


class IdentitySection(Section):
    """How nodes get their certificates."""

    client: Literal["bootstrap", "static", "issued"] = Field(
        "bootstrap",
        description="the kubelet's client certificate; bootstrap: it makes a key and asks for it with a token of its "
        "own, valid for an hour; static: it asks with one that all nodes share and that has no end; issued: key and "
        "certificate are made beforehand",
    )
    static: StaticTokenSection | None = Field(
        None,
        description="the token of all nodes, for client static",
        examples=[{"tokenFile": "secrets/bootstrap-token"}],
    )
    serving: Literal["bootstrap", "issued"] = Field(
        "bootstrap",
        description="the kubelet's serving certificate; bootstrap: it makes a key and asks for it; issued: key and "
        "certificate are made beforehand",
    )
    approval: Literal["exact", "rbac", "manual"] = Field(
        "exact",
        description="who approves requests of kubelets; exact: the stack, the one expected request of each node; "
        "rbac: the cluster, every client request of the stack's tokens, or of the static user (serving ones still the "
        "stack); manual: you, and pulumi up stops until then",
    )
    kube_proxy: Literal["certificate", "serviceAccount"] = Field(
        "certificate",
        description="how kube-proxy proves who it is; serviceAccount: with a token that has no end",
    )
    kubelet_api_user: KubernetesUser | None = Field(
        None,
        description="user of the API server's --kubelet-client-certificate, which the stack is to bind to "
        "system:kubelet-api-admin; without it nobody is bound",
        examples=["kube-apiserver-kubelet-client"],
    )
    issuer: Literal["cluster", "ca"] = Field(
        "cluster",
        description="who signs what the stack asks for; cluster: the cluster's own signers; ca: a certificate "
        "authority whose key you give",
    )
    ca: AuthoritySection | None = Field(
        None,
        description="the certificate authority, for issuer ca",
        examples=[{"certificateFile": "secrets/ca.pem", "privateKeyFile": "secrets/ca-key.pem"}],
    )
    key_algorithm: Literal["ecdsa", "rsa"] = Field(
        "ecdsa", description="keys that the stack makes: ecdsa (P-256) or rsa (2048 bits)"
    )
    certificate_validity_hours: Hours = Field(
        8760, description="validity of certificates that the stack asks for"
    )
    early_renewal_hours: Hours = Field(720, description="renewal this long before the end")
    expiry_warning_hours: Hours = Field(
        336, description="preview and up warn of a certificate that ends within this time"
    )


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
