"""Images of a manifest's pods from another registry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_registry(body: Mapping[str, Any], registry: str) -> None:
    """Have every container of a workload take its image from there, under the path that it has."""
    pod = ((body.get("spec") or {}).get("template") or {}).get("spec") or {}
    for container in (*(pod.get("initContainers") or ()), *(pod.get("containers") or ())):
        if isinstance(container.get("image"), str):
            container["image"] = f"{registry}/{path_of(container['image'])}"


def path_of(image: str) -> str:
    """The image without its registry: `calico/node:v3.33.1` of `quay.io/calico/node:v3.33.1`."""
    first, slash, rest = image.partition("/")
    is_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return rest if is_registry else image
