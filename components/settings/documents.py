"""YAML as Pulumi's engine reads a stack file, so that every file here says the same to both. Pure.

Owns the dialect: what a plain word is (`scalars.py`), `<<`, keys that are no text, what is an error. Also names what
the engine takes and makes something else of than what is written: a *doubt*, which nobody may rely on. Does not own
which file is read, nor what is done about a doubt.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from components.settings.scalars import (
    DATE,
    FLOAT,
    INT,
    PLAIN_TAGS,
    TEXT,
    Scalar,
    resolved,
)

Location = tuple[int | str, ...]

_BINARY = "tag:yaml.org,2002:binary"
_TAGS = PLAIN_TAGS | {_BINARY, *(f"tag:yaml.org,2002:{name}" for name in ("seq", "map", "merge"))}
_MERGE = "<<"


@dataclass(frozen=True)
class Doubt:
    """Something that the engine reads in another way than it looks. `location` starts at the document."""

    location: Location
    line: int
    reason: str


@dataclass(frozen=True)
class Document:
    """`value` holds maps with text as keys, lists, text, numbers, truth values and None."""

    value: object
    doubts: tuple[Doubt, ...]


class DocumentError(ValueError):
    """No YAML for the engine either. `reason` is empty if nothing can be said that quotes no value."""

    def __init__(self, line: int | None, reason: str = "") -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def document_of(text: str) -> Document:
    """The first document of a text. Raises DocumentError."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_node() if loader.check_node() else None
            more = loader.peek_event()  # type: ignore[no-untyped-call]
        finally:
            loader.dispose()
        reading = _Reading()
        value = reading.value(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise DocumentError(
            error.problem_mark.line + 1 if error.problem_mark else None, reason_of(error)
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise DocumentError(None) from None
    if isinstance(more, yaml.DocumentStartEvent):
        reading.doubts.append(
            Doubt((), _line(more), "a second document, which Pulumi does not read: take it out")
        )
    return Document(value, tuple(reading.doubts))


# How the parser's words begin, which may quote the text after that: our own for them.
_REASONS: Mapping[str, str] = {
    "mapping values are not allowed": "a colon where no key can be; text with a colon and a space belongs in quotes",
    "found character '\\t'": "a tab, where YAML wants spaces",
    "found character": "text that begins with @, %, a comma or a backquote belongs in quotes",
    "found undefined alias": "an alias (*) of an anchor (&) that is not there",
    "expected ',' or ']'": "a list in [ ] that is not closed, or lacks a comma",
    "expected ',' or '}'": "a map in { } that is not closed, or lacks a comma",
    "found unexpected end of stream": "a quote that is not closed",
    "found unexpected document separator": "a quote that is not closed",
    "found unknown escape character": "a backslash in double quotes that is no escape: take single quotes",
    "expected escape sequence": "a backslash in double quotes that is no escape: take single quotes",
    "expected <block end>": "a line that is indented otherwise than those beside it",
    "expected '<document start>'": "a line that is indented otherwise than those beside it",
    "could not find expected ':'": "a key without a colon after it",
    "sequence entries are not allowed": "an entry of a list where none can be",
}


def reason_of(error: yaml.MarkedYAMLError) -> str:
    """What the parser says, in words that quote nothing; empty if there are none."""
    problem = error.problem or ""
    return next((words for start, words in _REASONS.items() if problem.startswith(start)), "")


def _named(key: str) -> str:
    """A key by its name, if it looks like one."""
    return f"the key {key}" if re.fullmatch(r"[A-Za-z0-9_./:-]{1,63}", key) else "a key"


class _Loader(yaml.SafeLoader):
    """The parser of PyYAML with the engine's idea of a plain scalar."""

    ESCAPE_REPLACEMENTS = {  # type: ignore[misc]  # noqa: RUF012 - PyYAML's own name
        escape: letter for escape, letter in yaml.SafeLoader.ESCAPE_REPLACEMENTS.items() if escape != "/"
    }

    # PyYAML asks with the text and with (plain, quoted).
    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return resolved(value)[0]
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


@dataclass
class _Reading:
    """From nodes to values."""

    doubts: list[Doubt] = field(default_factory=list)
    _known: dict[int, object] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)

    def value(self, node: yaml.Node, where: Location) -> object:
        """The value of a node; one that several aliases name is the same for all of them."""
        if id(node) in self._open:
            raise _error(node, "an anchor contains itself")
        if id(node) not in self._known:
            self._open.add(id(node))
            self._known[id(node)] = self._new(node, where)
            self._open.discard(id(node))
        return self._known[id(node)]

    def _new(self, node: yaml.Node, where: Location) -> object:
        if node.tag not in _TAGS:
            self._doubt(node, where, "a tag, which Pulumi does not heed: leave it out")
        if isinstance(node, yaml.MappingNode):
            return {name: self.value(item, (*where, name)) for name, item in self._pairs(node, where)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, number)) for number, item in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            raise TypeError(type(node))
        tag, found = _scalar(node)
        if tag == DATE:
            self._doubt(node, where, "a date, of which Pulumi makes other text: write it in quotes")
        return found

    def _pairs(self, node: yaml.MappingNode, where: Location) -> Iterator[tuple[str, yaml.Node]]:
        """The map's own keys, and those of `<<` that it has not itself."""
        texts = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error(key, "a key is a list or a map")
            if texts.count(key.value) > 1:
                last = [one for one, _ in node.value if one.value == key.value][-1]
                raise _error(last, f"{_named(key.value)} stands there twice")
        own: dict[str, yaml.Node] = {}
        merged: dict[str, yaml.Node] = {}
        for key, item in node.value:
            if key.value == _MERGE:
                for name, below in self._merged(item, where):
                    merged.setdefault(name, below)
                continue
            name = self._key(key, where)
            if name in own:
                self._doubt(key, where, "a key that is another one's number: keep one of them")
            own[name] = item
        yield from own.items()
        yield from ((name, item) for name, item in merged.items() if name not in own)

    def _merged(self, node: yaml.Node, where: Location) -> Iterator[tuple[str, yaml.Node]]:
        maps = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for one in maps:
            if not isinstance(one, yaml.MappingNode):
                raise _error(one, "expected a map, or a list of maps, after <<")
            if id(one) in self._open:
                raise _error(one, "an anchor contains itself")
            self._open.add(id(one))
            yield from self._pairs(one, where)
            self._open.discard(id(one))

    def _key(self, node: yaml.ScalarNode, where: Location) -> str:
        tag, found = _scalar(node)
        name = str(found).lower() if isinstance(found, bool) else "<nil>" if found is None else str(found)
        if name != node.value or tag == DATE:
            self._doubt(node, where, "a key of which Pulumi makes other text: write it in quotes")
        return name

    def _doubt(self, node: yaml.Node, where: Location, reason: str) -> None:
        self.doubts.append(Doubt(where, _line(node), reason))


def _scalar(node: yaml.ScalarNode) -> tuple[str, Scalar]:
    """The tag that counts, and the value."""
    text, tag = str(node.value), str(node.tag)
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _error(node, "half a character")
    if tag == _BINARY:
        try:
            return TEXT, base64.b64decode(text, validate=False).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _error(node, "no base64 of text") from None
    if tag in (TEXT, DATE) or tag not in PLAIN_TAGS:
        return tag, text
    real, found = resolved(text)
    if real != tag and not (tag == FLOAT and real == INT):
        raise _error(node, "a tag that does not fit its value")
    if isinstance(found, float) and not math.isfinite(found):
        raise _error(node, "a number that is not finite")
    return real, found


def _error(node: yaml.Node, reason: str) -> DocumentError:
    return DocumentError(_line(node), reason)


def _line(node: yaml.Node | yaml.Event) -> int:
    return int(node.start_mark.line) + 1 if node.start_mark else 1
