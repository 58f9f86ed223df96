"""Reads versions out of a graph's go.mod, the only place they are written in.

Owns: the few directives of the go.mod grammar that are needed here, read as text so that no Go is needed to
know a version. Does not own resolving or checking: that is Go's.
"""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.tools.errors import ToolError

_GO = re.compile(r"^go\s+(\d+(?:\.\d+)*)\s*$", re.MULTILINE)
_BLOCK = re.compile(r"^require\s*\((.*?)^\)", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^require\s+([^\s(].*)$", re.MULTILINE)


def module_version(folder: Path, module: str) -> str:
    """The version of `module` that the go.mod in `folder` requires, such as v1.2.3."""
    text = (folder / "go.mod").read_text(encoding="utf-8")
    lines = [line for block in _BLOCK.finditer(text) for line in block[1].splitlines()]
    lines += [match[1] for match in _LINE.finditer(text)]
    for line in lines:
        match line.partition("//")[0].split():
            case [name, version] if name == module:
                return version
    raise ToolError(f"{folder / 'go.mod'} does not require {module}")


def go_version(folder: Path) -> str:
    """The lowest Go version that the go.mod in `folder` accepts, such as 1.26.0."""
    if match := _GO.search((folder / "go.mod").read_text(encoding="utf-8")):
        return match.group(1)
    raise ToolError(f"{folder / 'go.mod'} names no Go version")


def flag_values(version: str) -> dict[str, str]:
    """What a template of linker flags may use of a version."""
    bare = version.removeprefix("v")
    major, minor, *_ = [*bare.split("."), "0"]
    return {"version": version, "bare": bare, "major": major, "minor": minor}
