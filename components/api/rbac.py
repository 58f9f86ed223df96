"""What the cluster must allow so that nodes of this stack can join and renew; names of the stack's own."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import ClusterRoleBinding, RoleRefArgs, SubjectArgs

_GROUP = "rbac.authorization.k8s.io"


def bind_group(
    name: str,
    object_name: str,
    group: str,
    role: str,
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
) -> ClusterRoleBinding:
    """Binds `group` to the built-in ClusterRole `role`."""
    return ClusterRoleBinding(
        name,
        metadata=ObjectMetaArgs(name=object_name),
        role_ref=RoleRefArgs(api_group=_GROUP, kind="ClusterRole", name=role),
        subjects=[SubjectArgs(api_group=_GROUP, kind="Group", name=group)],
        opts=pulumi.ResourceOptions(parent=parent, provider=provider),
    )
