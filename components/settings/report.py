"""What one run of `load` has found wrong so far. Owns no check."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.settings import plain
from components.settings.problems import Location, Problem, dotted


@dataclass
class Report:
    """The raw configuration, where it is read from, and its problems; `missing` are files only an `up` needs.

    `encrypted` and `nodes_from_file` as in `load`.
    """

    raw: Mapping[str, object]
    project_dir: Path
    encrypted: Collection[str] | None
    nodes_from_file: bool
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

    def refuse_plain(self, place: Location, shared: Location) -> None:
        """Note a secret at a place if it is in plain text. `shared`: where it would stand for all nodes."""
        if self.encrypted is None:
            return
        if place[0] == "nodes" and self.nodes_from_file:
            elsewhere = f"is a secret, and nodesFile has no encrypted values: set it in {dotted(shared)}"
            self.refuse(dotted(place), elsewhere)
        elif place[0] not in self.encrypted:
            self.refuse(dotted(place), f"is a secret, and so must be encrypted: {plain.command(place)}")
