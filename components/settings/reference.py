"""What the models say of each key: the one source of docs/configuration.md and of the JSON Schemas.

Owns the walk over the models. Does not own the page (`page.py`) nor the schemas (`schema.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin, runtime_checkable

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from components.settings.expected import Whole


@runtime_checkable
class _Named(Protocol):
    """What the types of `types.py` have in common."""

    @property
    def what(self) -> str: ...
    @property
    def example(self) -> object: ...
    @property
    def schema(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Shape:
    """A type in words, with an example as YAML, and what it is made of.

    `items`: of a list; `keys` and `values`: of a map with free keys; `table`: a section within the section; `named`:
    the type of `types.py`, where it is one.
    """

    words: str
    example: str
    schema: Mapping[str, Any]
    is_secret: bool = False
    is_nullable: bool = False
    items: Shape | None = None
    keys: Shape | None = None
    values: Shape | None = None
    table: type[BaseModel] | None = None
    named: object = None


@dataclass(frozen=True)
class Key:
    """One key of a section. `default` is as YAML, empty where there is none."""

    name: str
    description: str
    shape: Shape
    is_required: bool
    default: str
    default_value: object


_PLAIN: Mapping[object, tuple[str, str, str]] = {
    str: ("text", "text", "string"),
    int: ("a whole number", "1", "integer"),
    bool: ("true or false", "true", "boolean"),
    float: ("a number", "0.5", "number"),
}


def keys_of(model: type[BaseModel]) -> Iterator[Key]:
    """The keys of a section, in the order of the model."""
    for name, info in model.model_fields.items():
        yield _key(info.alias or name, info)


def _key(name: str, info: FieldInfo) -> Key:
    shape = shape_of(info.annotation, info.metadata)
    value = None if info.is_required() else _plain(info.get_default(call_default_factory=True))
    example = _flow(info.examples[0]) if info.examples else _example(shape, value)
    return Key(
        name=name,
        description=info.description or "",
        shape=Shape(**{**vars(shape), "example": example}),
        is_required=info.is_required(),
        default="" if value is None else _flow(value),
        default_value=value,
    )


def shape_of(annotation: object, metadata: object = ()) -> Shape:
    """The shape of an annotation of a model, read as pydantic reads it."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return shape_of(inner, (*more, *_tuple(metadata)))
    for item in _tuple(metadata):
        if isinstance(item, _Named):
            words = f"{item.what}, {item.minimum} to {item.maximum}" if isinstance(item, Whole) else item.what
            schema = item.schema
            nullable = "null" in schema["type"]
            return Shape(words, str(item.example), schema, _is_secret(annotation), nullable, named=item)
    if get_origin(annotation) in (Union, UnionType):
        arguments = get_args(annotation)
        return _either([shape_of(one) for one in arguments if one is not NoneType], NoneType in arguments)
    return _unnamed(annotation)


def _unnamed(annotation: object) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return Shape(_one_of(arguments), str(arguments[-1]), {"enum": list(arguments)})
    if origin in (list, tuple):
        items = shape_of(arguments[0])
        return Shape(f"a list, each item {items.words}", f"[{items.example}]", {}, items=items)
    if origin is dict:
        keys, values = (shape_of(one) for one in arguments)
        words = f"a map from {keys.words} to {values.words}"
        return Shape(words, f"{{{keys.example}: {values.example}}}", {}, keys=keys, values=values)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        keys_there = list(keys_of(annotation))
        shown = [key for key in keys_there if key.is_required] or keys_there[:1]
        example = ", ".join(f"{key.name}: {key.default or key.shape.example}" for key in shown)
        return Shape("a map of the keys below", f"{{{example}}}", {}, table=annotation)
    words, example, kind = _PLAIN.get(annotation, _PLAIN[str])
    return Shape(words, example, {"type": kind}, _is_secret(annotation))


def _example(shape: Shape, default: object) -> str:
    """For a key whose type has examples that say nothing of the key, one that does."""
    kind = shape.schema.get("type")
    if kind == "boolean":
        return _flow(not default)
    if kind == "integer" and default is not None:
        return _flow(default)
    return shape.example


def _either(shapes: list[Shape], nullable: bool) -> Shape:  # noqa: FBT001 - a private helper
    first, *rest = shapes
    if not rest:
        return Shape(**{**vars(first), "is_nullable": first.is_nullable or nullable})
    return Shape(
        " or ".join(shape.words for shape in shapes),
        first.example,
        {"anyOf": [shape.schema for shape in shapes]},
        any(shape.is_secret for shape in shapes),
        nullable or any(shape.is_nullable for shape in shapes),
    )


def _tuple(metadata: object) -> tuple[object, ...]:
    return tuple(metadata) if isinstance(metadata, list | tuple) else ()


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_is_secret(one) for one in get_args(annotation))


def _one_of(values: tuple[object, ...]) -> str:
    words = [str(value) for value in values]
    return f"always {words[0]}" if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _plain(value: object) -> object:
    """A default as the user would write it."""
    if isinstance(value, BaseModel):
        return {
            info.alias or name: _plain(getattr(value, name))
            for name, info in type(value).model_fields.items()
            if getattr(value, name) is not None
        }
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _flow(value: object) -> str:
    """YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str):
        return value if _is_plain(value) else json.dumps(value)
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Whether it needs no quotes. A version gets them, so that nobody shortens it to a number."""
    return re.fullmatch(r"[0-9.]+|.*[{}\[\],#].*", text) is None and yaml.safe_load(text) == text
