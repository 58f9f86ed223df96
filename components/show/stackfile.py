"""The stack file as the program would get it, without Pulumi. Only this reads files, beside `settings/sources.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.settings.documents import Document
from components.settings.problems import Problem, SettingsError
from components.settings.sources import SourceError, document, nodes_of, text_of
from components.settings.stackfile import stack_file


@dataclass(frozen=True)
class Configuration:
    """`raw`: the project's keys; `problems`: of the file itself; the nodes may come from a nodesFile."""

    raw: dict[str, Any]
    nodes_from_file: bool
    problems: tuple[Problem, ...]


def configuration(project_dir: Path, stack: str) -> Configuration:
    """What `Pulumi.<stack>.yaml` gives to the program."""
    project = _map(_document(project_dir, "Pulumi.yaml"), "Pulumi.yaml").get("name")
    name = f"Pulumi.{stack}.yaml"
    document = _document(project_dir, name)
    found = stack_file(document, str(project), name)
    if not isinstance(_map(document, name).get("config"), Mapping):
        raise SettingsError([Problem(name, "there is no map config in it"), *found.problems])
    raw, from_file = _with_nodes(dict(found.config), project_dir)
    return Configuration(raw, from_file, found.problems)


def is_there(project_dir: Path, path: str) -> bool:
    """Whether there is such a file, seen from the project directory."""
    try:
        return (project_dir / Path(path).expanduser()).is_file()
    except (OSError, RuntimeError):
        return False


def _document(project_dir: Path, name: str) -> Document:
    try:
        return document(text_of(project_dir, name), name)
    except SourceError as error:
        raise SettingsError([Problem(name, error.about)]) from None


def _map(found: Document, name: str) -> Mapping[str, Any]:
    if not isinstance(found.value, Mapping):
        raise SettingsError([Problem(name, "expected a map of keys and values")])
    return found.value


def _with_nodes(raw: dict[str, Any], project_dir: Path) -> tuple[dict[str, Any], bool]:
    """With the map that nodesFile names in its place, so that it can be masked; what cannot be read stays a path."""
    path = raw.get("nodesFile")
    if not isinstance(path, str) or raw.get("nodes") is not None:
        return raw, False
    try:
        nodes = nodes_of(text_of(project_dir, path), path)
    except SourceError:
        return raw, False
    if not isinstance(nodes, Mapping) or not nodes:
        return raw, False
    return {**{key: value for key, value in raw.items() if key != "nodesFile"}, "nodes": nodes}, True
