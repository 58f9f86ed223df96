"""Secrets: which stand in plain text, in every copy of the configuration, and which are encrypted.

Pure. Owns which values of a section are secret, what Pulumi writes for an encrypted one, and the command that encrypts
one. Does not own who knows what is encrypted: Pulumi tells the keys (`components/stack.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from components.settings.problems import Location

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PROXY = ("host", "proxy")
_MASK = re.compile(r"<[^<>]*extra(Config|Flags)[^<>]*>")


def secrets_of(value: object, at: Location) -> Iterator[Location]:
    """Where in a section, whose own place is `at`, secrets stand. A proxy's address is one if it has a password."""
    if isinstance(value, SecretStr):
        if at[:2] != _PROXY or "@" in value.get_secret_value():
            yield at
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield from secrets_of(getattr(value, name), (*at, info.alias or name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets_of(item, (*at, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from secrets_of(item, (*at, index))


def is_encrypted(value: object) -> bool:
    """As `pulumi config set --secret` writes it."""
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def is_masked(value: object, place: Location = ()) -> bool:
    """Whether a name stands there that `make show` gave to an encrypted text, of which only a run knows more."""
    for part in place:
        try:
            value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(value, str) and bool(_MASK.fullmatch(value))


def encrypted_in(value: object, at: Location = ()) -> Iterator[Location]:
    """Where in raw data encrypted values stand."""
    if is_encrypted(value):
        yield at
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from encrypted_in(item, (*at, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from encrypted_in(item, (*at, index))


def without_encrypted(value: Mapping[Any, object]) -> dict[Any, object]:
    """A raw map without them, and without a list that one stands in."""
    return {
        key: without_encrypted(item) if isinstance(item, Mapping) else item
        for key, item in value.items()
        if not is_encrypted(item) and not (isinstance(item, list) and any(encrypted_in(item)))
    }


def command(place: Location) -> str:
    """What encrypts the value; Pulumi asks for it, so that it is in no history of a shell."""
    first, *rest = place
    path = str(first)
    for part in rest:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if _PLAIN_KEY.fullmatch(part) else f'["{part}"]'
    return f"pulumi config set --secret --path '{path}'"
