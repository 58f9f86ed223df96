"""The kubelet on one host."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.identity.issued import Issued, public
from components.identity.kubeconfigs import Identities
from components.kubelet import files
from components.remote.command import Host
from components.remote.content import Content
from components.remote.part import Part, rendered
from components.rendering import digest
from components.settings import NodeSettings


class Kubelet(Part):
    """Owns binary, configuration and unit; certificates that it is given are credentials, and restart it.

    `digest` changes whenever its command would run.
    """

    digest: pulumi.Input[str]

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        issued: Issued,
        heal: str,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        def digest_of(content: Content) -> str:
            return digest(rendered(content, host, "kubelet"))

        content: Content | pulumi.Output[Content]
        if issued.client is None and issued.serving is None:
            content = files.content(settings, Identities()).healing(heal)
            self.digest = digest_of(content)
        else:
            content = public(issued).apply(lambda made: files.content(settings, made).healing(heal))
            self.digest = content.apply(digest_of)
        super().__init__("Kubelet", "kubelet", host, content, after, opts)
