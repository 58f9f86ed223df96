"""A scenario: one small project taken through phases by the real engine, each phase kept to be looked at.

One run of the engine costs seconds, so one program holds many resources, and a fixture of module scope runs it through
all its phases: up, a changed up, preview, refresh, destroy. Tests then look at one resource of a phase each.

Owns the program's phases and what is kept of each. Does not own the project (`engine.py`), nor hosts and clusters:
`watch` names what grows while a phase runs, and the phase keeps what came.

A phase that ends otherwise than expected is an error at once; with `fails` None it is not, and tests look at `failed`.

A program sees `PHASE`, counted from 0, `at(first, second, ...)`, which is the value of this phase (the last one stays),
and everything that `Scenario.values` has, by name.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tests.plugins.engine import Process, Project

_HEAD: Final = """\
import json, pulumi
from pulumi import Output, ResourceOptions
_values = json.load(open("values.json"))
globals().update(_values)
def at(*phases):
    return phases[min(PHASE, len(phases) - 1)]
"""


@dataclass(frozen=True)
class Step:
    """One step of the engine. `paths`: of its detailed diff, with their kinds."""

    name: str
    op: str
    paths: Mapping[str, str]
    old: Mapping[str, Any]
    new: Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """What one run of pulumi left to be looked at. `seen` is what came to the watched lists, by their names."""

    output: str
    failed: bool
    events: Sequence[Mapping[str, Any]]
    state: Mapping[str, Mapping[str, Any]]
    text_of_state: str
    seen: Mapping[str, Sequence[Any]]

    @cached_property
    def steps(self) -> list[Step]:
        """Every step that was begun, in this order; `same` is one too."""
        metadata = [
            event["resourcePreEvent"]["metadata"] for event in self.events if "resourcePreEvent" in event
        ]
        return [
            Step(
                name=each["urn"].rpartition("::")[2],
                op=each["op"],
                paths={path: diff["diffKind"] for path, diff in (each.get("detailedDiff") or {}).items()},
                old=each.get("old") or {},
                new=each.get("new") or {},
            )
            for each in metadata
        ]

    def ops(self, name: str) -> list[str]:
        """What the engine did to a resource."""
        return [step.op for step in self.steps if step.name == name]

    def step(self, name: str) -> Step:
        (found,) = [step for step in self.steps if step.name == name]
        return found

    def seconds(self, name: str) -> int:
        """How long the engine worked on a resource, from its first step's beginning to its last one's end."""
        times = [
            event["timestamp"]
            for event in self.events
            for kind in ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent")
            if kind in event and event[kind]["metadata"]["urn"].rpartition("::")[2] == name
        ]
        return int(max(times) - min(times))

    def messages(self, name: str, *severities: str) -> list[str]:
        """What was said of a resource, without the last line ends; of these severities or all but debug."""
        said = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        return [
            each["message"].removesuffix("\n")
            for each in said
            if each.get("urn", "").rpartition("::")[2] == name
            and (each["severity"] in severities if severities else each["severity"] != "debug")
        ]

    def error(self, name: str) -> str:
        """The one error of a resource."""
        (found,) = self.messages(name, "error")
        return found

    def outputs(self, name: str) -> Mapping[str, Any]:
        return self.state[name]["outputs"]  # type: ignore[no-any-return]

    def inputs(self, name: str) -> Mapping[str, Any]:
        return self.state[name]["inputs"]  # type: ignore[no-any-return]


@dataclass
class Scenario:
    """A project, its program, and the values that the program sees."""

    project: Project
    watch: Mapping[str, Callable[[], Sequence[Any]]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    phase: int = -1
    parallel: int = 16

    def write(self, program: str) -> None:
        self.project.write(_HEAD + textwrap.dedent(program))

    def up(
        self,
        *arguments: str,
        fails: bool | None = False,
        meanwhile: Callable[[Process], None] | None = None,
        **values: Any,
    ) -> Phase:
        """The next phase, as `pulumi up`."""
        self.phase += 1
        up = ("up", "--yes", "--skip-preview", "--parallel", str(self.parallel), *arguments)
        return self.run(*up, fails=fails, meanwhile=meanwhile, **values)

    def preview(self, *arguments: str, fails: bool | None = False, **values: Any) -> Phase:
        """What the next phase would be; it is still the next one afterwards."""
        self.phase += 1
        try:
            return self.again(*arguments, fails=fails, **values)
        finally:
            self.phase -= 1

    def again(self, *arguments: str, fails: bool | None = False, **values: Any) -> Phase:
        """A preview of this phase once more."""
        return self.run("preview", "--diff", *arguments, fails=fails, **values)

    def refresh(self, *arguments: str, fails: bool | None = False) -> Phase:
        return self.run("refresh", "--yes", "--skip-preview", *arguments, fails=fails)

    def destroy(self, *arguments: str, fails: bool | None = False) -> Phase:
        return self.run("destroy", "--yes", "--skip-preview", *arguments, fails=fails)

    def run(
        self,
        *arguments: str,
        fails: bool | None = False,
        meanwhile: Callable[[Process], None] | None = None,
        **values: Any,
    ) -> Phase:
        """Run pulumi; what is kept of it. `values` hold from now on; `meanwhile` is called with the running pulumi."""
        self.values.update(values)
        directory = self.project.directory
        (directory / "values.json").write_text(json.dumps({**self.values, "PHASE": self.phase}))
        log = directory.parent / "events"
        log.unlink(missing_ok=True)
        before = {name: len(seen()) for name, seen in self.watch.items()}
        code, output = self.project.run_anyhow(*arguments, "--event-log", str(log), meanwhile=meanwhile)
        assert fails is None or (code != 0) is fails, output
        return Phase(
            output=output,
            failed=code != 0,
            events=_events(log),
            state=self.project.state(),
            text_of_state=self.project.text_of_state(),
            seen={name: list(seen())[before[name] :] for name, seen in self.watch.items()},
        )


def _events(log: Path) -> list[Mapping[str, Any]]:
    """The last line is left out if a killed pulumi did not finish it."""
    return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
