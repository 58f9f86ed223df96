"""An `up` that can be killed in the middle of a chosen step.

Owns: starting the engine in a session of its own, following what it says, SIGKILL of the engine alone, and ending what
it left once a test is over. Plugins and scripts outlive the engine, as they do for a user.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.stack import Stack

_POLL_SECONDS = 0.05


def wait_until(true: Callable[[], bool], what: str, seconds: float = 300) -> None:
    """Until `true()`; a failed test that names `what` after that long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(_POLL_SECONDS)


class RunningUp:
    """`pulumi up`, running."""

    def __init__(self, stack: Stack) -> None:
        arguments = ["up", "--yes", "--skip-preview", "--non-interactive", "--color=never"]
        self._process = subprocess.Popen(
            stack.command_line(arguments),
            cwd=stack.place.root,
            env=stack.place.env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._stack = stack
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def wait_for_step(self, name: str, running: Callable[[], bool]) -> None:
        """Until the engine says that it creates `name`, and `running()` sees the step at work."""
        begun = re.compile(rf"Command {re.escape(name)} creating")
        ended = re.compile(rf"Command {re.escape(name)} (created|\*\*creating failed)")

        def at_work() -> bool:
            assert not ended.search(self.text), f"{name} was over before it could be killed:\n{self.text}"
            assert self._process.poll() is None, f"pulumi ended by itself:\n{self.text}"
            return bool(begun.search(self.text)) and running()

        wait_until(at_work, f"{name} at work; so far:\n{self.text}")

    def kill(self) -> None:
        """SIGKILL for the engine, and for nothing else."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(30)
        self._stack.said.append(self.text)
        log = self._stack.place.results / f"{len(self._stack.said):03d}-killed-up.txt"
        log.write_text(self.text, encoding="utf-8")

    def processes(self) -> dict[int, str]:
        """Processes of its session by number, with their command lines: plugins, and programs on this machine."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                # The name in parentheses may hold anything; the session is the fourth field after it.
                fields = (
                    (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                )
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if int(fields[3]) == self._process.pid and fields[0] != "Z":
                found[int(folder.name)] = command
        return found

    def end_leftovers(self) -> list[str]:
        """End what still runs of the session; returns the command lines."""
        left = self.processes()
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return sorted(left.values())
