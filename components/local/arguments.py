"""The arguments of a program, JSON below a header, read with their types; a mistake is named by program and key.

Unknown keys are ignored: a removal runs today's program with the arguments that an older one left in the
state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from components.local.errors import UsageError

# The first line of what a resource's program gets. With it the text is no JSON to the engine, whose diff of that shows
# every argument for one that changes; of plain text it shows three lines around it.
HEADER: Final = "kubenode arguments 1"
_NODE: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_TOKEN_ID: Final = re.compile(r"[a-z0-9]{6}")
_TOKEN_SECRET: Final = re.compile(r"[a-z0-9]{16}")


def loaded(text: str) -> Any:
    """What such a text holds; one of an older state has no header. Raises ValueError if that is no JSON."""
    return json.loads(text.removeprefix(HEADER))


class Arguments:
    """Typed access to one JSON object."""

    def __init__(self, program: str, values: Mapping[str, Any]) -> None:
        self._program = program
        self._values = values

    @classmethod
    def parse(cls, program: str, text: str) -> Arguments:
        try:
            values = loaded(text)
        except ValueError:
            # The decoder's own message could quote a secret.
            raise UsageError(f"{program}: standard input holds no JSON") from None
        if not isinstance(values, dict):
            raise UsageError(f"{program}: expected one JSON object on standard input")
        return cls(program, values)

    def has(self, key: str) -> bool:
        return self._values.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise self.mistake(key, "expected a text")
        return value

    def integer(self, key: str, default: int | None = None, low: int = 0, high: int = 86400) -> int:
        value = self._values.get(key)
        if value is None and default is not None:
            return default
        # Numbers that went through Pulumi may have become 300.0.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.mistake(key, f"expected a whole number from {low} to {high}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.mistake(key, "expected true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.mistake(key, "expected a list of texts")
        return tuple(value)

    def objects(self, key: str) -> tuple[dict[str, Any], ...]:
        """A list of objects, such as taints."""
        value = self._values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.mistake(key, "expected a list of objects")
        return tuple(value)

    def section(self, key: str) -> Arguments:
        value = self._values.get(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.mistake(key, "expected an object")
        return Arguments(f"{self._program}: {key}", value)

    def mapping(self, key: str) -> dict[str, dict[str, str]]:
        """An object of objects of texts, such as labels by node."""
        value = self._values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
            raise self.mistake(key, "expected an object of objects")
        return {name: {str(k): str(v) for k, v in one.items()} for name, one in value.items()}

    def node(self) -> str:
        """The exact node name. Nothing below runs with an empty name or one that reads as an option."""
        value = self.text("node")
        if not _NODE.fullmatch(value):
            raise self.mistake("node", "expected the name of a node, for example worker-1")
        return value

    def token_id(self) -> str:
        value = self.text("tokenId")
        if not _TOKEN_ID.fullmatch(value):
            raise self.mistake("tokenId", "expected 6 characters of a-z and 0-9")
        return value

    def token_secret(self) -> str:
        value = self.text("tokenSecret")
        if not _TOKEN_SECRET.fullmatch(value):
            raise self.mistake(
                "tokenSecret", "expected 16 characters of a-z and 0-9 (the value is not shown)"
            )
        return value

    def mistake(self, key: str, expected: str) -> UsageError:
        return UsageError(f"{self._program}: {key}: {expected}")
