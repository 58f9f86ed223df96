"""Go's own word on the configuration types: what the struct tags of Kubernetes' modules say.

Reads the Go module cache and downloads nothing. Owns the words of a kind as `components/versions/kinds.py` has them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_PLAIN = {
    "bool": "bool",
    "int32": "int32",
    "int64": "int64",
    "uint32": "uint32",
    "float32": "float",
    "float64": "float",
    "string": "text",
    "metav1.Duration": "duration",
    "metav1.Time": "text",
    "resource.QuantityValue": "quantity",
    "v1.ResourceList": "map of quantity",
    # Its own way to read JSON: text or a number of nanoseconds.
    "TimeOrMetaDuration": "duration or number",
}
_FIELD = re.compile(r'^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`json:"([^",]*)[^`]*`', re.MULTILINE)


def module(name: str, release: str) -> Path | None:
    """The folder of a module, k8s.io/NAME, of a Kubernetes release such as `1.37`; None if it is not in the cache."""
    cache = Path(os.environ.get("GOMODCACHE") or Path.home() / "go/pkg/mod") / "k8s.io"
    found = sorted(cache.glob(f"{name}@v[01].{release.partition('.')[2]}.*"))
    return found[-1] if found else None


class GoTypes:
    """The structs and named types of some files."""

    def __init__(self, structs: Mapping[str, str], named: Mapping[str, str]) -> None:
        self._structs, self._named = structs, named

    @classmethod
    @cache
    def of(cls, *files: Path) -> GoTypes:
        """The types of these files; what two of them have is the last one's."""
        text = "\n".join(file.read_text(encoding="utf-8") for file in files)
        structs = dict(re.findall(r"^type (\w+) struct \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL))
        return cls(structs, dict(re.findall(r"^type (\w+) ([\w.\[\]]+)$", text, re.MULTILINE)))

    def beside(self, file: Path) -> GoTypes:
        """These and those of another file, which come before these."""
        other = GoTypes.of(file)
        return GoTypes({**self._structs, **other._structs}, {**self._named, **other._named})

    def has(self, struct: str) -> bool:
        """Whether there is such a struct."""
        return struct in self._structs

    def fields(self, struct: str) -> dict[str, str]:
        """The kind of each field by its name in JSON."""
        found: dict[str, str] = {}
        for name, kind, tag in _FIELD.findall(self._structs[struct]):
            if kind == "metav1.TypeMeta":
                continue
            if tag:
                found[tag] = self.kind(kind)
            elif not name:
                found |= self.fields(kind)
        return found

    def kind(self, go: str) -> str:
        """A Go type in the words of the table."""
        go = go.removeprefix("*")
        if go in _PLAIN:
            return _PLAIN[go]
        if go.startswith("[]"):
            return f"list of {self.kind(go[2:])}"
        if go.startswith("map[string]"):
            return f"map of {self.kind(go.removeprefix('map[string]'))}"
        name = go.rpartition(".")[2]
        return name if name in self._structs else self.kind(self._named[name])
