"""What is wrong with a feature gate by the tables of the release, and what a run says of one. Pure.

Does not own how a file or a flag writes gates, apart from the text of the flag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from components.settings import ages
from components.settings.nearest import nearest
from components.versions.gates import GATES, feature_gates, needs
from components.versions.lives import OLDEST

_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_EXAMPLE = "GracefulNodeShutdown"


def wrong_gates(
    gates: Mapping[str, object], number: int, ours: Mapping[str, bool]
) -> Iterator[tuple[str, str]]:
    """The gates that the programs of a minor do not start with, and why. `ours`: what they get besides."""
    is_right = True
    for name, value in gates.items():
        message = None if value is None else _wrong(name, value, number)
        if message:
            is_right = False
            yield name, message
    if is_right:
        yield from _unmet(
            {**ours, **{name: value for name, value in gates.items() if value is not None}}, number
        )


def _unmet(given: Mapping[str, object], number: int) -> Iterator[tuple[str, str]]:
    """What is on and needs what is off, said of that of the two which somebody wrote."""
    for name, others in needs(number).items():
        off = [one for one in others if not _is_on(one, given, number)]
        if not off or not _is_on(name, given, number):
            continue
        if given.get(name) is True:
            yield name, f"needs {off[0]}, which is off: set {off[0]}: true too"
            continue
        written = next((one for one in off if one in given), None)
        if written is not None:
            yield written, f"{name} is on and needs it: set {name}: false too"
        elif "AllAlpha" in given or "AllBeta" in given:
            all_of = next(one for one in _ALL.values() if one in given)
            yield all_of, f"{name} is on then and needs {off[0]}, which is off: set {name}: false too"


# stage: the gate of all gates of it
_ALL = {"alpha": "AllAlpha", "beta": "AllBeta"}


def _is_on(name: str, given: Mapping[str, object], number: int) -> bool:
    stage = GATES[name].at(number) if name in GATES else None
    if stage is None:
        return False
    all_of = given.get(_ALL.get(stage.name, ""), stage.default)
    return given.get(name, stage.default if stage.is_locked else all_of) is True


def _wrong(name: str, value: object, number: int) -> str | None:
    if not _NAME.fullmatch(name):
        return f"expected the name of a feature gate, for example {_EXAMPLE}"
    gate = GATES.get(name)
    stage = gate.at(number) if gate else None
    if gate is None or stage is None:
        near = nearest(name, feature_gates(number))
        hint = ages.absence(gate.life, number) if gate else ages.nowhere(near)
        return f"no feature gate of Kubernetes 1.{number} has this name, and an unknown one stops it{hint}"
    if stage.is_locked and value is not stage.default:
        only = "true" if stage.default else "false"
        since = min(one.since for one in gate.stages if one.is_locked)
        return (
            f"expected {only}: the gate is locked since 1.{since}, and another value stops it; leave it out"
        )
    return None


def gate_advice(gates: Mapping[str, object], number: int) -> Iterator[tuple[str, str]]:
    """The gates that are taken and that a later release will not know, and what to do."""
    for name, value in gates.items():
        gate = GATES.get(name)
        stage = gate.at(number) if gate and value is not None else None
        if gate and stage and stage.name in ("generally available", "deprecated"):
            since = f" since 1.{gate.since(stage)}" if gate.since(stage) > OLDEST else ""
            yield name, f"is {stage.name}{since}, and a later release will not know it: leave it out"


def gates_of_flag(text: str) -> dict[str, str]:
    """What `--feature-gates` says, name by name."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return {name: value for name, _, value in pairs}
