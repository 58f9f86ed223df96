"""The stack file as the program would get it, without Pulumi. Only this reads files, beside `settings/sources.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.settings.problems import Problem, SettingsError
from components.settings.sources import SourceError, text_of, yaml_of


def configuration(project_dir: Path, stack: str) -> tuple[dict[str, Any], bool]:
    """The project's keys in `Pulumi.<stack>.yaml`, and whether the nodes among them come from a nodesFile."""
    project = _document(project_dir, "Pulumi.yaml").get("name")
    name = f"Pulumi.{stack}.yaml"
    config = _document(project_dir, name).get("config")
    if not isinstance(config, Mapping):
        raise SettingsError([Problem(name, "there is no map config in it")])
    prefix = f"{project}:"
    raw = {
        key.removeprefix(prefix): None if value == "" else value
        for key, value in config.items()
        if isinstance(key, str) and key.startswith(prefix)
    }
    return _with_nodes(raw, project_dir)


def is_there(project_dir: Path, path: str) -> bool:
    """Whether there is such a file, seen from the project directory."""
    try:
        return (project_dir / Path(path).expanduser()).is_file()
    except (OSError, RuntimeError):
        return False


def _document(project_dir: Path, name: str) -> Mapping[str, Any]:
    try:
        found = yaml_of(text_of(project_dir, name), name)
    except SourceError as error:
        raise SettingsError([Problem(name, error.about)]) from None
    if not isinstance(found, Mapping):
        raise SettingsError([Problem(name, "expected a map of keys and values")])
    return found


def _with_nodes(raw: dict[str, Any], project_dir: Path) -> tuple[dict[str, Any], bool]:
    """With the map that nodesFile names in its place, so that it can be masked; what cannot be read stays a path."""
    path = raw.get("nodesFile")
    if not isinstance(path, str) or raw.get("nodes") is not None:
        return raw, False
    try:
        nodes = yaml_of(text_of(project_dir, path), path)
    except SourceError:
        return raw, False
    if not isinstance(nodes, Mapping) or not nodes:
        return raw, False
    return {**{key: value for key, value in raw.items() if key != "nodesFile"}, "nodes": nodes}, True
