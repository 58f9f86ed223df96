"""What Calico needs of a host before its pod runs there.

Owns the CNI directories, the reference CNI plugins where wanted, and NetworkManager's exception for Calico's
interfaces. Does not own what Calico itself writes: its CNI configuration, binaries, interfaces and chains; a removal
takes those away again (`calico.sh`).
"""

from __future__ import annotations

from collections.abc import Sequence

from components.docker.files import CNI_BIN_DIRECTORY, CNI_CONF_DIRECTORY
from components.remote.bundle import Artifact, HostFile
from components.remote.content import Content
from components.settings import NodeSettings

DIRECTORIES = (CNI_CONF_DIRECTORY, CNI_BIN_DIRECTORY)

# Written on hosts without NetworkManager too: it may be installed later, and would then take Calico's
# interfaces.
_NETWORK_MANAGER = """\
[keyfile]
unmanaged-devices=interface-name:cali*;interface-name:tunl*;interface-name:vxlan.calico;interface-name:wireguard.cali
"""


def content(node: NodeSettings) -> Content:
    """Everything that the part puts on a host."""
    return Content(files=files(node), artifacts=artifacts(node), settings=settings(node))


def files(node: NodeSettings) -> tuple[HostFile, ...]:  # noqa: ARG001 - like every part's
    """NetworkManager's exception for Calico's interfaces."""
    return (
        HostFile("network-manager.conf", "/etc/NetworkManager/conf.d/kubenode-calico.conf", _NETWORK_MANAGER),
    )


def settings(node: NodeSettings) -> dict[str, Sequence[str]]:
    """What the host is asked about, and cleaned of, where the pod network is Calico's; nothing elsewhere."""
    if node.calico.mode == "external":
        return {}
    pods = [one for one in node.cluster.pod_cidr.split(",") if ":" not in one]
    return {"pod-cidr": pods, "firewall": [firewall(node)]}


def firewall(node: NodeSettings) -> str:
    """What hosts must be able to send each other, in words."""
    encapsulation = node.calico.pool.encapsulation
    if node.calico.mode == "existing":
        return "TCP 179, IP protocol 4, UDP 4789 or TCP 5473, as that Calico is set up,"
    if encapsulation.startswith("vxlan"):
        return "UDP 4789" if node.calico.backend in (None, "vxlan") else "UDP 4789 and TCP 179"
    return "IP protocol 4 and TCP 179" if encapsulation.startswith("ipip") else "TCP 179"


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:
    """The reference CNI plugins, if the configuration wants them."""
    plugins = node.artifacts.cni_plugins
    if plugins is None:
        return ()
    return (Artifact("cni-plugins", f"{CNI_BIN_DIRECTORY}/", plugins.url, plugins.sha256),)
