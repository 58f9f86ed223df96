"""A run of pulumi that can be killed at a chosen moment.

Owns: starting the engine in a session of its own, following its events, SIGKILL of the engine alone, and ending what
it left once a test is over. Plugins and scripts outlive the engine, as they do for a user.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Container
from pathlib import Path

from tests.e2e.moments import BEGINS, ENDS, ENVIRONMENT, EventLog, Moment
from tests.e2e.stack import Stack

_POLL_SECONDS = 0.05
# Between two looks at the engine's events: much less than a step takes.
_EVENT_SECONDS = 0.002
_RUN_SECONDS = 900


def wait_until(
    true: Callable[[], bool], what: str, seconds: float = 300, every: float = _POLL_SECONDS
) -> None:
    """Until `true()`; a failed test that names `what` after that long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(every)


class Running:
    """`pulumi up`, or another command that takes its options, running."""

    def __init__(self, stack: Stack, verb: str = "up") -> None:
        self._stack = stack
        self._verb = verb
        self.events = EventLog(stack.place.results / f"{len(stack.said):03d}-{verb}-events.jsonl")
        arguments = [verb, "--yes", "--skip-preview", "--non-interactive", "--color=never"]
        self._process = subprocess.Popen(
            stack.command_line([*arguments, "--event-log", str(self.events.path)]),
            cwd=stack.place.root,
            env={**stack.place.env, **ENVIRONMENT},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def wait_for_step(self, name: str, running: Callable[[], bool]) -> None:
        """Until the engine has begun to create `name`, and `running()` sees the step at work."""

        def at_work() -> bool:
            of_it = {one.phase for one in self.events.read() if one.name == name and "Command" in one.kind}
            assert ENDS not in of_it, f"{name} was over before it could be killed:\n{self.text}"
            self._demand_alive()
            return BEGINS in of_it and running()

        wait_until(at_work, f"{name} at work; so far:\n{self.text}")

    def kill_at_one_not_in(self, known: Container[Moment]) -> Moment | None:
        """SIGKILL for the engine at the first moment that is not known; None if it comes to a good end without one."""
        found: list[Moment] = []

        def came() -> bool:
            ended = self._process.poll() is not None
            found[:] = [one for one in self.events.read() if one not in known][:1]
            return bool(found) or ended

        wait_until(came, f"a moment that is new; so far:\n{self.text}", _RUN_SECONDS, _EVENT_SECONDS)
        if found and self._process.poll() is None:
            self.kill()
            return found[0]
        self.finish()
        return None

    def kill_at(self, moment: Callable[[Moment], bool], what: str) -> None:
        """SIGKILL for the engine as soon as it tells of such a moment."""

        def came() -> bool:
            if any(moment(one) for one in self.events.read()):
                return True
            self._demand_alive()
            return False

        wait_until(came, f"{what}; so far:\n{self.text}", _RUN_SECONDS, _EVENT_SECONDS)
        self.kill()

    def finish(self) -> list[Moment]:
        """Let it come to its end, which has to be a good one; returns all of its moments."""
        code = self._process.wait(_RUN_SECONDS)
        self._reader.join(30)
        self._keep("whole")
        assert code == 0, f"pulumi {self._verb} ended with {code}:\n{self.text}"
        return self.events.read()

    def kill(self) -> None:
        """SIGKILL for the engine, and for nothing else."""
        self._process.kill()
        code = self._process.wait(30)
        self._keep("killed")
        assert code == -signal.SIGKILL, f"pulumi ended by itself, with {code}:\n{self.text}"

    def _demand_alive(self) -> None:
        assert self._process.poll() is None, f"pulumi ended by itself:\n{self.text}"

    def _keep(self, how: str) -> None:
        self._stack.said.append(self.text)
        log = self._stack.place.results / f"{len(self._stack.said):03d}-{how}-{self._verb}.txt"
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

    def plugins(self) -> list[str]:
        """What is left of it but for Pulumi's own language host, which never notices that its engine is gone."""
        return [line for line in self.processes().values() if "pulumi-language-python" not in line]

    def end_leftovers(self) -> list[str]:
        """End what still runs of the session; returns the command lines."""
        left = self.processes()
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return sorted(left.values())
