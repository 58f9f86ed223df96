"""The flags of kube-proxy, and which minors know them.

Owns names, ages, and what to do instead of a flag that aged or went. Does not own which flags a node gets
(`kube_proxy/files.py`). Read from the source of each release; a test compares. Not here: help and version.
"""

from __future__ import annotations

from collections.abc import Mapping

from components.versions.lives import ALWAYS, Life, ended, known

_PLAIN = """
    bind-address cleanup cluster-cidr config config-sync-period conntrack-max-per-core conntrack-min
    conntrack-tcp-timeout-close-wait conntrack-tcp-timeout-established feature-gates healthz-bind-address
    hostname-override iptables-masquerade-bit iptables-min-sync-period iptables-sync-period ipvs-min-sync-period
    ipvs-scheduler ipvs-sync-period kube-api-burst kube-api-content-type kube-api-qps kubeconfig log-flush-frequency
    masquerade-all master metrics-bind-address nodeport-addresses oom-score-adj profiling proxy-mode v vmodule
    write-config-to
"""
_SINCE: Mapping[int, str] = {
    11: "ipvs-exclude-cidrs",
    15: "ipvs-strict-arp",
    18: "detect-local-mode ipvs-tcp-timeout ipvs-tcpfin-timeout ipvs-udp-timeout show-hidden-metrics-for-version",
    19: "bind-address-hard-fail",
    24: "pod-bridge-interface pod-interface-name-prefix",
    26: "iptables-localhost-nodeports",
    28: "log-json-info-buffer-size log-json-split-stream logging-format",
    29: "conntrack-tcp-be-liberal conntrack-udp-timeout conntrack-udp-timeout-stream init-only",
    30: "log-text-info-buffer-size log-text-split-stream",
}

KUBE_PROXY: Mapping[str, Life] = {
    **dict.fromkeys(_PLAIN.split(), ALWAYS),
    **{name: Life(since=number) for number, names in _SINCE.items() for name in names.split()},
    "healthz-port": Life(deprecated=18, instead="healthz-bind-address is its name now"),
    "metrics-port": Life(since=14, deprecated=18, instead="metrics-bind-address is its name now"),
    **ended(15, "cleanup is its name now", "cleanup-iptables"),
    **ended(15, "set conntrack-max-per-core", "conntrack-max"),
    **ended(16, "leave it out, systemd has its cgroup", "resource-container"),
    **ended(21, "leave it out", "cleanup-ipvs", deprecated=17),
    **ended(
        26,
        "read the journal",
        "alsologtostderr log-backtrace-at log-dir logtostderr stderrthreshold",
        deprecated=23,
    ),
    **ended(26, "read the journal", "log-file", since=13, deprecated=23),
    **ended(26, "leave it out, the userspace proxy went with it", "udp-timeout", deprecated=26),
    **ended(31, "leave it out, it has no effect", "proxy-port-range", deprecated=29),
}


def kube_proxy_flags(number: int) -> frozenset[str]:
    """Every flag that the kube-proxy of this minor takes."""
    return known(KUBE_PROXY, number)
