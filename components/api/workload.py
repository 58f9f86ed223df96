"""The test's own namespace with nginx: one pod for each node and a ClusterIP in front of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    AffinityArgs,
    ContainerArgs,
    ContainerPortArgs,
    Namespace,
    NodeAffinityArgs,
    NodeSelectorArgs,
    NodeSelectorRequirementArgs,
    NodeSelectorTermArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    TolerationArgs,
    TopologySpreadConstraintArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.api.node import CLAIM_ANNOTATION
from components.settings.sections import TaintSection

_LABELS = {"app": "nginx"}
# The namespace is the stack's own, as its claim says: objects in it that the state lost are taken over.
_OURS = {"pulumi.com/patchForce": "true"}


@dataclass(frozen=True)
class Workload:
    """`cluster_ip` is known once the Service is made."""

    deployment: Deployment
    service: Service
    cluster_ip: pulumi.Output[str]


def nginx(
    name: str,
    namespace: str,
    claim: str,
    image: str,
    nodes: Mapping[str, Sequence[TaintSection]],
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
) -> Workload:
    """On these nodes only, and spread strictly: with as many replicas as nodes, every node runs one.

    `nodes` maps a name to the node's own taints, which the pods tolerate: those, and no cordon. The namespace is
    deleted with all that is in it, so `claim` on it says whose it is: `components/cluster/objections.py` refuses that
    of somebody else, and of two stacks that make it at once one meets a conflict of server-side apply.
    """
    place = Namespace(
        f"{name}-namespace",
        metadata=ObjectMetaArgs(name=namespace, annotations={CLAIM_ANNOTATION: claim}),
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=list(after)),
    )
    own = pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=[place])
    deployment = Deployment(
        f"{name}-deployment",
        metadata=ObjectMetaArgs(name="nginx", namespace=namespace, labels=_LABELS, annotations=_OURS),
        spec=DeploymentSpecArgs(
            replicas=len(nodes),
            selector=LabelSelectorArgs(match_labels=_LABELS),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=_LABELS),
                spec=PodSpecArgs(
                    containers=[
                        ContainerArgs(
                            name="nginx",
                            image=image,
                            image_pull_policy="IfNotPresent",
                            ports=[ContainerPortArgs(container_port=80)],
                        )
                    ],
                    termination_grace_period_seconds=5,
                    affinity=_on(nodes),
                    tolerations=_tolerations(nodes.values()) or None,
                    topology_spread_constraints=[
                        TopologySpreadConstraintArgs(
                            max_skew=1,
                            topology_key="kubernetes.io/hostname",
                            when_unsatisfiable="DoNotSchedule",
                            node_taints_policy="Honor",
                            label_selector=LabelSelectorArgs(match_labels=_LABELS),
                        )
                    ],
                ),
            ),
        ),
        opts=own,
    )
    service = Service(
        f"{name}-service",
        metadata=ObjectMetaArgs(name="nginx", namespace=namespace, labels=_LABELS, annotations=_OURS),
        spec=ServiceSpecArgs(
            type="ClusterIP", selector=_LABELS, ports=[ServicePortArgs(port=80, target_port=80)]
        ),
        opts=own,
    )
    return Workload(deployment, service, service.spec.apply(lambda spec: str(spec.cluster_ip)))


def _tolerations(taints: Iterable[Sequence[TaintSection]]) -> list[TolerationArgs]:
    every = {(taint.key, taint.effect) for of_one in taints for taint in of_one}
    return [TolerationArgs(key=key, effect=effect, operator="Exists") for key, effect in sorted(every)]


def _on(nodes: Iterable[str]) -> AffinityArgs:
    """A node that is about to be removed still serves while the test runs, and must get no pod of it."""
    hostname = NodeSelectorRequirementArgs(key="kubernetes.io/hostname", operator="In", values=sorted(nodes))
    term = NodeSelectorTermArgs(match_expressions=[hostname])
    return AffinityArgs(
        node_affinity=NodeAffinityArgs(
            required_during_scheduling_ignored_during_execution=NodeSelectorArgs(node_selector_terms=[term])
        )
    )
