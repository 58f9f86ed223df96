"""Says what is being done and for how long.

Owns: how a long step looks: a ticking line on a terminal; elsewhere a line at its start, one every thirty
seconds and one at its end. Does not own what the steps are. Speaks on stderr, so that a command's own output
can be captured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

_PLAIN_INTERVAL = 30.0


class Step:
    """A step under way. `tick` may be called as often as one likes."""

    def __init__(self, console: Console, title: str, status: Status | None) -> None:
        self._console = console
        self._title = title
        self._status = status
        self._started = self._spoke = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def tick(self, detail: str) -> None:
        text = escape(f"{self._title}: {detail}, {self.elapsed:.0f} s")
        if self._status is not None:
            self._status.update(text)
        elif time.monotonic() - self._spoke >= _PLAIN_INTERVAL:
            self._spoke = time.monotonic()
            self._console.print(text, soft_wrap=True)

    def note(self, text: str) -> None:
        """Something worth a line of its own, once."""
        self._console.print(escape(f"{self._title}: {text}"), soft_wrap=True)


class Progress:
    """Where steps are shown."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        if self._console.is_terminal:
            with self._console.status(escape(title)) as status:
                step = Step(self._console, title, status)
                yield step
        else:
            self._console.print(escape(title), soft_wrap=True)
            step = Step(self._console, title, None)
            yield step
        self._console.print(escape(f"{title}: done in {step.elapsed:.0f} s"), soft_wrap=True)


def waiting(step: Step) -> Callable[[str], None]:
    """What a lock calls while another holds it: names each holder once, then ticks."""
    named: set[str] = set()

    def wait(holder: str) -> None:
        if holder not in named:
            named.add(holder)
            step.note(f"waiting for {holder}")
        step.tick(f"waiting for {holder}")

    return wait
