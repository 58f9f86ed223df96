"""Bounded waiting that tells a human what it waits for."""

from __future__ import annotations

import sys
import time
from typing import Final

PROGRESS_SECONDS: Final = 15.0
# A kubelet that the control plane has given up, and that is started by this run, reports within seconds of its start.
GIVEN_UP_SECONDS: Final = 30
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 2.0


def say(text: str) -> None:
    """One short line for the human who runs the stack."""
    print(text, file=sys.stderr, flush=True)


class Wait:
    """A deadline, pauses that grow up to it, and a line of progress every 15 seconds."""

    def __init__(self, timeout_seconds: float, subject: str) -> None:
        self.timeout_seconds = timeout_seconds
        self._subject = subject
        self._started = time.monotonic()
        self._next_line = self._started + PROGRESS_SECONDS
        self._pause = _FIRST_PAUSE

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    @property
    def remaining(self) -> float:
        return max(0.0, self.timeout_seconds - self.elapsed)

    @property
    def expired(self) -> bool:
        return self.remaining <= 0

    def pause(self, waiting_for: str) -> None:
        """Sleeps a little, never past the deadline."""
        self.tell(waiting_for)
        time.sleep(min(self._pause, self.remaining))
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)

    def hurry(self) -> None:
        """Something just happened: look again soon."""
        self._pause = _FIRST_PAUSE

    def tell(self, waiting_for: str) -> None:
        """Prints the line of progress when it is due."""
        now = time.monotonic()
        if now >= self._next_line:
            self._next_line = now + PROGRESS_SECONDS
            say(
                f"{self._subject}: waiting {waiting_for} ({self.elapsed:.0f} of {self.timeout_seconds:.0f} s)"
            )
