"""What the cluster must allow so that nodes of this stack can join and renew; names of the stack's own."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import ClusterRoleBinding, RoleRefArgs, SubjectArgs

_GROUP = "rbac.authorization.k8s.io"

Binding = ClusterRoleBinding
Subject = SubjectArgs


def bind(
    name: str,
    object_name: str,
    subject: Subject,
    role: str,
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
) -> Binding:
    """Binds `subject` to the built-in ClusterRole `role`."""
    return ClusterRoleBinding(
        name,
        metadata=ObjectMetaArgs(name=object_name),
        role_ref=RoleRefArgs(api_group=_GROUP, kind="ClusterRole", name=role),
        subjects=[subject],
        opts=pulumi.ResourceOptions(parent=parent, provider=provider),
    )


def group(name: str) -> Subject:
    """Everybody whom the API server finds in this group."""
    return SubjectArgs(api_group=_GROUP, kind="Group", name=name)


def user(name: str) -> Subject:
    """Who comes with this name, by whatever proof."""
    return SubjectArgs(api_group=_GROUP, kind="User", name=name)


def account(name: str, namespace: str) -> Subject:
    """A ServiceAccount."""
    return SubjectArgs(kind="ServiceAccount", name=name, namespace=namespace)
