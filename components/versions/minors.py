"""One row per supported Kubernetes minor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.versions import flags, proxy_flags
from components.versions.fields import kube_proxy_fields, kubelet_fields

PatchVersion = tuple[int, int, int]


@dataclass(frozen=True)
class Runtime:
    """How the kubelet of a minor reaches Docker.

    `kubelet_flags` may hold `{pause_image}`; `units` are what the kubelet's unit is ordered after and wants. `docker`:
    the range of Docker Engine in words; which cri-dockerd goes with which Docker is in `cri_dockerd.py`.
    """

    name: str
    needs_cri_dockerd: bool
    oldest_cri_dockerd: PatchVersion
    cri: str
    docker: str
    units: tuple[str, ...]
    kubelet_flags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Minor:
    """A Kubernetes 1.x minor as a node sees it. Flag and field names are those of the release itself.

    `status`: tested, a kubelet and a kube-proxy of it read our files in a test; rendered, its files are made by its
    tables, and nothing but its source has been looked at.
    """

    number: int
    status: Literal["tested", "rendered"]
    runtime: Runtime
    pause_image: str
    kubelet_flags: Mapping[str, str]
    known_kubelet_flags: frozenset[str]
    known_kube_proxy_flags: frozenset[str]
    kubelet_fields: frozenset[str]
    kube_proxy_fields: frozenset[str]
    kube_proxy_modes: tuple[str, ...]
    aged_kube_proxy_modes: Mapping[str, str]
    kubelet_feature_gates: Mapping[str, bool]
    host_packages: tuple[str, ...]
    csr_api: str
    oldest_kubelet_skew: int
    refuses_cgroup_v1: bool

    @property
    def name(self) -> str:
        """The minor as people write it: `1.37`."""
        return f"1.{self.number}"


class UnsupportedVersionError(ValueError):
    """A Kubernetes version without a row here. `nearest` is the supported minor next to it, as text."""

    def __init__(self, version: str, reason: str, nearest: str) -> None:
        super().__init__(
            f"Kubernetes {version} is not supported: {reason}; the nearest supported minor is {nearest}"
        )
        self.nearest = nearest


# The kubelet drives Docker itself until 1.23. The flags went with dockershim in 1.24.
DOCKERSHIM = Runtime(
    name="dockershim",
    needs_cri_dockerd=False,
    oldest_cri_dockerd=(0, 0, 0),
    cri="none",
    docker="1.11 to 1.13 and 17.03",
    units=("docker.service",),
    kubelet_flags={"network-plugin": "cni", "pod-infra-container-image": "{pause_image}"},
)

# CRI v1 only, since Kubernetes 1.26: cri-dockerd 0.3.0 is the first that speaks it.
CRI_DOCKERD = Runtime(
    name="cri-dockerd",
    needs_cri_dockerd=True,
    oldest_cri_dockerd=(0, 3, 0),
    cri="v1",
    docker="1.13 or newer, as cri-dockerd takes it",
    units=("docker.service", "cri-docker.socket"),
)

# gate: (first minor that knows it, what it must be with cri-dockerd).
# ExtendWebSocketsToKubelet: the kubelet then dials the runtime's stream by itself and takes cri-dockerd's
# plain HTTP address for HTTPS: exec and attach fail with "server gave HTTP response to HTTPS client".
_CRI_DOCKERD_FEATURE_GATES: Mapping[str, tuple[int, bool]] = {"ExtendWebSocketsToKubelet": (36, False)}


# mode: (first minor that advises against it, what to do instead)
_AGED_KUBE_PROXY_MODES: Mapping[str, tuple[int, str]] = {
    "ipvs": (
        35,
        "ipvs is deprecated since 1.35, off by default from 1.40 on and gone with 1.43: set nftables",
    ),
}


def _row(
    number: int,
    *,
    pause: str,
    status: Literal["tested", "rendered"] = "rendered",
    runtime: Runtime = CRI_DOCKERD,
    kubelet_flags: Mapping[str, str] | None = None,
    modes: tuple[str, ...] = ("iptables", "nftables", "ipvs"),
    conntrack: bool = False,
    csr_api: str = "certificates.k8s.io/v1",
    skew: int = 3,
    refuses_cgroup_v1: bool = False,
) -> Minor:
    return Minor(
        number=number,
        status=status,
        runtime=runtime,
        pause_image=pause,
        kubelet_flags={**runtime.kubelet_flags, **(kubelet_flags or {})},
        known_kubelet_flags=flags.kubelet_flags(number),
        known_kube_proxy_flags=proxy_flags.kube_proxy_flags(number),
        kubelet_fields=kubelet_fields(number),
        kube_proxy_fields=kube_proxy_fields(number),
        kube_proxy_modes=modes,
        aged_kube_proxy_modes={
            mode: text for mode, (since, text) in _AGED_KUBE_PROXY_MODES.items() if since <= number
        },
        kubelet_feature_gates={
            name: value
            for name, (since, value) in _CRI_DOCKERD_FEATURE_GATES.items()
            if runtime.needs_cri_dockerd and since <= number
        },
        host_packages=("conntrack",) if conntrack else (),
        csr_api=csr_api,
        oldest_kubelet_skew=skew,
        refuses_cgroup_v1=refuses_cgroup_v1,
    )


# Flags of a row are those a node needs beyond the ones every release has (`kubelet/files.py`).
MINORS: Mapping[int, Minor] = {
    row.number: row
    for row in (
        _row(
            10,
            pause="k8s.gcr.io/pause-amd64:3.1",
            runtime=DOCKERSHIM,
            # No field for certificate rotation yet; calico-node is privileged and false was the flag's
            # default.
            kubelet_flags={"allow-privileged": "true", "rotate-certificates": "true"},
            modes=("iptables", "ipvs"),
            conntrack=True,
            csr_api="certificates.k8s.io/v1beta1",
            skew=2,
        ),
        _row(29, pause="registry.k8s.io/pause:3.9", modes=("iptables", "ipvs"), conntrack=True),
        _row(30, pause="registry.k8s.io/pause:3.9", modes=("iptables", "ipvs"), conntrack=True),
        # nftables: alpha and off in 1.29 and 1.30, on from 1.31.
        _row(31, pause="registry.k8s.io/pause:3.10", conntrack=True),
        # kube-proxy talks to conntrack over netlink from 1.32 on.
        _row(32, pause="registry.k8s.io/pause:3.10"),
        _row(33, pause="registry.k8s.io/pause:3.10"),
        _row(34, pause="registry.k8s.io/pause:3.10.1", status="tested"),
        _row(35, pause="registry.k8s.io/pause:3.10.1", status="tested", refuses_cgroup_v1=True),
        _row(36, pause="registry.k8s.io/pause:3.10.2", status="tested", refuses_cgroup_v1=True),
        _row(37, pause="registry.k8s.io/pause:3.10.2", status="tested", refuses_cgroup_v1=True),
    )
}


def supported(version: str) -> Minor:
    """The row for a version such as `1.37.2`. UnsupportedVersionError says why not, and the nearest minor."""
    major, number = (int(part) for part in version.removeprefix("v").split(".")[:2])
    row = MINORS.get(number) if major == 1 else None
    if row is not None:
        return row
    nearest = min(MINORS, key=lambda known: (abs(known - number), -known)) if major == 1 else max(MINORS)
    raise UnsupportedVersionError(version, _reason(major, number), f"1.{nearest}")


def _reason(major: int, number: int) -> str:
    if major != 1 or number > max(MINORS):
        return "it is newer than this release of kubenode knows"
    if number < min(MINORS):
        return "its kubelet has no v1beta1 configuration file"
    return "nothing of this project is tested with it, and its end of life has passed"
