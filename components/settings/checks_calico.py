"""What is wrong with the pod network although each value is valid.

Owns the contradictions between its keys, and between it and the nodes. Does not own what the live cluster says
(`components/cluster/calico_facts.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from components.settings import forms
from components.settings.calico_sections import CalicoSection
from components.settings.draft import NodeDraft
from components.settings.problems import Problem
from components.settings.report import Report
from components.versions import calico as versions

# key: the modes that read it
_MODES: Mapping[str, tuple[str, ...]] = {
    "version": ("manifest", "operator"),
    "manifests": ("manifest", "operator"),
    "pool": ("manifest", "operator", "existing"),
    "mtu": ("manifest", "operator"),
    "backend": ("manifest", "operator"),
    "addressAutodetection": ("manifest", "operator"),
    "registry": ("manifest", "operator"),
    "datastore": ("manifest",),
    "etcd": ("manifest",),
}
# The only key of the section that a node may have of its own.
_OF_A_NODE = "cniPlugins"
_DOCKER_BRIDGE = "172.17.0.0/16"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_calico(report: Report, section: CalicoSection, pod_cidr: object) -> None:
    """Note every problem of the section that all nodes share. `pod_cidr` is the raw value."""
    if report.is_wrong("calico.mode"):
        return
    _check_keys(report, section)
    if section.mode in ("manifest", "operator"):
        _check_version(report, section)
        _check_backend(report, section)
        _check_datastore(report, section)
    if section.mode != "external":
        _check_pool(report, section, _networks(pod_cidr))


def _check_keys(report: Report, section: CalicoSection) -> None:
    given = report.raw.get("calico")
    for key, value in given.items() if isinstance(given, Mapping) else ():
        modes = _MODES.get(key)
        if modes is not None and value is not None and section.mode not in modes:
            wanted = f"{', '.join(modes[:-1])} and {modes[-1]}" if len(modes) > 1 else modes[0]
            report.refuse(
                f"calico.{key}", f"belongs to calico.mode {wanted}, and that is {section.mode}: leave it out"
            )


def _check_version(report: Report, section: CalicoSection) -> None:
    version = section.version
    if version is None:
        if not report.is_wrong("calico.version"):
            report.refuse("calico.version", f'required for calico.mode {section.mode}, for example "3.33.1"')
        return
    if versions.kubernetes_range(version) is None:
        report.refuse(
            "calico.version",
            f"nothing is known of Calico {versions.name(versions.line(version))}; known are {versions.known()}",
        )
    elif section.mode == "operator" and not versions.has_operator(version):
        report.refuse("calico.mode", f"Calico {version} has no operator: set manifest")
    elif (
        not versions.has_operator(version)
        and not section.manifests
        and not report.is_wrong("calico.manifests")
    ):
        report.refuse(
            "calico.manifests",
            f"required for Calico {version}, whose files have no common place, for example [{{file: calico.yaml}}]",
        )


def _check_backend(report: Report, section: CalicoSection) -> None:
    pool, backend, version = section.pool, section.backend, section.version
    is_vxlan = pool.encapsulation.startswith("vxlan")
    if report.is_wrong("calico.pool.encapsulation", "calico.backend"):
        return
    if is_vxlan and version is not None and not versions.has_vxlan(version):
        report.refuse("calico.pool.encapsulation", f"Calico {version} knows no vxlan: set ipip or none")
    if backend == "vxlan" and not is_vxlan:
        report.refuse(
            "calico.backend",
            f"contradicts calico.pool.encapsulation, which is {pool.encapsulation}: without BGP only vxlan and "
            f"vxlanCrossSubnet reach other hosts, so set bird or leave it out",
        )
    if backend == "none" and pool.encapsulation != "none":
        report.refuse(
            "calico.backend",
            f"contradicts calico.pool.encapsulation, which is {pool.encapsulation}: with none nobody learns a route, "
            f"so set that to none too, or leave this out",
        )


def _check_datastore(report: Report, section: CalicoSection) -> None:
    if section.mode == "operator":
        return
    if section.datastore == "etcd" and section.etcd is None and not report.is_wrong("calico.etcd"):
        example = (
            "{endpoints: [https://10.0.0.156:2379], caFile: secrets/etcd-ca.pem, certificateFile: "
            "secrets/etcd-client.pem, privateKeyFile: secrets/etcd-client-key.pem}"
        )
        report.refuse("calico.etcd", f"required for calico.datastore etcd, for example {example}")
    if (
        section.datastore == "kubernetes"
        and section.etcd is not None
        and not report.is_wrong("calico.datastore")
    ):
        report.refuse("calico.etcd", "is for calico.datastore etcd: set that to etcd, or leave it out")
    if section.etcd is not None and not section.etcd.endpoints:
        report.refuse("calico.etcd.endpoints", "expected at least one, for example https://10.0.0.156:2379")


def _check_pool(report: Report, section: CalicoSection, pods: tuple[Network, ...]) -> None:
    pool = section.pool
    if report.is_wrong("calico.pool"):
        return
    if section.mode == "manifest" and any(one.version == 6 for one in pods):
        report.refuse(
            "calico.mode",
            "manifest is for IPv4 alone, and cluster.podCidr has IPv6: set operator or existing",
        )
        return
    # Of a pool that is there already, only what the configuration says of it counts.
    given = pool.model_fields_set if section.mode == "existing" else set(type(pool).model_fields)
    for network in pods:
        is_ipip = "encapsulation" in given and pool.encapsulation.startswith("ipip")
        if network.version == 6 and is_ipip:
            report.refuse(
                "calico.pool.encapsulation", f"there is no ipip for IPv6, and cluster.podCidr has {network}"
            )
        # One family's block size is the prefix length; the other's is Calico's own default.
        has_size = "block_size" in given and network.version == 4
        if has_size and not network.prefixlen <= pool.block_size <= 32:
            report.refuse(
                "calico.pool.blockSize",
                f"expected a prefix length from {max(20, network.prefixlen)} to 32: a block is a part of "
                f"cluster.podCidr {network}",
            )


def check_node_calico(node: NodeDraft, pod_cidr: object) -> None:
    """Note what is wrong with a node in this pod network."""
    own = node.raw.get("calico")
    for key in own if isinstance(own, Mapping) else ():
        if key in (*_MODES, "mode"):
            node.refuse_node(f"stands once, for all nodes: move it to kubenode:calico.{key}", "calico", key)
    node.problems += _bridge(node, pod_cidr)
    calico = node.calico
    if calico is None or calico.version is None or calico.mode not in ("manifest", "operator"):
        return
    version, proxy, minor = calico.version, node.kube_proxy, node.minor
    if proxy is not None and proxy.mode == "ipvs" and not versions.goes_with_ipvs(version):
        node.refuse(
            f"Calico {version} needs iptables: it knows nothing of ipvs, which its line 3.1 is the first to take",
            "kubeProxy",
            "mode",
        )
    found = versions.kubernetes_range(version)
    # The API server, which Calico talks to, is as new as this kubelet or newer, within the skew.
    if (
        minor is not None
        and found is not None
        and not (minor.number <= found[1] and minor.number + minor.oldest_kubelet_skew >= found[0])
    ):
        node.refuse(
            f"Calico {version} is for Kubernetes 1.{found[0]} to 1.{found[1]}, and no such API server goes with a "
            f"kubelet of {minor.name}: {_other_lines(minor.number)}",
            "kubernetes",
            "version",
        )


def _other_lines(minor: int) -> str:
    lines = versions.lines_for(minor)
    return (
        f"set calico.version to a release of {lines}"
        if lines
        else "no line of Calico that is known here is for it"
    )


def _bridge(node: NodeDraft, pod_cidr: object) -> Iterator[Problem]:
    """The one network of a host that the configuration knows besides its address: Docker's own bridge."""
    docker = node.docker
    if docker is None or docker.source == "existing" or docker.extra_config.get("bridge") == "none":
        return
    given = docker.extra_config.get("bip", _DOCKER_BRIDGE)
    try:
        bridge = ipaddress.ip_interface(given).network
    except ValueError:
        return
    for network in _networks(pod_cidr):
        if network.version == bridge.version and network.overlaps(bridge):
            yield Problem(
                "cluster.podCidr",
                f"overlaps {bridge}, the network of Docker's bridge: choose another range, or another bridge, for "
                f"example docker.extraConfig: {{bip: 192.168.200.1/24}}",
            )


def _networks(cidr: object) -> tuple[Network, ...]:
    if not isinstance(cidr, str) or not forms.is_cidr_pair(cidr):
        return ()
    return tuple(ipaddress.ip_network(one) for one in forms.pair(cidr))
