"""Says what a command is doing: which step of how many, what it did, how long it took.

Owns: how that looks, on a terminal and in a log. Does not own what the steps are. Speaks on stderr.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

_PLAIN_INTERVAL = 20.0


class Step:
    """A step under way."""

    def __init__(self, console: Console, title: str, status: Status | None) -> None:
        self._console = console
        self._title = title
        self._status = status
        self._started = self._spoke = time.monotonic()
        self.result = "done"

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def doing(self, detail: str) -> None:
        """What it does now; may be said as often as one likes."""
        text = escape(f"{self._title}: {detail}, {self.elapsed:.0f} s")
        if self._status is not None:
            self._status.update(text)
        elif time.monotonic() - self._spoke >= _PLAIN_INTERVAL:
            self._spoke = time.monotonic()
            self._console.print(text, soft_wrap=True)

    def did(self, result: str) -> None:
        """What came of it."""
        self.result = result


class Steps:
    """The steps of one command, counted."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._total = total
        self._number = 0
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self._number += 1
        title = f"[{self._number}/{self._total}] {title}"
        if self._console.is_terminal:
            with self._console.status(escape(title)) as status:
                step = Step(self._console, title, status)
                yield step
        else:
            step = Step(self._console, title, None)
            yield step
        self._console.print(escape(f"{title}: {step.result} ({step.elapsed:.1f} s)"), soft_wrap=True)

    def say(self, text: str) -> None:
        self._console.print(escape(text), soft_wrap=True)
