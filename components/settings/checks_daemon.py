"""What is wrong with a value of daemon.json that is of the right kind, as dockerd says when it does not start. Pure.

Owns the words, said by the tables of `components/versions/daemon.py`. Does not own the keys and their kinds, nor what
this project wants of a value (`checks_docker.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from components.settings.checks_values import Wrong, between
from components.settings.forms import is_ip, is_range
from components.settings.nearest import nearest
from components.versions.daemon import (
    ADDRESSES,
    BOUNDS,
    CHOICES,
    LOG_OPTIONS,
    RANGES,
    SYNONYMS,
    TEXT_LISTS,
    ULIMIT,
)

_TEXT = 'expected text, in quotes where YAML reads a number or a truth value, for example "10"'
_ADDRESS = "expected an IP address, for example 10.0.0.7"


def wrong_of(key: str, value: object) -> Iterator[Wrong]:
    """What is wrong with the value of a key, below its own place. Empty text is none, as for dockerd."""
    if isinstance(value, str) and value:
        message = _text(key, value)
        if message:
            yield (), message
    elif isinstance(value, int) and key in BOUNDS and not BOUNDS[key][0] <= value <= BOUNDS[key][1]:
        yield (), "expected " + between(*BOUNDS[key])
    elif isinstance(value, list) and key in TEXT_LISTS:
        for number, item in enumerate(value):
            if not isinstance(item, str):
                yield (number,), _TEXT
            elif key in ADDRESSES and not is_ip(item):
                yield (number,), _ADDRESS
    elif isinstance(value, dict) and key == "log-opts":
        yield from _log_options(value)
    elif isinstance(value, dict) and key == "default-ulimits":
        yield from _ulimits(value)


def _text(key: str, value: str) -> str | None:
    choices = CHOICES.get(key)
    if choices and value.lower() not in (*choices, *SYNONYMS):
        return f"expected {', '.join(choices[:-1])} or {choices[-1]}"
    if key in ADDRESSES and not is_ip(value):
        return _ADDRESS
    if key in RANGES:
        example, version = RANGES[key]
        if not is_range(value) or ipaddress.ip_interface(value).version != version:
            what = "an address with the length of its prefix" if key.startswith("bip") else "an address range"
            return f"expected {what}, for example {example}"
    return None


def _log_options(options: Mapping[str, object]) -> Iterator[Wrong]:
    for name, value in options.items():
        if name not in LOG_OPTIONS:
            near = nearest(name, LOG_OPTIONS)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(LOG_OPTIONS)}"
            yield (name,), f"the log driver json-file does not know this name; {hint}"
        elif not isinstance(value, str):
            yield (name,), _TEXT


def _ulimits(limits: Mapping[str, object]) -> Iterator[Wrong]:
    for name, limit in limits.items():
        # dockerd reads the names of JSON in any case.
        given = {key.lower(): value for key, value in limit.items()} if isinstance(limit, dict) else {"": 0}
        kinds = {key: str if key == "name" else int for key in ULIMIT}
        if not all(key in kinds and type(value) is kinds[key] for key, value in given.items()):
            yield (name,), "expected a map of two numbers, for example {Name: nofile, Soft: 1024, Hard: 4096}"
