"""A stack file as Pulumi hands it to the program, and what stands in it that nobody reads. Pure.

Owns the names of its keys: `config`, namespaces, what is beside them. Does not own the values of a section (`load.py`)
nor the dialect (`documents.py`). Only a program that reads the file itself has this; a run gets the values from the
engine, and reads the file beside them only to tell what the engine passes over in silence.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.settings import plain
from components.settings.documents import Document
from components.settings.problems import Location, Problem, dotted, unknown_key
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS

_TOP = ("config", "secretsprovider", "encryptionsalt", "encryptedkey", "environment")
_SECTIONS = frozenset({*STACK_SECTIONS, *NODE_SECTIONS, "nodes", "nodesFile"})
# Namespaces of Pulumi and of the providers that a run has; another program beside this one may have more.
_OTHERS = frozenset({"pulumi", "kubernetes", "command", "tls"})
_NEAR = 0.7


@dataclass(frozen=True)
class StackFile:
    """`config`: the program's own keys, without namespace; `encrypted`: where encrypted values stand in them."""

    config: Mapping[str, Any]
    encrypted: frozenset[str]
    problems: tuple[Problem, ...]
    doubtful: frozenset[str]
    """Keys of `config` that hold something which the engine reads in another way than it looks."""


def stack_file(document: Document, project: str, file: str) -> StackFile:
    """What the file says. `file`: its name, for the report."""
    top = document.value if isinstance(document.value, Mapping) else {}
    found = top.get("config")
    config = found if isinstance(found, Mapping) else {}
    own = own_keys(config, project)
    raw = raw_of({name: config[key] for name, key in own.items()})
    keys = {key: name for name, key in own.items()}
    doubts = [(one, _config_place(one.location, keys)) for one in document.doubts]
    return StackFile(
        config=raw,
        encrypted=frozenset(dotted(place) for place in plain.encrypted_in(raw)),
        problems=(
            *_beside(top, file),
            *strangers(config, project),
            *(Problem(dotted(at) or file, f"{one.reason} ({file}, line {one.line})") for one, at in doubts),
        ),
        doubtful=frozenset(str(at[0]) for _, at in doubts if at),
    )


def raw_of(texts: Mapping[str, object]) -> dict[str, Any]:
    """Sections from what the engine hands over: text, in which a map or a list is JSON, and nothing is empty text.

    From a stack file the same, with maps and lists as they are.
    """
    return {key: _section(value) for key, value in texts.items()}


def _section(value: object) -> object:
    if value is None or value == "":
        return None
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str) and value[0] in "{[":
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def own_keys(config: Mapping[str, object], project: str) -> dict[str, str]:
    """The program's own keys by their name, each as it stands in `config`."""
    return {name: key for key in config if (name := _own(key, project)) is not None}


def _own(key: str, project: str) -> str | None:
    """The name of a key that is the program's; Pulumi gives one without namespace to the project."""
    namespace, _, name = key.rpartition(":")
    return name if namespace in ("", project, f"{project}:config") else None


def _config_place(location: Location, keys: Mapping[str, str]) -> Location:
    """A place in the file as a place in the configuration."""
    if len(location) < 2 or location[0] != "config" or location[1] not in keys:
        return ()
    return (keys[str(location[1])], *location[2:])


def strangers(keys: Iterable[str], project: str) -> Iterator[Problem]:
    """Keys of a namespace that looks like a slip of the project's own, and so would be read by nobody."""
    for key in keys:
        namespace, colon, name = key.partition(":")
        if not colon or namespace == project or namespace in _OTHERS:
            continue
        name = name.removeprefix("config:")
        plain_name = namespace.lower().replace("-", "").replace("_", "")
        alike = difflib.SequenceMatcher(None, plain_name, project.lower()).ratio() > _NEAR
        if alike or (name in ("nodes", "nodesFile", "kubelet", "kubeProxy")):
            yield Problem(key, f"nobody reads the namespace {namespace}, did you mean {project}:{name}?")


def _beside(top: Mapping[str, object], file: str) -> Iterator[Problem]:
    """Keys beside `config`. Those that begin with `x-` hold anchors, as in other tools' files."""
    for key in top:
        if key in _TOP or key.startswith("x-"):
            continue
        if ":" in key or key in _SECTIONS:
            message = f"stands beside config in {file}, where nobody reads it: move it below config"
        else:
            near = unknown_key(key, _TOP)
            message = f"{near} (in {file}; a key that begins with x- is left alone)"
        yield Problem(key, message)


def is_of(file: StackFile, raw: Mapping[str, object]) -> bool:
    """Whether a run with the configuration `raw` has read this file: another may have been named by --config-file."""
    plainly = {key for key, value in file.config.items() if not any(True for _ in plain.encrypted_in(value))}
    return (
        bool(file.config)
        and file.config.keys() <= raw.keys()
        and all(file.config[key] == raw[key] for key in plainly - file.doubtful)
    )
