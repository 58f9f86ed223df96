"""The secrets of one node, in one command whose whole standard input is secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from components.identity import kubeconfigs
from components.identity.registries import registries
from components.pki.issued import IssuedCertificate
from components.pki.token import BootstrapToken
from components.remote.command import Host
from components.remote.part import Content, Part
from components.settings import NodeSettings


class Credentials(Part):
    """Owns the CA certificate, the bootstrap kubeconfig until the join, our kube-proxy's, and registries' logins."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        token: BootstrapToken,
        proxy: IssuedCertificate | None,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        def content(born: dict[str, Any]) -> Content:
            server = settings.cluster.server
            files = [
                kubeconfigs.certificate_authority(settings.cluster.ca_pem),
                kubeconfigs.bootstrap(server, f"{born['id']}.{born['secret']}"),
            ]
            if "key" in born:
                files.append(kubeconfigs.kube_proxy(server, born["certificate"], born["key"]))
            logins = registries(settings)
            if logins is not None:
                files.append(logins)
            return Content(files=files)

        # One of these is secret, so everything made of them is.
        of_proxy = {"certificate": proxy.certificate, "key": proxy.private_key} if proxy else {}
        born = pulumi.Output.all(id=token.token_id, secret=token.token_secret, **of_proxy)
        super().__init__("Credentials", "credentials", host, born.apply(content), after, opts)
