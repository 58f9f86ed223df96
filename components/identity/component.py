"""The secrets of one node, in one command whose whole standard input is secret."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.identity import kubeconfigs
from components.pki.issued import IssuedCertificate
from components.pki.token import BootstrapToken
from components.remote.command import Host
from components.remote.part import Part
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
        # One of these is secret, so everything made of them is.
        born = pulumi.Output.all(
            id=token.token_id,
            secret=token.token_secret,
            certificate=proxy.certificate if proxy else "",
            key=proxy.private_key if proxy else "",
        )
        content = born.apply(
            lambda known: kubeconfigs.content(
                settings, f"{known['id']}.{known['secret']}", known["certificate"], known["key"]
            )
        )
        super().__init__("Credentials", "credentials", host, content, after, opts)
