"""Docker Engine and cri-dockerd on one host, with the images that are there before the first pod."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.docker import files
from components.host.component import guarded
from components.remote.command import Host
from components.remote.part import Part
from components.settings import NodeSettings


class Docker(Part):
    """Owns package, daemon.json, cri-dockerd's binary and units, preloaded images. Not the pods that run in it."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Docker", "docker", host, guarded(files.content(settings), settings), after, opts)
