"""The settings as the program reads them: every default filled in, every file read, every URL complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from components.settings.calico_sections import CalicoSection
from components.settings.defaults import EXISTING
from components.settings.docker_sections import DockerSection
from components.settings.host_sections import HostSection
from components.settings.identity_sections import IdentitySection, StaticTokenSection
from components.settings.problems import Problem, SettingsError
from components.settings.profiles import SEED
from components.settings.sections import (
    DrainSection,
    KubeletSection,
    KubeProxySection,
    RolloutSection,
    TaintSection,
    TimeoutsSection,
    VerificationSection,
)
from components.versions import Minor


@dataclass(frozen=True)
class ClusterSettings:
    """The cluster that the nodes join. `server` and `ca_pem` are what stands on every node.

    A range is a pair with a comma in a dual-stack cluster, and so may be a node's `node_ip`.
    """

    server: str
    ca_pem: str
    identifier: str
    pod_cidr: str
    service_cidr: str
    dns_address: str
    dns_domain: str
    kubeconfig_file: str | None
    kubeconfig: SecretStr | None
    context: str | None
    kubeconfig_cluster_name: str | None


@dataclass(frozen=True)
class AuthoritySettings:
    """The certificate authority that signs, with its key in the form that pulumi-tls reads.

    `private_key` is None in a preview without the key's file.
    """

    certificate_pem: str
    private_key: SecretStr | None


@dataclass(frozen=True)
class BastionSettings:
    """The host that a connection goes through. `private_key` is None without key, and without the key's file."""

    address: str
    user: str
    port: int
    private_key: SecretStr | None
    private_key_file: str | None
    password: SecretStr | None
    host_key: str | None


@dataclass(frozen=True)
class ConnectionSettings:
    """How a host is reached. `private_key` is None without key, and in a preview without the key's file."""

    user: str
    port: int
    private_key: SecretStr | None
    private_key_file: str | None
    agent: bool
    password: SecretStr | None
    host_key: str | None
    insecure_ignore_host_key: bool
    dial_error_limit: int
    per_dial_timeout_seconds: int
    bastion: BastionSettings | None = None


@dataclass(frozen=True)
class Download:
    """A file of a release, with the SHA-256 that it must have."""

    version: str
    url: str
    sha256: str


@dataclass(frozen=True)
class ImageDownload:
    """An archive of `docker save`, and the image that is in it."""

    image: str
    url: str
    sha256: str


@dataclass(frozen=True)
class NodeArtifacts:
    """What a host downloads. None: this node needs none."""

    kubelet: Download
    kube_proxy: Download | None
    cri_dockerd: Download | None
    cni_plugins: Download | None
    images: tuple[ImageDownload, ...]


@dataclass(frozen=True)
class NodeSettings:
    """One node, with the stack's defaults merged under its own settings."""

    name: str
    address: str
    node_ip: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    taints: tuple[TaintSection, ...]
    kubernetes_version: str
    kubernetes_allows_downgrade: bool
    minor: Minor
    cluster: ClusterSettings
    ssh: ConnectionSettings
    host: HostSection
    docker: DockerSection
    pause_image: str
    calico: CalicoSection
    kubelet: KubeletSection
    kube_proxy: KubeProxySection
    identity: IdentitySection
    artifacts: NodeArtifacts
    profile: str | None = None

    @property
    def runs_kube_proxy(self) -> bool:
        """Whether this node's kube-proxy is ours."""
        return self.kube_proxy.mode != EXISTING

    @property
    def is_seed(self) -> bool:
        """Whether it is the node of the walkthrough that kubenode began as."""
        return self.profile == SEED

    @property
    def kube_proxy_has_a_file(self) -> bool:
        """Whether its kube-proxy reads a KubeProxyConfiguration; else it has flags."""
        return self.kube_proxy.configured_by == "file"

    @property
    def client_is_issued(self) -> bool:
        """Whether the kubelet gets its client certificate, and does not ask for it."""
        return self.identity.client == "issued"

    @property
    def static_token(self) -> StaticTokenSection | None:
        """The token that the kubelet asks with, if it is one of all nodes."""
        return self.identity.static if self.identity.client == "static" else None

    @property
    def serving_is_issued(self) -> bool:
        """Whether the kubelet gets its serving certificate, and does not ask for it."""
        return self.identity.serving == "issued"


@dataclass(frozen=True)
class ManifestFile:
    """The objects of a file, in its order; `name` is what the file is called in the configuration."""

    name: str
    objects: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class EtcdSettings:
    """Calico's etcd. `private_key` is None in a preview without the key's file."""

    endpoints: tuple[str, ...]
    ca_pem: str
    certificate_pem: str
    private_key: SecretStr | None


@dataclass(frozen=True)
class CalicoSettings:
    """The pod network of the stack. `manifests`: what the stack installs; empty if it installs nothing."""

    section: CalicoSection
    pod_cidr: str
    manifests: tuple[ManifestFile, ...]
    etcd: EtcdSettings | None

    @property
    def is_installed(self) -> bool:
        """Whether Calico's objects are this stack's."""
        return self.section.mode in ("manifest", "operator")

    @property
    def is_calico(self) -> bool:
        """Whether the pod network is known to be Calico's."""
        return self.section.mode != "external"

    @property
    def backend(self) -> str:
        """How hosts learn each other's routes."""
        over_vxlan = self.section.pool.encapsulation.startswith("vxlan")
        return self.section.backend or ("vxlan" if over_vxlan else "bird")


@dataclass(frozen=True)
class StackSettings:
    """The whole configuration. `authority` is that of issuer ca.

    `missing`: files with secrets that only a preview can do without. `notices`: what a run says, and goes on.
    """

    cluster: ClusterSettings
    nodes: Mapping[str, NodeSettings]
    identity: IdentitySection
    authority: AuthoritySettings | None
    rollout: RolloutSection
    drain: DrainSection
    timeouts: TimeoutsSection
    verification: VerificationSection
    calico: CalicoSettings
    missing: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    def require_files(self) -> None:
        """Raise SettingsError if a file with a secret is not there. For every run that is no preview."""
        if self.missing:
            raise SettingsError(self.missing)
