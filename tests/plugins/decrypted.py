"""A stack's state with its secrets readable, and with where they are: what `pulumi stack export --show-secrets` says.

Owns the reading of that form. Does not own the state as it is stored, of which a scenario's phase keeps a copy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.plugins.engine import Project

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True)
class Decrypted:
    """One resource: its inputs and outputs in plain, and the names of those that are secret as a whole."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    secret_inputs: frozenset[str]
    secret_outputs: frozenset[str]


def decrypted(project: Project) -> dict[str, Decrypted]:
    """The resources in state by their names."""
    text = project.run("stack", "export", "--show-secrets")
    resources = json.loads(text[text.index("{") :])["deployment"].get("resources") or []
    return {each["urn"].rpartition("::")[2]: _resource(each) for each in resources}


def _resource(resource: Mapping[str, Any]) -> Decrypted:
    inputs, outputs = (resource.get(side) or {} for side in ("inputs", "outputs"))
    return Decrypted(_plain(inputs), _plain(outputs), _secret(inputs), _secret(outputs))


def _secret(properties: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        name for name, value in properties.items() if isinstance(value, dict) and _SIGNATURE in value
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return _plain(json.loads(value["plaintext"]))
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
