"""The parameters of the sandbox's pod network, per container.

Owns: the file that the unit sandbox-pod-network reads. Pure. Does not own the network itself: images/host has
it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.network import POD_CIDR

FILE = "/etc/sandbox/pod-network.env"
# VXLAN wraps each packet into another one.
_VXLAN_BYTES = 50


def parameters(
    index: int, address: str, addresses: Iterable[str], mtu: int, *, networked: bool = True
) -> str:
    """The file for the container with this number (the control plane has 0 and runs no pods). Not `networked`: the unit
    does nothing there.
    """
    peers = " ".join(peer for peer in addresses if peer != address)
    return (
        f"INDEX={index}\n"
        f'PEERS="{peers}"\n'
        f"POD_CIDR={POD_CIDR}\n"
        f"MTU={mtu - _VXLAN_BYTES}\n"
        f"CNI={'off' if not networked else 'yes' if index else 'no'}\n"
    )
