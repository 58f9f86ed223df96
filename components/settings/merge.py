"""Merging maps: a node's settings over the stack's, and a user's extraConfig over ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(base: object, over: object) -> object:
    """`over` on top of `base`, maps key by key; everything else, lists and null too, is taken from `over`."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {
        **base,
        **{key: merged(base[key], value) if key in base else value for key, value in over.items()},
    }


def patched(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """JSON merge patch (RFC 7386): like `merged`, but null removes a key. This is what extraConfig does."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = patched(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result
