"""The provider for everything that lives in the cluster's API."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes

from components.remote.command import Kubeconfig


def cluster_provider(
    name: str, kubeconfig: Kubeconfig, identifier: str, opts: pulumi.ResourceOptions
) -> kubernetes.Provider:
    """`identifier` keeps a new kubeconfig for the same cluster from replacing every object.

    Existing objects are adopted: a killed run may have made some that the state does not know, and without adoption
    every later run would fail on them. Whose a Node is was settled before, by the one read of the API.
    """
    return kubernetes.Provider(
        name,
        kubeconfig=kubeconfig.contents if kubeconfig.contents is not None else kubeconfig.path,
        context=kubeconfig.context,
        cluster_identifier=identifier,
        enable_server_side_apply=True,
        upsert_existing_objects=True,
        # A changed setting of Calico is an update; replaced, its pods would be without it for a moment.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        opts=opts,
    )
