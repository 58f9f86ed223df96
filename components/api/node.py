"""The Node object: made before its kubelet starts, deleted after it stopped.

Owns labels, annotations and the object's life. Does not own `spec`: taints and cordon are one atomic list and one flag
that the cluster's controllers write too (`components/local/in_service.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.core.v1 import Node
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

CLAIM_ANNOTATION = "kubenode/claim"

# What `kubectl get nodes` shows as ROLES. The kubelet may not set it since Kubernetes 1.16.
_ROLE_PREFIX = "node-role.kubernetes.io/"
_DEFAULT_ROLE = {f"{_ROLE_PREFIX}worker": ""}


def labels_of(labels: Mapping[str, str]) -> dict[str, str]:
    """A node's labels with the role that it has without one of its own."""
    role = {} if any(label.startswith(_ROLE_PREFIX) for label in labels) else _DEFAULT_ROLE
    return {**role, **labels}


def node_object(
    name: str,
    node: str,
    claim: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
) -> Node:
    """Two stacks that want the same node conflict on the claim annotation under server-side apply."""
    return Node(
        name,
        metadata=ObjectMetaArgs(
            name=node, labels=labels_of(labels), annotations={**annotations, CLAIM_ANNOTATION: claim}
        ),
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=list(after)),
    )
