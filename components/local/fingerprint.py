"""A configuration as its fields with a mark for each value, which tells which of them is otherwise. Pure.

Owns the marks: a dotted field name, and 4 hex digits in place of its value. A preview that shows what goes to a host
need not show it twice, and of a change it shows the one field. Does not own any configuration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

_MARK: Final = 4


def fingerprint(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Every field but the kind, sorted by name."""
    return {path: _mark(value) for path, value in sorted(_fields(configuration))}


def differing(wanted: Mapping[str, str], running: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Fields of `running` that are not as in the configuration of that fingerprint, by name and value.

    What `running` has besides is a default.
    """
    there = dict(_fields(running))
    return [
        (path, there.get(path)) for path, mark in sorted(wanted.items()) if _mark(there.get(path)) != mark
    ]


def _fields(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield at, value
        return
    for key, inner in value.items():
        if at or key not in ("apiVersion", "kind"):
            yield from _fields(inner, f"{at}.{key}" if at else str(key))


def _mark(value: Any) -> str:
    # An empty or false value may be left out of an answer, and 1.0 may come back as 1.
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    return hashlib.sha256(json.dumps(plain or None, sort_keys=True).encode()).hexdigest()[:_MARK]
