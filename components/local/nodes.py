"""Reads Node, Lease and Pod objects. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Json = Mapping[str, Any]

CLAIM: Final = "kubenode/claim"
IN_SERVICE: Final = "kubenode/in-service"
CORDONED: Final = "kubenode/cordoned"
HEALED: Final = "kubenode/healed"
RETURNED: Final = "kubenode/returned"
REMOVAL: Final = "kubenode/removal"
OUT_OF_SERVICE_TAINT: Final = "kubenode/out-of-service"
NODE_LABEL: Final = "kubenode/node"
STACK_LABEL: Final = "kubenode/stack"
NAME_LABEL: Final = "kubenode/name"

# Of the node lifecycle controller, for the condition Ready. It takes off one of NoSchedule as soon as it sees Ready,
# one of NoExecute at its next look at all nodes (--node-monitor-period, 5 s).
_OF_THE_CONTROL_PLANE: Final = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})

_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
# A node may write its own annotations, and this one becomes a line of a bundle.
_HEAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\+\d{1,6}h")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,5}")
_FRACTION: Final = re.compile(r"\.(\d+)")
# A kubelet renews every 10 s and counts as gone after 40 s; the rest is for clocks that differ.
_FRESH: Final = timedelta(seconds=90)


@dataclass(frozen=True)
class NodeView:
    """What the programs need to know of a Node object."""

    name: str
    uid: str
    claim: str | None
    in_service: str | None
    cordoned_by: str | None
    unschedulable: bool
    is_tainted: bool
    """Whether our own taint is on it."""
    held_back_by: tuple[str, ...]
    """Taints by which the control plane keeps pods off a node that it thinks unwell, such as
    node.kubernetes.io/not-ready:NoSchedule. It takes them off itself, up to 5 s after the node is Ready."""
    kubelet_version: str
    runtime_version: str
    """Such as docker://27.5.1, empty until a kubelet has reported."""
    machine_id: str
    """The content of /etc/machine-id, empty until a kubelet has reported."""
    ready: str
    """Status of the Ready condition: True, False, Unknown, or empty when there is none."""
    ready_heartbeat: datetime | None
    ready_since: datetime | None
    """When the Ready condition became what it is."""
    created: datetime | None
    healed: str | None
    """The last `heal` that the node was put into service after; None for a text that is none."""
    returned: int
    """How often it was put back into service after a run that ended in between."""
    removal: str
    """When its last removal began, RFC 3339; empty if none did. It ends with the Node, so this one did not."""
    conditions: str
    """The conditions that speak against the node, in words."""
    has_addresses: bool

    @property
    def is_ready(self) -> bool:
        return self.ready == "True"


def view(node: Json) -> NodeView:
    """Reads a Node object."""
    metadata = node.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    spec = node.get("spec") or {}
    status = node.get("status") or {}
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    return NodeView(
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        claim=annotations.get(CLAIM),
        in_service=annotations.get(IN_SERVICE),
        cordoned_by=annotations.get(CORDONED),
        unschedulable=bool(spec.get("unschedulable")),
        is_tainted=any(one.get("key") == OUT_OF_SERVICE_TAINT for one in spec.get("taints") or ()),
        held_back_by=tuple(
            sorted(
                f"{one.get('key')}:{one.get('effect')}"
                for one in spec.get("taints") or ()
                if one.get("key") in _OF_THE_CONTROL_PLANE
            )
        ),
        kubelet_version=str((status.get("nodeInfo") or {}).get("kubeletVersion") or ""),
        runtime_version=str((status.get("nodeInfo") or {}).get("containerRuntimeVersion") or ""),
        machine_id=str((status.get("nodeInfo") or {}).get("machineID") or ""),
        ready=str(ready.get("status", "")),
        ready_heartbeat=read_time(ready.get("lastHeartbeatTime")),
        ready_since=read_time(ready.get("lastTransitionTime")),
        created=read_time(metadata.get("creationTimestamp")),
        healed=annotations.get(HEALED) if _HEAL.fullmatch(annotations.get(HEALED, "")) else None,
        removal=annotations[REMOVAL] if _MOMENT.fullmatch(annotations.get(REMOVAL, "")) else "",
        returned=int(annotations[RETURNED]) if _COUNT.fullmatch(annotations.get(RETURNED, "")) else 0,
        conditions=describe_conditions(conditions.values()),
        has_addresses=bool(status.get("addresses")),
    )


def describe_conditions(conditions: Iterable[Json]) -> str:
    """The abnormal conditions in words."""
    words: list[str] = []
    seen_ready = False
    for one in conditions:
        kind, status = str(one.get("type")), str(one.get("status"))
        seen_ready = seen_ready or kind == "Ready"
        if status != ("True" if kind == "Ready" else "False"):
            detail = " ".join(str(one.get(key)) for key in ("reason", "message") if one.get(key))
            words.append(f"{kind}={status} {detail[:300]}".strip())
    if not seen_ready:
        words.insert(0, "no Ready condition: no kubelet has reported yet")
    return "; ".join(words) or "Ready=True"


def twins(name: str, all_nodes: Iterable[Json]) -> list[str]:
    """The other Nodes with this one's machine-id, sorted: machines that were cloned from one another."""
    seen = [view(one) for one in all_nodes]
    own = next((one.machine_id for one in seen if one.name == name), "")
    return sorted(one.name for one in seen if own and one.machine_id == own and one.name != name)


def read_time(text: object) -> datetime | None:
    """Reads RFC 3339, with or without a fraction (Leases have microseconds)."""
    if not isinstance(text, str) or not text:
        return None
    # Python 3.10's reader takes 3 or 6 digits of a fraction only, and no "Z".
    normal = _FRACTION.sub(lambda found: "." + found.group(1)[:6].ljust(6, "0"), text).replace("Z", "+00:00")
    try:
        value = datetime.fromisoformat(normal)
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def renewed(lease: Json | None) -> datetime | None:
    """When the kubelet last renewed its Lease, by the host's clock."""
    return read_time(((lease or {}).get("spec") or {}).get("renewTime"))


def is_joined(node: Json | None, lease: Json | None, now: datetime) -> bool:
    """Whether a kubelet runs as this node: it has registered, and it is Ready or renews its Lease."""
    if node is None:
        return False
    seen = view(node)
    if not seen.kubelet_version:
        return False
    last = renewed(lease)
    if last is None:
        return False
    return seen.is_ready or is_fresh(last, now)


def is_fresh(renewed: datetime, now: datetime) -> bool:
    """Whether a kubelet that renewed its Lease then counts as running, whatever the two clocks say."""
    return now - renewed <= _FRESH


def heal(since: datetime, now: datetime) -> str:
    """What a run is to heal, as a text that lasts as long as a token: since when, and for how many hours by now."""
    hours = max(0, int((now - since).total_seconds() // 3600))
    return f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}+{hours}h"


def is_to_heal(node: Json | None, heal: str) -> bool:
    """Whether `heal` has still to be done: the Node was not put into service after it."""
    return bool(heal) and (node is None or view(node).healed != heal)


def is_unreachable(node: Json) -> bool:
    """Whether the control plane has given the kubelet up: nobody there will end the pods."""
    return view(node).ready == "Unknown"


def label_value(text: str) -> str:
    """A text as a label's value: itself where it may be one, else shortened and made unique by a digest."""
    if _LABEL_VALUE.fullmatch(text):
        return text
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-")[:48].rstrip("._-") or "stack"
    return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def version_number(text: str) -> str:
    """1.37.2 for v1.37.2."""
    return text.removeprefix("v")
