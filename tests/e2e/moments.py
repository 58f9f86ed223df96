"""The engine's own list of steps: when each begins and when it has ended, from the events that it writes.

Owns reading that file while it grows. Does not own what is done at a moment (`killing.py`). The option that names the
file is one of pulumi's commands for debugging, which an environment variable turns on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ENVIRONMENT: Final = {"PULUMI_DEBUG_COMMANDS": "true"}
BEGINS: Final = "begins"
ENDS: Final = "ends"
_EVENTS: Final = {"resourcePreEvent": BEGINS, "resOutputsEvent": ENDS}
# Nothing is done for these.
_IDLE: Final = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True)
class Moment:
    """A step is about to begin, or was done a moment ago and the state does not say so yet."""

    phase: str
    op: str
    urn: str

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]

    @property
    def kind(self) -> str:
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    def __str__(self) -> str:
        return f"{self.op} of {self.name} ({self.kind}) {self.phase}"


class EventLog:
    """The moments in a file that pulumi writes to, as far as it has come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moments: list[Moment] = []
        self._offset = 0

    def read(self) -> list[Moment]:
        """All moments so far, in their order; a line that is half written counts the next time."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return self.moments
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        self.moments += _moments(whole.decode().splitlines())
        return self.moments


def spread(moments: Sequence[Moment], count: int) -> list[Moment]:
    """So many of them, at equal distances; all of them, if there are no more."""
    if count >= len(moments):
        return list(moments)
    return [moments[number * len(moments) // count] for number in range(count)]


def _is_done_by_a_plugin(metadata: Mapping[str, Any]) -> bool:
    """Components and providers are only noted in the state."""
    state = metadata.get("new") or metadata.get("old") or {}
    return bool(state.get("custom")) and not str(state.get("type")).startswith("pulumi:")


def _moments(lines: Iterable[str]) -> list[Moment]:
    found = []
    for line in lines:
        event = json.loads(line)
        for kind, phase in _EVENTS.items():
            metadata = (event.get(kind) or {}).get("metadata")
            if metadata and metadata["op"] not in _IDLE and _is_done_by_a_plugin(metadata):
                found.append(Moment(phase, metadata["op"], metadata["urn"]))
    return found
