"""JSON Schemas of the stack file and of `nodesFile`, for editors: made from the models.

A schema knows shapes and patterns. It does not know what `load` finds out: contradictions between keys, files, and
what is required after a node is merged over the stack. So it takes everything that `load` takes, and some more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from components.settings import profiles, types
from components.settings.reference import Key, Shape, keys_of, shape_of
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS, NodeSection

_DIALECT = "http://json-schema.org/draft-07/schema#"
_NAMESPACE = "kubenode"
# As `pulumi config set --secret` writes it.
_ENCRYPTED = {
    "type": "object",
    "description": "encrypted by pulumi config set --secret",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


def stack_schema() -> dict[str, Any]:
    """Of a whole `Pulumi.<stack>.yaml`: what is not in the namespace of this project is left alone."""
    made = _Schemas(encrypted=True)
    sections = {
        **{name: made.section(model, partial=False) for name, model in STACK_SECTIONS.items()},
        **{name: made.section(model, partial=True) for name, model in NODE_SECTIONS.items()},
        "nodes": made.nodes(),
        "profile": {
            "description": "the values that lie below this configuration, instead of this project's own",
            "enum": [None, *profiles.NAMES],
        },
        "nodesFile": _described(shape_of(types.FilePath).schema, "a file with the map of nodes"),
    }
    config = {
        "type": "object",
        "properties": {f"{_NAMESPACE}:{name}": section for name, section in sections.items()},
        # Other namespaces belong to others.
        "patternProperties": {f"^(?!{_NAMESPACE}:)": True},
        "additionalProperties": False,
        "required": [f"{_NAMESPACE}:cluster"],
        "oneOf": [{"required": [f"{_NAMESPACE}:{name}"]} for name in ("nodes", "nodesFile")],
    }
    return {
        "$schema": _DIALECT,
        "title": "kubenode: Pulumi.<stack>.yaml",
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
        "definitions": made.definitions,
    }


def nodes_schema() -> dict[str, Any]:
    """Of the file that `nodesFile` names. Pulumi does not decrypt it, so nothing in it is encrypted."""
    made = _Schemas(encrypted=False)
    return {
        "$schema": _DIALECT,
        "title": "kubenode: the nodes of a stack",
        **made.nodes(),
        "definitions": made.definitions,
    }


class _Schemas:
    """Makes schemas, and collects one definition for each model."""

    def __init__(self, *, encrypted: bool) -> None:
        self.definitions: dict[str, Any] = {}
        self._encrypted = encrypted

    def section(self, model: type[BaseModel], *, partial: bool) -> dict[str, Any]:
        """A section; nothing at all is an empty one, and Pulumi may write it as empty text."""
        return {"anyOf": [self._table(model, partial=partial), {"enum": [None, ""]}]}

    def nodes(self) -> dict[str, Any]:
        """The map of nodes by name."""
        return {
            "description": "the nodes by name",
            "type": "object",
            "minProperties": 1,
            "propertyNames": shape_of(types.NodeName).schema,
            "additionalProperties": self._node(),
        }

    def _node(self) -> dict[str, Any]:
        own = self._properties(NodeSection, partial=False)
        sections = {name: self.section(model, partial=True) for name, model in NODE_SECTIONS.items()}
        self.definitions["Node"] = {**own, "properties": {**own["properties"], **sections}}
        return {"$ref": "#/definitions/Node"}

    def _table(self, model: type[BaseModel], *, partial: bool) -> dict[str, Any]:
        name = model.__name__.removesuffix("Section") + ("" if not partial else "Part")
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._properties(model, partial=partial)
        return {"$ref": f"#/definitions/{name}"}

    def _properties(self, model: type[BaseModel], *, partial: bool) -> dict[str, Any]:
        keys = list(keys_of(model))
        required = [key.name for key in keys if key.is_required and not partial]
        return {
            "type": "object",
            "description": (model.__doc__ or "").strip(),
            "properties": {key.name: self._key(key, partial=partial) for key in keys},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def _key(self, key: Key, *, partial: bool) -> dict[str, Any]:
        """`partial`: what the model requires may stand elsewhere, because nodes are merged over the stack."""
        text = (
            key.description if key.shape.is_secret else f"{key.description}, for example {key.shape.example}"
        )
        schema = _described(self._value(key.shape, partial=partial), text)
        if key.default_value is not None:
            schema["default"] = key.default_value
        return schema

    def _value(self, shape: Shape, *, partial: bool) -> dict[str, Any]:
        alternatives = [self._one(shape, partial=partial)]
        if shape.is_secret and self._encrypted:
            alternatives.append(_ENCRYPTED)
        if shape.is_nullable and "null" not in alternatives[0].get("type", ()):
            alternatives.append({"type": "null"})
        return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}

    def _one(self, shape: Shape, *, partial: bool) -> dict[str, Any]:
        if shape.table is not None:
            return self._table(shape.table, partial=partial)
        if shape.items is not None:
            # A list is never merged, so each item is whole.
            return {"type": "array", "items": self._value(shape.items, partial=False)}
        if shape.keys is not None and shape.values is not None:
            return {
                "type": "object",
                "propertyNames": dict(shape.keys.schema),
                "additionalProperties": self._value(shape.values, partial=partial),
            }
        return dict(shape.schema)


def _described(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, **({"allOf": [schema]} if "$ref" in schema else schema)}
