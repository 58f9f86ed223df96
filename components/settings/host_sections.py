"""How a host is reached, and what of it is set before anything else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.settings.expected import Whole
from components.settings.section import Section
from components.settings.types import (
    Address,
    FilePath,
    HostKey,
    HttpUrl,
    NoProxy,
    Package,
    Password,
    Port,
    PrivateKey,
    ProxyUrl,
    Seconds,
    SysctlName,
    SysctlValue,
    UserName,
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
