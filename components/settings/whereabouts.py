"""Where a key belongs that stands in another place, and how it may have come there. Pure.

Does not own which keys there are (`*sections.py`, `components/versions`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from components.settings.problems import unknown_key
from components.settings.section import Section
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS
from components.versions.kinds import KUBE_PROXY, KUBELET, STRUCTS

_PROJECT = "kubenode"


def unknown_at_top(key: str, known: Sequence[str], *, is_secret: bool) -> str:
    """The words for a key of the stack that nobody reads. `is_secret`: its value is encrypted."""
    if key == _PROJECT:
        return f"no section, but what every key begins with: write {_PROJECT}:cluster and so on, each below config"
    first = re.split(r"[.\[]", key, maxsplit=1)[0]
    if first != key and first in known:
        secret = "--secret " if is_secret else ""
        return (
            "a key with this whole name, as pulumi config set without --path makes it: "
            f"pulumi config rm '{key}', and set it with pulumi config set {secret}--path '{key}'"
        )
    return _elsewhere(key, {**STACK_SECTIONS, **NODE_SECTIONS}) or unknown_key(key, known)


def unknown_of_node(key: str, known: Sequence[str]) -> str:
    """The words for a key of a node that nobody reads."""
    return _elsewhere(key, NODE_SECTIONS) or unknown_key(key, known)


def wrapped_in(nodes: Mapping[object, object], known: Sequence[str]) -> str | None:
    """The one key of a nodesFile below which the nodes are, if it is not a node itself."""
    if len(nodes) != 1:
        return None
    [(key, below)] = nodes.items()
    if not isinstance(below, Mapping) or key not in ("nodes", f"{_PROJECT}:nodes", "config"):
        return None
    is_of_nodes = below and all(isinstance(one, Mapping) for one in below.values())
    return str(key) if is_of_nodes and not set(below) & set(known) else None


def _elsewhere(key: str, sections: Mapping[str, type[Section]]) -> str | None:
    places = list(_places(key, sections))
    return f"unknown key, did you mean {' or '.join(places)}?" if places else None


def _places(key: str, sections: Mapping[str, type[Section]]) -> Iterator[str]:
    for name, model in sections.items():
        if any(key == (info.alias or field) for field, info in model.model_fields.items()):
            yield f"{name}.{key}"
    for name, struct in (("kubelet", KUBELET), ("kubeProxy", KUBE_PROXY)):
        if key in STRUCTS[struct] and key not in sections:
            yield f"{name}.extraConfig.{key}"
