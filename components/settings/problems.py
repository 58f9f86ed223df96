"""Problems of a configuration: where, and what to write instead. Never the value: it may be a secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from components.settings.reference import Key, keys_of, shape_of


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to change. `path` is as in the stack file, without namespace: `nodes.worker-1.address`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{_printable(self.path)}: {_printable(self.message)}"


def _printable(text: str) -> str:
    """One line whatever somebody called a key."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


class SettingsError(ValueError):
    """Everything that is wrong with a configuration, at once: its text is one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


Location = tuple[int | str, ...]


def dotted(location: Iterable[int | str]) -> str:
    """`("docker", "images", 0, "name")` as `docker.images[0].name`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_WORDS: Mapping[str, str] = {
    "invalid_key": "expected text as a key: write it in quotes",
    "bool_type": "expected true or false, without quotes",
}


_SHAPES: Mapping[str, str] = {
    "model_type": "expected a map of keys and values",
    "dict_type": "expected a map of keys and values",
    "tuple_type": "expected a list",
}


def explained(error: ErrorDetails, model: type[BaseModel]) -> str:
    """A validation error of pydantic in this project's words. The input is never part of it."""
    location, kind = tuple(error["loc"]), error["type"]
    if kind == "kubenode":
        return _with_own_example(error["msg"], location, model)
    if kind == "missing":
        return _required(location, model)
    if kind == "extra_forbidden":
        return _unknown(location, model)
    if kind in _SHAPES:
        return _SHAPES[kind] + _for_example(location, model)
    if kind == "literal_error":
        choices = str(error["ctx"]["expected"]).replace("'", "")
        return f"expected {choices}" + ("" if " or " in choices else ", there is no other choice yet")
    return _WORDS.get(kind, "not valid here")


def _key_at(location: Location, model: type[BaseModel]) -> Key | None:
    owner = _model_at(location[:-1], model) if location else None
    return next((key for key in keys_of(owner) if key.name == location[-1]), None) if owner else None


def _with_own_example(text: str, location: Location, model: type[BaseModel]) -> str:
    """The words of a type, with the example of the key in place of the type's."""
    key = _key_at(location, model)
    example = getattr(key.shape.named, "example", None) if key else None
    if key is None or example is None:
        return text
    return text.replace(f", for example {example}", f", for example {key.shape.example}", 1)


def _for_example(location: Location, model: type[BaseModel]) -> str:
    example = ""
    owner = _model_at(location, model)
    if location and not isinstance(location[-1], int):
        key = _key_at(location, model)
        example = key.shape.example if key else ""
    elif owner is not None:
        example = shape_of(owner).example
    return f", for example {example}" if example else ""


def _required(location: Location, model: type[BaseModel]) -> str:
    key = _key_at(location, model)
    if key is None:
        return "required"
    what = key.shape.words if key.shape.table is None else key.description
    return f"required: {what}, for example {key.shape.example}"


def _unknown(location: Location, model: type[BaseModel]) -> str:
    owner = _model_at(location[:-1], model)
    if owner is None:
        return "unknown key"
    return unknown_key(str(location[-1]), [info.alias or name for name, info in owner.model_fields.items()])


def unknown_key(key: str, known: Sequence[str]) -> str:
    """The words for a key that nobody reads, with the nearest one that somebody does."""
    near = difflib.get_close_matches(key, known, 1) or [
        name for name in known if name.lower() == key.replace("_", "").replace("-", "").lower()
    ]
    if near:
        return f"unknown key, did you mean {near[0]}?"
    return f"unknown key, known here: {', '.join(sorted(known))}"


def _model_at(location: Location, model: type[BaseModel]) -> type[BaseModel] | None:
    current: type[BaseModel] | None = model
    is_key = False
    for part in location:
        if is_key or isinstance(part, int) or current is None:
            is_key = False
            continue
        annotation = next(
            (info.annotation for name, info in current.model_fields.items() if (info.alias or name) == part),
            None,
        )
        current = next(_models_in(annotation), None)
        # In a map of models the next part is a name of the user's.
        is_key = get_origin(annotation) is dict
    return current


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
