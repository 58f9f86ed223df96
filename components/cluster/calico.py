"""Calico's objects in the cluster, if this stack installs it.

Owns the resources and their order: definitions first, and what a stage needs is there before it. Does not own what the
objects say (`components/calico/objects.py`), nor what Calico makes of them: `in-service` waits for that on each node.
"""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components.api.object import manifest_object
from components.calico.objects import cluster_objects
from components.settings import CalicoSettings


class ClusterCalicoArgs(TypedDict):
    """`claim` is the stack, whose objects they are."""

    settings: CalicoSettings
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
        stages: dict[int, list[pulumi.Resource]] = {}
        for each in cluster_objects(args["settings"], args["claim"]):
            before = [one for stage, made in stages.items() if stage < each.stage for one in made]
            made = manifest_object(
                each.name,
                each.body,
                args["provider"],
                self,
                before,
                each.secret,
                ignored if each.secret else [],
            )
            stages.setdefault(each.stage, []).append(made)
            self.objects.append(made)
        self.register_outputs({})
