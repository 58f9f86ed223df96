"""What the cluster's Calico is, as the one read found it, and what that forbids. Pure.

Owns the comparison of the live pools with the configuration. Does not own the reading
(`components/local/calico_read.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.calico.overlay import ENCAPSULATIONS
from components.settings import CalicoSettings, ClusterSettings
from components.versions import calico as versions

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Pool:
    """A live IPPool."""

    name: str
    claim: str | None
    cidr: str
    block_size: int | None
    ipip: str
    vxlan: str
    nat_outgoing: bool
    disabled: bool


@dataclass(frozen=True)
class CalicoFacts:
    """`daemon_sets`: those that run calico-node, by namespace and name, with the stack that claims each and whether
    their pods come to a node that is not in service yet.

    `addresses`: of all the cluster's nodes, with the node. `version`: what Calico says of itself.
    """

    daemon_sets: Mapping[str, tuple[str | None, bool]] = field(default_factory=dict)
    installation: tuple[str | None] | None = None
    """The claim of the operator's Installation, if there is one."""
    pools: tuple[Pool, ...] = ()
    version: str | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)


def parsed(raw: Mapping[str, Any] | None) -> CalicoFacts | None:
    """From the answer of `api-read`; None where nothing was asked."""
    if raw is None:
        return None
    installation = raw.get("installation")
    return CalicoFacts(
        {name: (one["claim"], one["tolerates"]) for name, one in raw["daemonSets"].items()},
        (installation["claim"],) if installation else None,
        tuple(
            Pool(
                one["name"],
                one["claim"],
                str(one["cidr"]),
                one["blockSize"],
                one["ipipMode"],
                one["vxlanMode"],
                one["natOutgoing"],
                one["disabled"],
            )
            for one in raw["pools"]
        ),
        raw["version"],
        raw["addresses"],
    )


def refusals(
    found: CalicoFacts, claim: str, calico: CalicoSettings, cluster: ClusterSettings, server_minor: int | None
) -> list[str]:
    """Every reason not to go on, one line each."""
    if not calico.is_calico:
        return []
    problems = list(_of_release(calico, server_minor))
    foreign = _foreign(found, claim, calico)
    if foreign is not None:
        return [*problems, foreign]
    if calico.section.mode == "existing" and not found.daemon_sets:
        problems.append(
            "calico.mode is existing, and the cluster has no DaemonSet of calico-node. Set manifest or operator to "
            "have the stack install Calico, or external for another pod network."
        )
    problems += _of_pools(found, claim, calico)
    problems += _overlaps(found, calico, cluster)
    return problems


def warnings(found: CalicoFacts, calico: CalicoSettings, server_minor: int | None) -> list[str]:
    """What a user should look at, one line each."""
    if calico.section.mode != "existing":
        return []
    told = [
        f"calico.mode is existing, and the pods of {name} do not tolerate kubenode/out-of-service:NoSchedule, which a "
        f"node carries until they run there: it would wait for them in vain."
        for name, (_, tolerates) in sorted(found.daemon_sets.items())
        if not tolerates
    ]
    if found.version is not None and server_minor is not None:
        known = versions.kubernetes_range(found.version)
        if known is not None and not known[0] <= server_minor <= known[1]:
            told.append(
                f"the cluster's Calico is {found.version.removeprefix('v')}, which is for Kubernetes 1.{known[0]} to "
                f"1.{known[1]}; the API server is 1.{server_minor}."
            )
    return told


def _of_release(calico: CalicoSettings, server_minor: int | None) -> Iterator[str]:
    version = calico.section.version
    known = versions.kubernetes_range(version) if calico.is_installed and version else None
    if known is None or server_minor is None or known[0] <= server_minor <= known[1]:
        return
    lines = versions.lines_for(server_minor)
    way_out = f"Set a release of {lines}." if lines else "No line of Calico that is known here is for it."
    yield (
        f"calico.version: {version} is for Kubernetes 1.{known[0]} to 1.{known[1]}, and the API server is "
        f"1.{server_minor}. {way_out}"
    )


def _foreign(found: CalicoFacts, claim: str, calico: CalicoSettings) -> str | None:
    """Calico of somebody else, which a stack that installs one would take over and in the end delete."""
    if not calico.is_installed:
        return None
    owners: dict[str, str | None] = {}
    if calico.section.mode == "manifest":
        owners = {f"the DaemonSet {name}": owner for name, (owner, _) in found.daemon_sets.items()}
    elif found.installation is not None:
        owners = {"the Installation default": found.installation[0]}
    elif found.daemon_sets:
        # The operator makes its DaemonSet itself, so without an Installation this is another one.
        owners = {f"the DaemonSet {name}": owner for name, (owner, _) in found.daemon_sets.items()}
    for name, owner in sorted(owners.items()):
        if owner != claim:
            whose = f"the stack {owner} made" if owner else "this stack did not make"
            return (
                f"calico.mode: the cluster already runs Calico ({name}), which {whose}. Set existing to use it as it "
                f"is. What a stack installs it deletes in the end."
            )
    return None


def _of_pools(found: CalicoFacts, claim: str, calico: CalicoSettings) -> Iterator[str]:
    pool = calico.section.pool
    is_ours = found.installation == (claim,)
    for wanted in map(ipaddress.ip_network, calico.pod_cidr.split(",")):
        live = next((one for one in found.pools if _network(one.cidr) == wanted), None)
        if live is None:
            yield from _without_pool(found, wanted, calico)
            continue
        unlike = _immutable(live, wanted, pool.block_size)
        if not is_ours and live.claim != claim:
            unlike += _mutable(live, calico)
        for key, value, configured in unlike:
            if not _is_wanted(calico, key):
                continue
            yield (
                f"calico.pool.{key}: the live IPPool {live.name} has {value}, the configuration says {configured}. "
                f"{_way_out(key)}"
            )


def _is_wanted(calico: CalicoSettings, key: str) -> bool:
    """Whether the configuration says what the pool must be like in this; of one that exists it may say nothing."""
    given = {
        type(calico.section.pool).model_fields[name].alias for name in calico.section.pool.model_fields_set
    }
    return calico.section.mode != "existing" or key in given


def _immutable(live: Pool, wanted: Network, block_size: int) -> list[tuple[str, object, object]]:
    # That of IPv6 is Calico's own.
    if wanted.version == 6 or live.block_size in (None, block_size):
        return []
    return [("blockSize", live.block_size, block_size)]


def _mutable(live: Pool, calico: CalicoSettings) -> list[tuple[str, object, object]]:
    pool = calico.section.pool
    words = {modes: word for word, modes in ENCAPSULATIONS.items()}
    ipip = live.ipip.replace("Off", "Never")
    found = words.get((ipip, live.vxlan), f"ipipMode {live.ipip} and vxlanMode {live.vxlan}")
    unlike: list[tuple[str, object, object]] = []
    if found != pool.encapsulation:
        unlike.append(("encapsulation", found, pool.encapsulation))
    if live.nat_outgoing != pool.nat_outgoing:
        unlike.append(("natOutgoing", _word(live.nat_outgoing), _word(pool.nat_outgoing)))
    return unlike


def _word(value: bool) -> str:  # noqa: FBT001 - a value of the configuration
    return "true" if value else "false"


def _way_out(key: str) -> str:
    if key == "blockSize":
        return "It cannot be changed while hosts have blocks: set what the pool has."
    return "Set what the pool has, or change the pool, which this stack did not make, by hand."


def _without_pool(found: CalicoFacts, wanted: Network, calico: CalicoSettings) -> Iterator[str]:
    """No pool of exactly the pods' range: it may be a part of one, as pools may be of it."""
    near = [
        one
        for one in found.pools
        if (network := _network(one.cidr)) is not None
        and network.version == wanted.version
        and network.overlaps(wanted)
    ]
    if near and calico.is_installed:
        yield (
            f"cluster.podCidr: the live IPPool {near[0].name} has {near[0].cidr}, the configuration says {wanted}. A "
            f"pool's range cannot be changed while pods have addresses of it: set what the pool has, or move the pods "
            f"to a second pool by hand first."
        )
    elif calico.section.mode == "existing" and found.daemon_sets and not near:
        pools = ", ".join(f"{one.name} ({one.cidr})" for one in found.pools) or "none"
        yield (
            f"cluster.podCidr: no live IPPool has addresses of {wanted}; there are: {pools}. Set the range of the pool "
            f"that pods are to get their addresses from."
        )


def _overlaps(found: CalicoFacts, calico: CalicoSettings, cluster: ClusterSettings) -> Iterator[str]:
    """A range of pods with somebody else's addresses in it: packets for those end in Calico's routes."""
    ranges = {f"cluster.podCidr {one}": _network(one) for one in calico.pod_cidr.split(",")}
    ranges |= {
        f"the live IPPool {one.name} ({one.cidr})": _network(one.cidr)
        for one in found.pools
        if one.cidr not in calico.pod_cidr.split(",")
    }
    services = [ipaddress.ip_network(one) for one in cluster.service_cidr.split(",")]
    for name, network in ranges.items():
        if network is None:
            continue
        for service in services:
            # Within the configuration that is refused already.
            if (
                not name.startswith("cluster.")
                and service.version == network.version
                and service.overlaps(network)
            ):
                yield f"cluster.serviceCidr: {service} overlaps {name}. Choose another pool or other services."
        for address, node in sorted(found.addresses.items()):
            if _is_in(address, network):
                yield (
                    f"{name} holds {address}, the address of the node {node}. Choose a range that no host has an "
                    f"address in."
                )


def _is_in(address: str, network: Network) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return False


def _network(cidr: str) -> Network | None:
    try:
        return ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return None
