"""Calico's objects in the cluster, if this stack installs it.

Owns the resources and their order: definitions first, and what a stage needs is there before it. Does not own what the
objects say (`components/calico/objects.py`), nor what Calico makes of them: `in-service` waits for that on each node.
"""

from __future__ import annotations

from itertools import groupby
from typing import TypedDict

import pulumi

from components.api.object import manifest_object
from components.calico.objects import STAGES, cluster_objects
from components.cluster.leftovers import leftovers, reference
from components.remote.command import Kubeconfig
from components.settings import CalicoSettings


class ClusterCalicoArgs(TypedDict):
    """`claim` is the stack, whose objects they are."""

    settings: CalicoSettings
    kubeconfig: Kubeconfig
    claim: str
    provider: pulumi.ProviderResource


class ClusterCalico(pulumi.ComponentResource):
    """`objects`: what must be there before a node, and goes after the last one; empty if others install the network."""

    objects: list[pulumi.Resource]

    def __init__(
        self, name: str, args: ClusterCalicoArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kubenode:index:ClusterCalico", name, None, opts)
        etcd = args["settings"].etcd
        ignored = ["data"] if etcd is not None and etcd.private_key is None else []
        self.objects = []
        for stage, objects in groupby(
            cluster_objects(args["settings"], args["claim"]), key=lambda one: one.stage
        ):
            these = list(objects)
            # One for each stage: what is left of it goes while there is who does what its finalizers ask.
            left = leftovers(
                f"{name}-{STAGES[stage]}",
                args["kubeconfig"],
                args["claim"],
                {"objects": [reference(one.body) for one in these], "nodesNeedThem": True},
                self,
                list(self.objects),
            )
            self.objects += [
                manifest_object(
                    one.name,
                    one.body,
                    args["provider"],
                    self,
                    [left],
                    one.secret,
                    ignored if one.secret else [],
                )
                for one in these
            ]
        self.register_outputs({})
