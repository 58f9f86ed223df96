"""What the feature gates of a release are: which there are, their stage, and which values they take.

Owns the reading of `gate_table.py`. kubelet and kube-proxy of a release have the same gates, and neither starts with
one that it does not know, or with another value of one that is locked. Does not own which of them a node gets
(`minors.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from components.versions.gate_table import NEEDS, TABLE
from components.versions.lives import NEVER, Life, known

_CHANGE = re.compile(r"(\d+)([abgdABGD-])(!?)")
_WORDS = {"a": "alpha", "b": "beta", "g": "generally available", "d": "deprecated"}
STAGES = tuple(_WORDS.values())


@dataclass(frozen=True)
class Stage:
    """A gate from one minor on, up to its next stage. `name` is empty where it is gone."""

    since: int
    name: str
    default: bool
    is_locked: bool


@dataclass(frozen=True)
class Gate:
    """A gate with its stages, the oldest first."""

    stages: tuple[Stage, ...]

    @property
    def life(self) -> Life:
        """The minors that know it."""
        last = self.stages[-1]
        return Life(self.stages[0].since, NEVER if last.name else last.since, instead="leave it out")

    def at(self, number: int) -> Stage | None:
        """Its stage in a minor; None if the minor does not know it."""
        found = [stage for stage in self.stages if stage.since <= number]
        return found[-1] if found and found[-1].name else None

    def since(self, stage: Stage) -> int:
        """The minor that it came to the name of a stage with."""
        return min(one.since for one in self.stages if one.name == stage.name)


def _gate(changes: str) -> Gate:
    return Gate(
        tuple(
            Stage(int(since), _WORDS.get(letter.lower(), ""), letter.isupper(), mark == "!")
            for since, letter, mark in _CHANGE.findall(changes)
        )
    )


GATES: Mapping[str, Gate] = {
    name: _gate(changes) for name, _, changes in (word.partition(":") for word in TABLE.split())
}
LIVES: Mapping[str, Life] = {name: gate.life for name, gate in GATES.items()}

_NEED = re.compile(r"(\w+)>(\w+):(\d+)(?:-(\d+))?")


def needs(number: int) -> Mapping[str, tuple[str, ...]]:
    """The gates of a minor that do not work without others, with those: where one of these is off nothing starts."""
    found: dict[str, tuple[str, ...]] = {}
    for name, needed, first, last in _NEED.findall(NEEDS):
        if int(first) <= number <= int(last or NEVER):
            found[name] = (*found.get(name, ()), needed)
    return found


def feature_gates(number: int) -> frozenset[str]:
    """The gates of a minor, of every stage."""
    return known(LIVES, number)
