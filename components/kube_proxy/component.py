"""kube-proxy on one host."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.kube_proxy import files
from components.pki.issued import IssuedCertificate
from components.remote.command import Host
from components.remote.part import Part
from components.settings import NodeSettings


class KubeProxy(Part):
    """Owns binary, configuration and unit. Its kubeconfig is one of the credentials; a new one restarts it."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        certificate: IssuedCertificate,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        content = certificate.certificate.apply(lambda pem: files.content(settings, pem))
        super().__init__("KubeProxy", "kube-proxy", host, content, after, opts)
