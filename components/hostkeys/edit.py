"""Puts one value into a YAML text and leaves every other character as it is. Pure.

Comments, order and quotes are the user's, and a reviewer wants to see one line in a diff. So the text is edited where
the parser says that things stand, and read again afterwards: an edit that changed anything else is refused.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import yaml

from components.settings.documents import DocumentError, document_of


class EditError(ValueError):
    """A place that cannot be edited as text; the user must."""


def with_value(text: str, path: Sequence[str], value: str) -> str:
    """The text with `value`, quoted, at `path`: a chain of keys, of which the last ones may be missing.

    Raises EditError where the path leads through something else than maps, or through an alias.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise EditError("the file is no map of keys and values")
    edited = _edited(text, root, list(path), json.dumps(value))
    try:
        done = document_of(edited).value == _with(document_of(text).value, path, value)
    except DocumentError:
        done = False
    if not done:
        raise EditError(
            f"{'.'.join(path)} cannot be written without changing something else; write it by hand"
        )
    return edited


def _edited(text: str, root: yaml.MappingNode, path: list[str], quoted: str) -> str:
    current: yaml.Node = root
    column = 0
    while path and isinstance(current, yaml.MappingNode):
        found = next(((key, value) for key, value in current.value if key.value == path[0]), None)
        if found is None:
            return _with_pair(text, current, path, quoted)
        column = found[0].start_mark.column
        current = found[1]
        path = path[1:]
    if not isinstance(current, yaml.ScalarNode) or (path and current.tag != "tag:yaml.org,2002:null"):
        raise EditError(f"{'.'.join(path) or 'the value'} stands in a place that holds something else")
    start, end = current.start_mark.index, current.end_mark.index
    if not path:
        return text[:start] + (" " if start == end else "") + quoted + text[end:]
    # A key with nothing behind it, or with null.
    before = text[:start].rstrip(" ")
    return _after_line(before + text[end:], len(before), _block(path, quoted, column + 2))


def _with_pair(text: str, node: yaml.MappingNode, path: list[str], quoted: str) -> str:
    if node.flow_style:
        at = _end(node.value[-1][1]) if node.value else node.start_mark.index + 1
        return text[:at] + (", " if node.value else "") + _flow(path, quoted) + text[at:]
    column = node.value[0][0].start_mark.column
    return _after_line(text, _end(node.value[-1][1]), _block(path, quoted, column))


def _end(node: yaml.Node) -> int:
    """Where a value ends. A block ends for the parser where the next thing begins, behind all comments."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    index: int = node.end_mark.index
    return index


def _after_line(text: str, index: int, lines: str) -> str:
    """`lines` behind the line in which something ends at `index`."""
    if index == 0 or text[index - 1] != "\n":
        index = text.find("\n", index) + 1 or len(text)
    before = text[:index]
    return before + ("" if before.endswith("\n") else "\n") + lines + text[index:]


def _block(path: Sequence[str], quoted: str, column: int) -> str:
    keys = [f"{' ' * (column + 2 * depth)}{_key(key)}:" for depth, key in enumerate(path)]
    return "\n".join(keys) + f" {quoted}\n"


def _flow(path: Sequence[str], quoted: str) -> str:
    text = quoted
    for depth, key in enumerate(reversed(path)):
        text = f"{_key(key)}: {text}" if depth == 0 else f"{_key(key)}: {{{text}}}"
    return text


def _key(key: str) -> str:
    return key if document_of(f"{key}: 1").value == {key: 1} else json.dumps(key)


def _with(document: Any, path: Sequence[str], value: str) -> Any:
    result = copy.deepcopy(document)
    at = result
    for key in path[:-1]:
        if at.get(key) is None:
            at[key] = {}
        # What an alias shares stays with the other.
        at[key] = copy.copy(at[key])
        at = at[key]
    at[path[-1]] = value
    return result
