"""What a user may write about the pod network: the section `calico` and what is in it.

Owns the keys and their types. Does not own which of them go together (`checks_calico.py`) nor the files behind them
(`calico.py`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.settings.expected import Whole
from components.settings.section import Section
from components.settings.types import (
    AutodetectionMethod,
    CaData,
    EtcdEndpoint,
    FilePath,
    HttpUrl,
    ImagePrefix,
    MirrorPath,
    ReleaseVersion,
    Sha256,
    SigningKey,
)


class CniPluginsSection(Section):
    """The reference CNI plugins."""

    version: ReleaseVersion = Field(description="release of the CNI plugins", examples=["1.1.1"])


class ManifestSection(Section):
    """A file of Kubernetes objects. Exactly one of file, path and url."""

    file: FilePath | None = Field(
        None, description="a file that you keep, relative to the project directory", examples=["calico.yaml"]
    )
    path: MirrorPath | None = Field(
        None,
        description="a file below downloads.mirror, which `make calico-manifest` fetches",
        examples=["calico/v3.33.1/manifests/calico.yaml"],
    )
    url: HttpUrl | None = Field(
        None,
        description="a file anywhere, which `make calico-manifest` fetches",
        examples=["https://raw.githubusercontent.com/projectcalico/calico/v3.33.1/manifests/calico.yaml"],
    )
    sha256: Sha256 | None = Field(
        None,
        description="of the file; without it that of the checksums file. One that you keep needs none",
    )

    @property
    def has_one_place(self) -> bool:
        """Whether it is said, once, where the file is."""
        return sum(one is not None for one in (self.file, self.path, self.url)) == 1


class PoolSection(Section):
    """The range that pods get their addresses from, which is cluster.podCidr."""

    encapsulation: Literal["ipip", "ipipCrossSubnet", "vxlan", "vxlanCrossSubnet", "none"] = Field(
        "ipip", description="how packets between pods travel from host to host"
    )
    nat_outgoing: bool = Field(
        default=True, description="pods reach what is outside of the pool with their host's address"
    )
    block_size: Annotated[int, Whole("the prefix length of a host's block", 26, 20, 128)] = Field(
        26, description="how large a part of the pool a host takes at a time"
    )


class EtcdSection(Section):
    """The etcd that Calico keeps its data in, for datastore etcd. One of each pair: a file, or the contents."""

    endpoints: Annotated[tuple[EtcdEndpoint, ...], Field(strict=False)] = Field(
        description="its members, with the scheme", examples=[["https://10.0.0.156:2379"]]
    )
    ca_file: FilePath | None = Field(
        None,
        description="certificate authority of its servers, relative to the project directory",
        examples=["secrets/etcd-ca.pem"],
    )
    ca: CaData | None = Field(None, description="certificate authority of its servers, the contents")
    certificate_file: FilePath | None = Field(
        None,
        description="certificate that Calico shows, relative to the project directory",
        examples=["secrets/etcd-client.pem"],
    )
    certificate: CaData | None = Field(None, description="certificate that Calico shows, the contents")
    private_key_file: FilePath | None = Field(
        None,
        description="its private key, relative to the project directory",
        examples=["secrets/etcd-client-key.pem"],
    )
    private_key: SigningKey | None = Field(None, description="its private key, the contents encrypted")


class CalicoSection(Section):
    """The pod network. All but cniPlugins stands once: one Calico serves all nodes."""

    mode: Literal["manifest", "operator", "existing", "external"] = Field(
        "external",
        description="who installs Calico; manifest: the stack, from Calico's manifest; operator: the stack, by "
        "Calico's operator; existing: the cluster runs Calico, which is checked and not touched; external: the "
        "cluster has a pod network of whatever kind, and nobody looks at it",
    )
    version: ReleaseVersion | None = Field(
        None, description="release of Calico, for manifest and operator", examples=["3.33.1"]
    )
    manifests: Annotated[tuple[ManifestSection, ...], Field(strict=False)] = Field(
        (),
        description="what to install, for manifest and operator; without any the release's own, from "
        "downloads.mirror or upstream",
        examples=[[{"file": "calico.yaml"}]],
    )
    pool: PoolSection = Field(
        PoolSection(),
        description="the addresses of pods; with existing, what the cluster's own must be",
        examples=[{"encapsulation": "vxlan"}],
    )
    mtu: Annotated[int, Whole("a number of bytes, 0 to find it out", 1450, 0, 9200)] = Field(
        0, description="largest packet of a pod; 0: Calico finds it out"
    )
    backend: Literal["bird", "vxlan", "none"] | None = Field(
        None,
        description="how hosts learn each other's routes; bird: by BGP; without it vxlan with a pool of vxlan, else "
        "bird",
        examples=["bird"],
    )
    address_autodetection: AutodetectionMethod = Field(
        "kubernetes-internal-ip",
        description="how Calico finds the address of a host; the default is the node's nodeIp, where the release "
        "knows that word (3.20 on)",
        examples=["interface=eth1"],
    )
    registry: ImagePrefix | None = Field(
        None,
        description="registry, and path in it, of Calico's images in place of their own",
        examples=["registry.example.org/mirror"],
    )
    datastore: Literal["kubernetes", "etcd"] = Field(
        "kubernetes", description="where Calico keeps its data; etcd: with mode manifest only"
    )
    etcd: EtcdSection | None = Field(
        None,
        description="that etcd, for datastore etcd",
        examples=[
            {
                "endpoints": ["https://10.0.0.156:2379"],
                "caFile": "secrets/etcd-ca.pem",
                "certificateFile": "secrets/etcd-client.pem",
                "privateKeyFile": "secrets/etcd-client-key.pem",
            }
        ],
    )
    cni_plugins: CniPluginsSection | None = Field(
        None,
        description="reference CNI plugins, if the pod network brings none",
        examples=[{"version": "1.1.1"}],
    )
