"""What is left of a section with problems, so that the checks after it report theirs in the same breath. Pure.

Does not own a result: what is salvaged is only looked at, because a configuration with a problem is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)

# Each attempt leaves out what the one before it found wrong, or fills in what it found missing; a value may be wrong
# below one that was wrong itself.
_ATTEMPTS = 6


def salvaged(
    model: type[ModelT], value: object, filling: Mapping[str, object] | None = None
) -> ModelT | None:
    """The section without its wrong values, as if they had not been given; `filling` stands in for required ones, at
    every depth, where the section that they belong to is given.

    None if a required value is missing that `filling` does not have.
    """
    rest: dict[Any, Any] = copy.deepcopy(dict(value)) if isinstance(value, Mapping) else {}
    for _ in range(_ATTEMPTS):
        try:
            return model.model_validate(rest)
        except ValidationError as error:
            for detail in error.errors(include_input=False, include_url=False):
                location = tuple(detail["loc"])
                if detail["type"] != "missing":
                    _drop(rest, location)
                elif not _fill(rest, location, filling or {}):
                    # What lacks a required value goes as a whole.
                    _drop(rest, location[:-1])
    return None


def _fill(value: dict[Any, Any], location: tuple[int | str, ...], filling: Mapping[str, object]) -> bool:
    """Put what stands in at a location there; False if nothing does."""
    inner: Any = value
    found: Any = filling
    for key in location:
        if not isinstance(found, Mapping) or key not in found or not isinstance(inner, dict):
            return False
        if key not in inner:
            inner[key] = copy.deepcopy(found[key])
        inner, found = inner[key], found[key]
    return True


def _drop(value: dict[Any, Any], location: tuple[int | str, ...]) -> None:
    """Leave out what stands at a location, or the whole list that it stands in."""
    if location and location[-1] == "[key]":  # pydantic's mark for a key that is wrong itself
        location = location[:-1]
    if not location:
        return
    key, below = location[0], location[1:]
    inner = value.get(key)
    if below and isinstance(inner, dict) and below[0] in inner:
        _drop(inner, below)
    else:
        value.pop(key, None)
