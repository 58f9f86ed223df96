"""The host's side of the pod network."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.calico import files
from components.remote.command import Host
from components.remote.part import Part
from components.settings import NodeSettings


class Calico(Part):
    """Owns the CNI directories and the standard plugins. Not Calico's pods, which the cluster runs."""

    def __init__(
        self,
        host: Host,
        settings: NodeSettings,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Calico", "calico", host, files.content(settings), after, opts)
