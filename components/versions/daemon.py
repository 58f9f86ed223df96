"""The keys of daemon.json, and what each holds.

Owns their names and kinds, in one table for Docker Engine 20.10 to 29: dockerd does not start with a key that it does
not know. Does not own which of them this project writes itself, or refuses (`settings/checks_docker.py`). Read from the
published sources.
"""

from __future__ import annotations

from collections.abc import Mapping

_MANY = (1 << 31) - 1

_KEYS: Mapping[str, str] = {
    "true or false": """
        allow-direct-routing cri-containerd debug experimental icc init ip-forward ip-forward-no-drop ip-masq ip6tables
        iptables ipv6 live-restore no-new-privileges raw-logs rootless selinux-enabled tls tlsverify userland-proxy
        validate
    """,
    "a whole number": """
        cpu-rt-period cpu-rt-runtime max-concurrent-downloads max-concurrent-uploads max-download-attempts mtu
        network-control-plane-mtu network-diagnostic-port oom-score-adjust shutdown-timeout swarm-raft-election-tick
        swarm-raft-heartbeat-tick
    """,
    "text": """
        api-cors-header bip bip6 bridge bridge-accept-fwmark cgroup-parent cluster-advertise cluster-store containerd
        containerd-namespace containerd-plugin-namespace containerd-plugins-namespace data-root default-cgroupns-mode
        default-gateway default-gateway-v6 default-init default-ipc-mode default-runtime default-shm-size
        deprecated-key-path exec-root firewall-backend fixed-cidr fixed-cidr-v6 graph group host-gateway-ip http-proxy
        https-proxy init-path ip log-driver log-format log-level metrics-addr no-proxy pidfile resolv-conf
        seccomp-profile storage-driver swarm-default-advertise-addr tlscacert tlscert tlskey userland-proxy-path
        userns-remap
    """,
    "a list": """
        allow-nondistributable-artifacts authorization-plugins cdi-spec-dirs default-address-pools dns dns-opts
        dns-search exec-opts host-gateway-ips hosts insecure-registries labels node-generic-resources registry-mirrors
        storage-opts
    """,
    "a map of keys and values": """
        builder cluster-store-opts default-network-opts default-ulimits features log-opts nri-opts proxies runtimes
    """,
}

DAEMON_KEYS: Mapping[str, str] = {name: kind for kind, names in _KEYS.items() for name in names.split()}
"""By key: what it holds, in words."""

BOUNDS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("max-concurrent-downloads", "max-concurrent-uploads", "mtu"), (0, _MANY)),
    "max-download-attempts": (1, _MANY),
    "network-diagnostic-port": (0, 65535),
    "oom-score-adjust": (-1000, 1000),
}
"""By key: the smallest and the largest number."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "default-cgroupns-mode": ("host", "private"),
    "default-ipc-mode": ("private", "shareable"),
    "firewall-backend": ("iptables", "nftables"),
    "log-format": ("text", "json"),
    "log-level": ("debug", "info", "warn", "error", "fatal"),
}
"""By key: every text that it takes."""

SYNONYMS = ("trace", "warning", "panic")
"""Further levels of a log, which dockerd takes and names nowhere."""

ADDRESSES = frozenset(
    {"default-gateway", "default-gateway-v6", "dns", "host-gateway-ip", "host-gateway-ips", "ip"}
)
"""Keys that hold an IP address, or a list of them."""

RANGES: Mapping[str, tuple[str, int]] = {
    "bip": ("192.168.200.1/24", 4),
    "bip6": ("fd00:200::1/64", 6),
    "fixed-cidr": ("192.168.200.128/25", 4),
    "fixed-cidr-v6": ("fd00:200::/80", 6),
}
"""Keys that hold an address with the length of a prefix: an example, and the version of IP."""

TEXT_LISTS = frozenset(name for name, kind in DAEMON_KEYS.items() if kind == "a list") - {
    "default-address-pools"
}
"""Lists of text."""

LOG_OPTIONS = (
    "max-size", "max-file", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size",
    "cache-disabled", "cache-max-size", "cache-max-file", "cache-compress",
)  # fmt: skip
"""The keys of log-opts with the driver json-file."""

ULIMIT = ("name", "hard", "soft")
"""The keys of one of default-ulimits, in lower case."""
