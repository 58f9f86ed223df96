"""The kubelet on one host."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pulumi

from components.kubelet import files
from components.remote.command import Host
from components.remote.part import Part, rendered
from components.settings import NodeSettings


class Kubelet(Part):
    """Owns binary, configuration and unit. `digest` changes whenever its command would run."""

    digest: str

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        content = files.content(settings)
        self.digest = hashlib.sha256(rendered(content, host, "kubelet").encode()).hexdigest()[:12]
        super().__init__("Kubelet", "kubelet", host, content, after, opts)
