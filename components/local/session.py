"""What a running program has at hand: kubectl, its human and its result."""

from __future__ import annotations

from dataclasses import dataclass

from components.local.kubectl import Kubectl
from components.local.waiting import say


@dataclass(frozen=True)
class Session:
    """One run of one program."""

    kubectl: Kubectl
    subject: str
    """What the run is about, usually a node's name; starts every line."""
    previous_stdout: str = ""
    """What the last run of this command printed, as far as the caller hands it over."""

    def say(self, text: str) -> None:
        """A short line for the human, on stderr."""
        say(f"{self.subject}: {text}")

    def result(self, text: str) -> None:
        """The program's result, the only thing on stdout."""
        print(text, flush=True)
