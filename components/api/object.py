"""An object of any kind, given as the plain data of a manifest.

Owns the type token of a kind, which is that of the typed classes too. Does not own what is in the object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi


class KubernetesObject(pulumi.CustomResource):
    """The typed classes would want every key in Python's spelling, and know no custom resource."""

    def __init__(self, name: str, body: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(token(body["apiVersion"], body["kind"]), name, dict(body), opts)


def token(api_version: str, kind: str) -> str:
    """`kubernetes:core/v1:ConfigMap` for `v1` and `ConfigMap`."""
    group = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group}:{kind}"


def manifest_object(
    name: str,
    body: Mapping[str, Any],
    provider: pulumi.ProviderResource,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
    secret: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> KubernetesObject:
    """`secret`: top-level fields that are kept encrypted. `ignored`: those that cannot be compared in this run."""
    inputs = {key: pulumi.Output.secret(value) if key in secret else value for key, value in body.items()}
    return KubernetesObject(
        name,
        inputs,
        pulumi.ResourceOptions(
            parent=parent, provider=provider, depends_on=list(after), ignore_changes=list(ignored)
        ),
    )
