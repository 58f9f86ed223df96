"""What the flags of kubelet and kube-proxy hold, as far as it is known.

Owns the kind of a flag: that of the field that says the same, or one of its own. Does not own names and ages
(`flags.py`, `proxy_flags.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.versions.flags import FIELD_OF
from components.versions.kinds import KUBE_PROXY, KUBELET, STRUCTS


@dataclass(frozen=True)
class Kind:
    """`struct` and `name`: the field that says the same; empty where there is none."""

    kind: str
    struct: str = ""
    name: str = ""


# kind: flags of either program without a field
_OWN: Mapping[str, str] = {
    "bool": "exit-on-lock-contention fail-cgroupv1 seccomp-default",
    "duration": "housekeeping-interval log-flush-frequency minimum-container-ttl-duration",
    "int32": "maximum-dead-containers maximum-dead-containers-per-container v",
}

# flag of kube-proxy: the field that says the same
_PROXY_FIELDS = """
    bind-address bindAddress
    bind-address-hard-fail bindAddressHardFail
    config-sync-period configSyncPeriod
    conntrack-max-per-core conntrack.maxPerCore
    conntrack-min conntrack.min
    conntrack-tcp-be-liberal conntrack.tcpBeLiberal
    conntrack-tcp-timeout-close-wait conntrack.tcpCloseWaitTimeout
    conntrack-tcp-timeout-established conntrack.tcpEstablishedTimeout
    conntrack-udp-timeout conntrack.udpTimeout
    conntrack-udp-timeout-stream conntrack.udpStreamTimeout
    detect-local-mode detectLocalMode
    feature-gates featureGates
    iptables-localhost-nodeports iptables.localhostNodePorts
    iptables-masquerade-bit iptables.masqueradeBit
    iptables-min-sync-period iptables.minSyncPeriod
    iptables-sync-period iptables.syncPeriod
    ipvs-exclude-cidrs ipvs.excludeCIDRs
    ipvs-min-sync-period ipvs.minSyncPeriod
    ipvs-scheduler ipvs.scheduler
    ipvs-strict-arp ipvs.strictARP
    ipvs-sync-period ipvs.syncPeriod
    ipvs-tcp-timeout ipvs.tcpTimeout
    ipvs-tcpfin-timeout ipvs.tcpFinTimeout
    ipvs-udp-timeout ipvs.udpTimeout
    kube-api-burst clientConnection.burst
    kube-api-qps clientConnection.qps
    nodeport-addresses nodePortAddresses
    oom-score-adj oomScoreAdj
    profiling enableProfiling
"""


def _kinds(top: str, fields: Mapping[str, str]) -> dict[str, Kind]:
    found = {flag: Kind(kind) for kind, flags in _OWN.items() for flag in flags.split()}
    for flag, path in fields.items():
        struct = top
        *above, name = path.split(".")
        for part in above:
            struct = STRUCTS[struct][part]
        found[flag] = Kind(STRUCTS[struct][name], struct, name)
    return found


KUBELET_KINDS: Mapping[str, Kind] = _kinds(KUBELET, FIELD_OF)
KUBE_PROXY_KINDS: Mapping[str, Kind] = _kinds(
    KUBE_PROXY, dict(line.split() for line in _PROXY_FIELDS.strip().splitlines())
)
