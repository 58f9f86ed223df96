"""Which Kubernetes a line of Calico is for, and what a line knows.

One row per line of releases. The ranges are those of Calico's own requirements pages; where none was found, what its
own tests and the defaults of installers pin, as the comment says.
"""

from __future__ import annotations

from collections.abc import Mapping

Line = tuple[int, int]

# line: oldest and newest Kubernetes 1.x
RANGES: Mapping[Line, tuple[int, int]] = {
    # Its manifest is of extensions/v1beta1; the page says 1.4 or newer, and 1.10 was the newest then.
    (3, 0): (4, 10),
    (3, 1): (8, 10),
    (3, 2): (8, 10),
    (3, 3): (10, 12),
    # The page ends with 1.28; 1.29 is what installers pin with it.
    (3, 27): (24, 29),
    # No page: its own tests pin 1.29, installers 1.28 to 1.30.
    (3, 28): (28, 30),
    (3, 29): (29, 32),
    # The page begins with 1.30; its end is a maintainer's word that 1.35 shows no trouble.
    (3, 30): (30, 35),
    (3, 31): (32, 35),
    (3, 32): (34, 36),
    (3, 33): (35, 37),
}

# A pool of VXLAN, and the word Never.
_VXLAN_SINCE = (3, 7)
_BLOCK_SIZE_SINCE = (3, 3)
_INTERNAL_IP_SINCE = (3, 20)
# From here on calico-node starts with any rp_filter.
_LOOSE_RP_FILTER_SINCE = (3, 12)
# The manifest's own pool is given up for an object of the stack.
_NO_DEFAULT_POOLS_SINCE = (3, 1)
# With the first one kube-proxy must not use ipvs.
_IPVS_SINCE = (3, 1)
_OPERATOR_SINCE = (3, 15)
# The operator's custom resource definitions are a file of their own.
_OPERATOR_CRDS_SINCE = (3, 30)


def line(version: str) -> Line:
    """`v3.33.1` as (3, 33)."""
    major, minor = (int(part) for part in version.removeprefix("v").split(".")[:2])
    return major, minor


def name(of: Line) -> str:
    """The line as people write it: `3.33`."""
    return f"{of[0]}.{of[1]}"


def known() -> str:
    """Every line that has a row, in words."""
    return ", ".join(name(one) for one in RANGES)


def kubernetes_range(version: str) -> tuple[int, int] | None:
    """Oldest and newest Kubernetes 1.x of a release; None if its line has no row."""
    return RANGES.get(line(version))


def lines_for(kubernetes_minor: int) -> str:
    """The lines for a Kubernetes 1.x, in words; empty if there is none."""
    return ", ".join(
        name(one) for one, (oldest, newest) in RANGES.items() if oldest <= kubernetes_minor <= newest
    )


def has_vxlan(version: str) -> bool:
    """Whether a pool may be of VXLAN."""
    return line(version) >= _VXLAN_SINCE


def has_block_size(version: str) -> bool:
    """Whether a pool says how large its blocks are."""
    return line(version) >= _BLOCK_SIZE_SINCE


def knows_internal_ip(version: str) -> bool:
    """Whether the address may be that of the Node."""
    return line(version) >= _INTERNAL_IP_SINCE


def refuses_loose_rp_filter(version: str) -> bool:
    """Whether calico-node refuses to run with net.ipv4.conf.all.rp_filter=2."""
    return line(version) < _LOOSE_RP_FILTER_SINCE


def takes_no_default_pools(version: str) -> bool:
    """Whether calico-node can be told to make no pool of its own."""
    return line(version) >= _NO_DEFAULT_POOLS_SINCE


def goes_with_ipvs(version: str) -> bool:
    """Whether kube-proxy may use ipvs."""
    return line(version) >= _IPVS_SINCE


def has_operator(version: str) -> bool:
    """Whether an operator installs it."""
    return line(version) >= _OPERATOR_SINCE


def manifest_names(version: str, mode: str, datastore: str) -> tuple[str, ...]:
    """The release's own files for a way to install it."""
    if mode == "operator":
        names = ("operator-crds.yaml",) if line(version) >= _OPERATOR_CRDS_SINCE else ()
        return (*names, "tigera-operator.yaml")
    return ("calico-etcd.yaml" if datastore == "etcd" else "calico.yaml",)
