"""kube-proxy on one host."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pulumi

from components.kube_proxy import files
from components.pki.issued import IssuedCertificate
from components.remote.command import Host
from components.remote.part import Content, Part
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
        def content(pem: str) -> Content:
            return Content(
                files=files.files(settings),
                artifacts=files.artifacts(settings),
                settings={
                    "mode": [settings.kube_proxy.mode],
                    "healthy-timeout-seconds": [str(settings.kube_proxy.healthy_timeout_seconds)],
                    "certificate": [hashlib.sha256(pem.encode()).hexdigest()[:12]],
                },
            )

        super().__init__("KubeProxy", "kube-proxy", host, certificate.certificate.apply(content), after, opts)
