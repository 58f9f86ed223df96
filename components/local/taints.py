"""The taints that the configuration gives a node. Pure: Node objects in, Node objects out.

Owns the taints that the annotation kubenode/taints lists, as "key:Effect" by effect and key; those of controllers, of
administrators and our own out-of-service taint (`components.local.disruption`) stay as they are.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

OWNED: Final = "kubenode/taints"


@dataclass(frozen=True, order=True)
class Taint:
    """A taint is the same one as another if key and effect are."""

    key: str
    effect: str
    value: str = ""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Taint:
        return cls(str(raw.get("key", "")), str(raw.get("effect", "")), str(raw.get("value") or ""))

    @property
    def name(self) -> str:
        return f"{self.key}:{self.effect}"

    def render(self) -> Json:
        return {"key": self.key, "effect": self.effect, **({"value": self.value} if self.value else {})}


def with_taints(node: Mapping[str, Any], wanted: Iterable[Taint]) -> Json:
    """The node with exactly these taints of ours. Equal to the given one if it has them already."""
    ours = {taint.name: taint for taint in sorted(wanted)}
    changed = copy.deepcopy(dict(node))
    metadata, spec = changed.setdefault("metadata", {}), changed.setdefault("spec", {})
    annotations = metadata.get("annotations") or {}
    owned = _owned(annotations)
    left = []
    for raw in spec.get("taints") or ():
        there = Taint.read(raw)
        wished = ours.get(there.name)
        if wished is not None:
            # In its place, so that a list that is right is not written again.
            left.append(raw if there.value == wished.value else wished.render())
        elif there.name not in owned:
            left.append(raw)
    present = {Taint.read(raw).name for raw in left}
    left += [taint.render() for name, taint in ours.items() if name not in present]
    if left:
        spec["taints"] = left
    else:
        spec.pop("taints", None)
    if ours:
        annotations[OWNED] = json.dumps(sorted(ours))
    else:
        annotations.pop(OWNED, None)
    if annotations or metadata.get("annotations") is not None:
        metadata["annotations"] = annotations
    return changed


def _owned(annotations: Mapping[str, str]) -> frozenset[str]:
    """An annotation that somebody spoiled owns nothing: better a taint too many than one of somebody else's gone."""
    try:
        names = json.loads(annotations.get(OWNED, "[]"))
    except ValueError:
        return frozenset()
    return (
        frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()
    )
