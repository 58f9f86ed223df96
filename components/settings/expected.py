"""How a type of the configuration says what it expects, with an example, and never what it got."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from components.settings.forms import LOGIN, Matches, is_printable


def refusal(text: str) -> PydanticCustomError:
    """An error that stands in the report word for word."""
    return PydanticCustomError("kubenode", "{text}", {"text": text})


# An error of a value that has several, each in a place within it: `found` of its context has both.
INSIDE = "kubenode_inside"


@dataclass(frozen=True)
class Expected:
    """A type in words: what is expected, an example, and the test for it.

    `pattern` is for editors, where the test is more than a regular expression: every text that is accepted
    matches it, and some that are not accepted do too. `login`: of a URL, where its user and password belong.
    """

    what: str
    example: str
    accept: Callable[[str], bool]
    pattern: str = ""
    login: str = ""

    @property
    def text(self) -> str:
        """The sentence of the report."""
        return f"expected {self.what}, for example {self.example}"

    def check(self, value: object) -> str:
        """The value itself if it is text of this type."""
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if not isinstance(value, str):
            raise refusal(self.text + _yaml_hint(value))
        if not self.accept(value):
            hint = self.login if self.login and LOGIN.match(value) else ""
            raise refusal(self.text + hint)
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema."""
        return _text_schema(self.pattern or (self.accept.pattern if isinstance(self.accept, Matches) else ""))

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))


def _text_schema(pattern: str) -> dict[str, Any]:
    return {"type": "string", **({"pattern": f"^(?:{pattern})$"} if pattern else {})}


WHOLE = "a whole number"


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, in words with an example."""

    what: str
    example: int
    minimum: int
    maximum: int

    def check(self, value: object) -> int:
        """The value itself if it is such a number."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.minimum <= value <= self.maximum:
            whole = "" if self.what == WHOLE else f", {WHOLE}"
            raise refusal(
                f"expected {self.what}{whole} from {self.minimum} to {self.maximum}, for example {self.example}"
            )
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))


@dataclass(frozen=True)
class PlainData:
    """A map that can be written as JSON and as YAML without loss: text keys, finite numbers, no dates."""

    what: str = "a map of keys and values"
    example: str = "{}"

    def check(self, value: object) -> dict[str, Any]:
        """The value itself if it is such a map."""
        if not isinstance(value, dict):
            # The words of a map that is a section; with them comes the example of the key.
            raise PydanticCustomError("dict_type", "expected a map of keys and values")
        found = list(_not_plain(value, ()))
        if found:
            raise PydanticCustomError(INSIDE, "not plain", {"found": found})
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema."""
        return {"type": "object"}

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)


_DEEPEST = 20


def _not_plain(value: object, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each place in it that is not, with what is expected there."""
    if len(place) > _DEEPEST:
        yield place[:1], f"expected at most {_DEEPEST} levels"
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str) and is_printable(key):
                yield from _not_plain(item, (*place, key))
            else:
                yield place, "a key is no plain text; write it in quotes"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _not_plain(item, (*place, number))
    elif isinstance(value, float) and not math.isfinite(value):
        yield place, "expected a finite number, for example 0.5"
    elif not (value is None or isinstance(value, str | int | float)):
        yield (
            place,
            'expected text, a number, true, false, a list or a map; write a date in quotes, "2026-01-31"',
        )
    elif isinstance(value, str) and not is_printable(value):
        yield place, "expected text without control characters"


def _yaml_hint(value: object) -> str:
    if isinstance(value, dict) and "secret" in value:
        return " (an encrypted one is {secure: …}, as pulumi config set --secret --path writes it)"
    if isinstance(value, bool):
        return " (YAML reads true and false as a truth value: write it in quotes)"
    if isinstance(value, int | float):
        return " (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)"
    if value is None:
        return " (it is empty)"
    return ""


@dataclass(frozen=True)
class Converted:
    """A value that may be written in one of several `kinds` of JSON Schema and is kept as text."""

    convert: Callable[[object], str | None]
    what: str
    example: str
    kinds: tuple[str, ...]
    pattern: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """The type for a JSON Schema; a pattern is about text alone."""
        return {**_text_schema(self.pattern), "type": ["string", *self.kinds]}

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.convert)
