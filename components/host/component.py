"""The host below a node: the claim with its toolkit, and what every node needs of its host."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.host import files, needs
from components.remote import toolkit
from components.remote.command import Host
from components.remote.part import Content, Part
from components.settings import NodeSettings


class Claim(Part):
    """Preflight, toolkit, claim: the first thing on a host and, at destroy, the last."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        content = Content(
            settings={"toolkit": [toolkit.digest()], **needs.preflight(settings)},
            payload=toolkit.payload(),
        )
        super().__init__("Claim", "claim", host, content, after, opts)


class Prepare(Part):
    """Packages, kernel modules, kernel settings."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        content = Content(files=files.files(settings), settings=needs.preparation(settings))
        super().__init__("Prepare", "prepare", host, content, after, opts)
