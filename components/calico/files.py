"""What Calico needs of a host before its pod runs there.

Owns the CNI directories, the reference CNI plugins where wanted, and NetworkManager's exception for Calico's
interfaces. Does not own what Calico itself writes: its CNI configuration, binaries, interfaces and chains.
"""

from __future__ import annotations

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
    return Content(files=files(node), artifacts=artifacts(node))


def files(node: NodeSettings) -> tuple[HostFile, ...]:  # noqa: ARG001 - like every part's
    """NetworkManager's exception for Calico's interfaces."""
    return (
        HostFile("network-manager.conf", "/etc/NetworkManager/conf.d/kubenode-calico.conf", _NETWORK_MANAGER),
    )


def artifacts(node: NodeSettings) -> tuple[Artifact, ...]:
    """The reference CNI plugins, if the configuration wants them."""
    plugins = node.artifacts.cni_plugins
    if plugins is None:
        return ()
    return (Artifact("cni-plugins", f"{CNI_BIN_DIRECTORY}/", plugins.url, plugins.sha256),)
