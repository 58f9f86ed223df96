"""A ServiceAccount whose token is used outside the cluster.

The token is that of a Secret, and so has no end: those that the API server hands out on request live as long as the
cluster allows, mostly an hour, and a kubeconfig on a host has nobody to renew it between two runs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core.v1 import Secret, ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs


def account_token(
    name: str,
    namespace: str,
    object_name: str,
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Makes both objects; the token, secret, as soon as the control plane has filled it in."""
    own = pulumi.ResourceOptions(parent=parent, provider=provider)
    account = ServiceAccount(
        name,
        metadata=ObjectMetaArgs(name=object_name, namespace=namespace),
        # No pod uses it, and one that does is to get nothing by itself.
        automount_service_account_token=False,
        opts=own,
    )
    secret = Secret(
        f"{name}-token",
        metadata=ObjectMetaArgs(
            name=object_name,
            namespace=namespace,
            annotations={
                "kubernetes.io/service-account.name": object_name,
                "pulumi.com/waitFor": "jsonpath={.data.token}",
            },
        ),
        type="kubernetes.io/service-account-token",
        opts=pulumi.ResourceOptions(parent=parent, provider=provider, depends_on=[account]),
    )
    return pulumi.Output.secret(secret.data.apply(lambda data: decoded(data, f"{namespace}/{object_name}")))


def decoded(data: Mapping[str, str] | None, name: str) -> str:
    """The token in a Secret's data; empty in a preview that is before it."""
    token = base64.b64decode((data or {}).get("token", "")).decode()
    if not token and not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(
            f"the Secret {name} has no token: does the controller manager run its controller "
            f"serviceaccount-token, with --service-account-private-key-file? Then: pulumi refresh, pulumi up"
        )
    return token
