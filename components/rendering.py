"""Text of configuration files and units, the same bytes for the same settings every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml


def digest(*texts: str) -> str:
    """Texts as 12 hex digits: enough to tell that one is another, in a place where it is not to be read."""
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:12]


class _Dumper(yaml.SafeDumper):
    """Without anchors: two places with equal values stay two places."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    """Quoted wherever another reader could see a number or a truth value, as Go's does with 1e9."""
    style = "'" if _is_ambiguous(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _is_ambiguous(value: str) -> bool:
    if value in ("y", "Y", "n", "N"):
        return True
    for read in (float, lambda text: int(text, 0)):
        try:
            read(value)
        except ValueError:
            continue
        return True
    return False


_Dumper.add_representer(str, _text)


def yaml_text(value: Mapping[str, Any]) -> str:
    """YAML with sorted keys, one value a line."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=True, default_flow_style=False, width=2**20)
    return text


def json_text(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys, one value a line."""
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def command_line(binary: str, flags: Mapping[str, str]) -> str:
    """A command of a systemd unit, one flag a line, sorted by name."""
    return " \\\n  ".join([binary, *(f"--{name}={flags[name]}" for name in sorted(flags))])
