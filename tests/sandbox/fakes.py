"""Stand-ins that the sandbox's tests share."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sandbox.docker import Container, Docker


@dataclass(frozen=True)
class FakeDocker(Docker):
    """Notes what would have been run; answers with what it was given, by the first word of the command."""

    answers: dict[str, str] = field(default_factory=dict)
    ran: list[tuple[str, ...]] = field(default_factory=list)
    inputs: list[bytes] = field(default_factory=list)

    def run(
        self,
        *arguments: str,
        stdin: bytes | BinaryIO | None = None,
        seconds: float = 0,
        check: bool = True,
    ) -> subprocess.CompletedProcess[bytes]:
        self.ran.append(arguments)
        if isinstance(stdin, bytes):
            self.inputs.append(stdin)
        answer = self.answers.get(arguments[0], "")
        return subprocess.CompletedProcess(list(arguments), 0, answer.encode(), b"")

    @property
    def verbs(self) -> list[str]:
        return [arguments[0] for arguments in self.ran]


def container(**changed: Any) -> Container:
    """A container as Docker shows it; keywords replace its state."""
    values: dict[str, Any] = {
        "name": "kubenode-x-worker-1",
        "status": "running",
        "address": "172.30.0.11",
        "image": "image:1",
    }
    return Container(**(values | {"labels": {}} | changed))
