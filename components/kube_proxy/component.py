"""kube-proxy on one host."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.identity.issued import Issued, proxy_mark
from components.kube_proxy import files
from components.remote.command import Host
from components.remote.part import Part
from components.settings import NodeSettings


class KubeProxy(Part):
    """Owns binary, configuration and unit. Its kubeconfig is one of the credentials; a new one restarts it."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        issued: Issued,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        content = proxy_mark(issued).apply(lambda mark: files.content(settings, mark))
        super().__init__("KubeProxy", "kube-proxy", host, content, after, opts)
