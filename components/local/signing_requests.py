"""Deletes certificate signing requests. Does not own which are to go, nor reading them."""

from __future__ import annotations

from collections.abc import Iterable

from components.local.kubectl import PATHS, Json
from components.local.session import Session


def delete_requests(session: Session, requests: Iterable[Json]) -> list[str]:
    """Deletes these objects. Returns the names of those that were still there."""
    metadata = [one["metadata"] for one in requests]
    return [
        one["name"]
        for one in metadata
        if session.kubectl.delete(f"{PATHS.requests}/{one['name']}", one["uid"])
    ]
