"""What a node is, in a few words for the stack's outputs. Pure.

Owns the names in it. Does not own its freshness: it says when it was read, and a kubelet renews its certificates by
itself after that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from components.local import nodes

# Seconds left of a certificate, negative once it has expired; kubelet, pkg/kubelet/certificate/kubelet.go.
_TTL = r"^kubelet_certificate_manager_{}_ttl_seconds (\S+)$"


def report(node: Mapping[str, Any], metrics: str, now: datetime) -> dict[str, str | None]:
    """Versions, state and certificate ends of a Node, from its object and its kubelet's metrics (empty: not read)."""
    seen = nodes.view(node)
    ends = certificate_ends(metrics, now)
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return {
        "kubelet": nodes.version_number(seen.kubelet_version) or None,
        "runtime": info.get("containerRuntimeVersion"),
        "os": info.get("osImage"),
        "kernel": info.get("kernelVersion"),
        "architecture": info.get("architecture"),
        "state": ("Ready" if seen.is_ready else "NotReady") + (", cordoned" if seen.unschedulable else ""),
        "clientCertificateExpires": ends["client"],
        "servingCertificateExpires": ends["serving"],
        "readAt": _minute(now),
    }


def certificate_ends(metrics: str, now: datetime) -> dict[str, str | None]:
    """When the certificates that the kubelet renews by itself end, by its metrics."""
    return {"client": _end(metrics, "client", now), "serving": _end(metrics, "server", now)}


def _end(metrics: str, which: str, now: datetime) -> str | None:
    found = re.search(_TTL.format(which), metrics, re.MULTILINE)
    try:
        seconds = float(found.group(1)) if found else math.inf
        return _minute(now + timedelta(seconds=seconds)) if math.isfinite(seconds) else None
    except (ValueError, OverflowError):
        return None


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
