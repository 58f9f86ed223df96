"""What one run of `load` has found wrong so far. Owns no check."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.settings import plain
from components.settings.problems import Location, Problem, dotted

_ARRIVES = "that is why: Pulumi hands over what is encrypted as text. Write it in plain, it is no secret"
# How the words begin that ask for something else than text.
_KINDS = (
    "expected true or false",
    "expected a whole number",
    "expected a number",
    "expected a TCP port",
    "expected a list",
    "expected a map",
)
# A number, a truth value, a list or a map as text.
_NO_TEXT = re.compile(r"[-+]?[0-9.]+|true|false|\[.*\]|\{.*\}", re.DOTALL)


def parts_of(path: str, value: object) -> Iterator[int | str]:
    """A dotted place as keys, by what there is in the value: a key may hold dots."""
    while path:
        if isinstance(value, list):
            found = re.match(r"\[([0-9]+)\]\.?", path)
            if found is None or int(found[1]) >= len(value):
                return
            yield int(found[1])
            value, path = value[int(found[1])], path[found.end() :]
            continue
        keys = value if isinstance(value, Mapping) else {}
        key = next((one for one in keys if path == one or path.startswith((f"{one}.", f"{one}["))), None)
        if key is None:
            return
        yield key
        value, path = keys[key], path[len(key) :].removeprefix(".")


@dataclass
class Report:
    """The raw configuration, where it is read from, and its problems; `missing` are files only an `up` needs.

    `encrypted`, `encrypted_at` and `nodes_from_file` as in `load`.
    """

    raw: Mapping[str, object]
    project_dir: Path
    encrypted: Collection[str] | None
    nodes_from_file: bool
    encrypted_at: Collection[str] | None = None
    problems: list[Problem] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)
    administrators: frozenset[str] = field(default_factory=frozenset, repr=False)
    """Tokens of the kubeconfig's users, which no host may get."""

    def refuse(self, path: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(path, message))

    def is_wrong(self, *paths: str) -> bool:
        """Whether there is a problem at one of these places, or below."""
        return any(
            problem.path == path or problem.path.startswith((f"{path}.", f"{path}["))
            for problem in self.problems
            for path in paths
        )

    def explained(self) -> list[Problem]:
        """All problems; where the cause is that a value is encrypted, with that cause."""
        return [Problem(one.path, f"{one.message}{self._cause(one)}") for one in self.problems]

    def _cause(self, problem: Problem) -> str:
        if not self.encrypted or not problem.message.startswith(_KINDS):
            return ""
        if self.encrypted_at is not None:
            return f"; it is encrypted, {_ARRIVES}" if problem.path in self.encrypted_at else ""
        value: Any = self.raw
        way = list(parts_of(problem.path, self.raw))
        for part in way:
            value = value[part]
        is_suspect = bool(way) and way[0] in self.encrypted and isinstance(value, str)
        return f"; if it is encrypted, {_ARRIVES}" if is_suspect and _NO_TEXT.fullmatch(value) else ""

    def refuse_plain(self, place: Location, shared: Location) -> None:
        """Note a secret at a place if it is in plain text. `shared`: where it would stand for all nodes."""
        if self.encrypted is None:
            return
        if place[0] == "nodes" and self.nodes_from_file:
            elsewhere = f"is a secret, and nodesFile has no encrypted values: set it in {dotted(shared)}"
            self.refuse(dotted(place), elsewhere)
        elif place[0] not in self.encrypted:
            self.refuse(dotted(place), f"is a secret, and so must be encrypted: {plain.command(place)}")
