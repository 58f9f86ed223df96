"""Docker Engine and cri-dockerd on one host, with the images that are there before the first pod."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.docker import files
from components.remote.command import Host
from components.remote.part import Content, Part
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
        content = Content(
            files=files.files(settings),
            artifacts=[a for a in files.artifacts(settings) if not a.path.startswith(files.IMAGE_DIRECTORY)],
            settings={
                "package": [settings.docker.package],
                "healthy-timeout-seconds": [str(settings.docker.healthy_timeout_seconds)],
                "image": [f"{image.image} {image.url} {image.sha256}" for image in settings.artifacts.images],
            },
        )
        super().__init__("Docker", "docker", host, content, after, opts)
