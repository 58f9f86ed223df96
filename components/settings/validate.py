"""One section against its model: the section, or where it is wrong, in words. Pure."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.settings.expected import INSIDE
from components.settings.problems import Location, explained
from components.settings.section import Section

SectionT = TypeVar("SectionT", bound=Section)

Wrong = tuple[Location, str, str]


def validated(model: type[SectionT], value: object) -> tuple[SectionT | None, list[Wrong]]:
    """The section, or where it is wrong, in words, and the kind of the error."""
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        return None, [wrong for item in details for wrong in _wrong(item, model)]


def _wrong(item: ErrorDetails, model: type[Section]) -> list[Wrong]:
    location, kind = _location(tuple(item["loc"])), item["type"]
    if kind == INSIDE:
        return [((*location, *place), text, kind) for place, text in item["ctx"]["found"]]
    return [(location, explained(item, model), kind)]


def _location(location: Location) -> Location:
    """Without the mark that pydantic adds for an error in a key of a map."""
    return location[:-1] if location and location[-1] == "[key]" else location
