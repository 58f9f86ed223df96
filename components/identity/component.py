"""The secrets of one node, in one command whose whole standard input is secret."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.identity import kubeconfigs
from components.identity.issued import Issued, secret
from components.pki.token import BootstrapToken
from components.remote.command import Host
from components.remote.part import Part
from components.settings import NodeSettings


class Credentials(Part):
    """Owns the CA certificate, the bootstrap kubeconfig until the join, what the node is given, registries' logins."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        token: BootstrapToken | None,
        issued: Issued,
        heal: str,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        static = settings.static_token
        content = secret(issued, token, static).apply(
            lambda made: kubeconfigs.content(settings, made).healing(heal)
        )
        # Without the token nothing can be said of a change; a preview may do without its file.
        ignored = ["stdin"] if static is not None and static.token is None else None
        super().__init__("Credentials", "credentials", host, content, after, opts, ignored)
