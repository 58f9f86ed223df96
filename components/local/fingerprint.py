"""A configuration as one short text, which tells what of it is otherwise elsewhere without holding it. Pure.

Owns that text: 10 hex digits for each field, 6 of its name and 4 of its value. A preview shows it in place of the whole
configuration, which it shows already where that goes to the host. Does not own any configuration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NAME: Final = 6
_VALUE: Final = 4


def fingerprint(configuration: Mapping[str, Any]) -> str:
    """Every field but the kind, in an order of its own."""
    return "".join(sorted(_name(path) + _value(value) for path, value in _fields(configuration)))


def differing(wanted: str, running: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Fields of `running` that are not as in the configuration of that fingerprint, by name and value.

    What `running` has besides is a default. A field that it lacks altogether has no name: the fingerprint knows none.
    """
    width = _NAME + _VALUE
    expected = {
        wanted[at : at + _NAME]: wanted[at + _NAME : at + width] for at in range(0, len(wanted), width)
    }
    there = {_name(path): (path, value) for path, value in _fields(running)}
    found: list[tuple[str, Any]] = []
    for name, value in expected.items():
        path, present = there.get(name, ("a field that is not there", None))
        if _value(present) != value:
            found.append((path, present))
    return sorted(found, key=lambda one: one[0])


def _fields(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield at, value
        return
    for key, inner in value.items():
        if at or key not in ("apiVersion", "kind"):
            yield from _fields(inner, f"{at}.{key}" if at else str(key))


def _name(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:_NAME]


def _value(value: Any) -> str:
    # An empty or false value may be left out of an answer, and 1.0 may come back as 1.
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    return hashlib.sha256(json.dumps(plain or None, sort_keys=True).encode()).hexdigest()[:_VALUE]
