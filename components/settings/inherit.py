"""What a node takes over of a section that all nodes share. Pure.

Owns which shared keys a node's own value replaces or leaves without a reader. Does not own the merging of the rest
(`merge.py`), nor the refusal of such keys where a node, or the shared section, gives both itself (`checks_docker.py`,
`checks_kube_proxy.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from components.settings.defaults import EXISTING

# A node that names one way to log in or one way to trust a host replaces the stack's way, whichever that is.
_EITHER_OR = (("privateKeyFile", "privateKey", "agent", "password"), ("hostKey", "insecureIgnoreHostKey"))

# key of docker: the one docker.source that reads it
SOURCE_KEYS: Mapping[str, str] = {
    "package": "distribution",
    "repository": "docker",
    "archive": "archive",
}


def inherited(section: str, shared: Mapping[str, object], own: Mapping[str, object]) -> Mapping[str, object]:
    """The keys of the shared section that apply to a node with a section of its own."""
    if section == "ssh":
        return _ssh(shared, own)
    if section == "docker" and "source" in own:
        unread = {key for key, source in SOURCE_KEYS.items() if source != own["source"]}
        if own["source"] == EXISTING:
            unread.add("dataRoot")
    elif section == "kubeProxy" and own.get("mode") == EXISTING:
        unread = {"configuredBy", "extraConfig", "extraFlags"}
    else:
        return shared
    return {key: value for key, value in shared.items() if key not in unread}


def _ssh(shared: Mapping[str, object], own: Mapping[str, object]) -> Mapping[str, object]:
    kept = _without_replaced(shared, own)
    below = shared.get("bastion"), own.get("bastion")
    if isinstance(below[0], Mapping) and isinstance(below[1], Mapping):
        kept["bastion"] = _without_replaced(below[0], below[1])
    return kept


def _without_replaced(shared: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    replaced = {name for names in _EITHER_OR if any(name in own for name in names) for name in names}
    return {name: value for name, value in shared.items() if name not in replaced}
