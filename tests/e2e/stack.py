"""One Pulumi stack of the copy, driven through the command line as a user drives it.

Owns: how pulumi is called, what it said and how long it took, and the stack's configuration with its changes. Does not
own what a test makes of it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.place import Place

Json = dict[str, Any]
SECONDS = 900
_QUIET = ("--non-interactive", "--color=never")
_UP = ("--yes", "--skip-preview", *_QUIET)


@dataclass(frozen=True)
class Result:
    """What one call of pulumi said: both streams in the order they came."""

    command: str
    code: int
    text: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.code == 0

    def demand(self) -> Result:
        """This, or a failed test that shows what was said."""
        assert self.ok, f"'{self.command}' ended with {self.code} after {self.seconds:.0f} s:\n{self.text}"
        return self

    def demand_failure(self) -> Result:
        assert not self.ok, f"'{self.command}' went well, but must not:\n{self.text}"
        return self


@dataclass(frozen=True)
class Step:
    """One resource that a preview wants to change."""

    op: str
    type: str
    name: str


class Stack:
    """A stack by name. `said` holds every text that pulumi printed for any stack of this place, but for `export`."""

    said: list[str]

    def __init__(self, place: Place, name: str, said: list[str]) -> None:
        self.place, self.name, self.said = place, name, said
        self.file = place.root / f"Pulumi.{name}.yaml"
        self.nodes_file = place.checkout.nodes_file
        self._originals = {
            path: path.read_text(encoding="utf-8") for path in (self.file, self.nodes_file) if path.exists()
        }

    # Calls

    def init(self) -> None:
        self.pulumi("stack", "select", "--create", self.name, *_QUIET, stack=False).demand()

    def up(self, *arguments: str) -> Result:
        return self.pulumi("up", *_UP, *arguments)

    def destroy(self, *arguments: str) -> Result:
        return self.pulumi("destroy", *_UP, *arguments)

    def preview(self, *arguments: str) -> Result:
        return self.pulumi("preview", *_QUIET, *arguments)

    def refresh(self, *arguments: str) -> Result:
        return self.pulumi("refresh", *_QUIET, *arguments)

    def cancel(self) -> Result:
        return self.pulumi("cancel", "--yes", *_QUIET)

    def planned(self) -> list[Step]:
        """What a preview would change, resource by resource."""
        result = self.pulumi("preview", "--json", *_QUIET, streams_apart=True).demand()
        steps = json.loads(result.text)["steps"]
        return sorted(
            (
                Step(step["op"], step["urn"].split("::")[2].split("$")[-1], step["urn"].split("::")[-1])
                for step in steps
                if step["op"] not in ("same", "read", "refresh")
            ),
            key=lambda step: (step.name, step.type),
        )

    def export(self, *, show_secrets: bool = False) -> str:
        """The state as text. Kept out of what was said: with secrets it is one."""
        arguments = ["stack", "export", *(["--show-secrets"] if show_secrets else [])]
        return self._run(arguments, SECONDS, streams_apart=True, stack=True).demand().text

    def resources(self) -> list[Json]:
        found: list[Json] = json.loads(self.export())["deployment"].get("resources") or []
        return found

    def pulumi(
        self, *arguments: str, seconds: float = SECONDS, streams_apart: bool = False, stack: bool = True
    ) -> Result:
        """Any command of pulumi on this stack."""
        result = self._run(arguments, seconds, streams_apart=streams_apart, stack=stack)
        self.said.append(result.text)
        name = f"{len(self.said):03d}-{re.sub('[^a-z]+', '-', ' '.join(arguments[:2]))}.txt"
        log = self.place.results / name
        log.write_text(f"$ {result.command}\n{result.text}\n", encoding="utf-8")
        return result

    def command_line(self, arguments: Sequence[str]) -> list[str]:
        return ["pulumi", *arguments, "--stack", self.name]

    def _run(self, arguments: Sequence[str], seconds: float, *, streams_apart: bool, stack: bool) -> Result:
        command = self.command_line(arguments) if stack else ["pulumi", *arguments]
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=self.place.root,
            env=self.place.env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if streams_apart else subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            text, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            text += f"\n*** killed by the test after {seconds:.0f} s ***"
        return Result(" ".join(command), process.returncode, text, time.monotonic() - started)

    # Configuration

    def configure(self, edit: Callable[[Json], None]) -> None:
        """Change the stack's configuration (the keys below `config`, without the namespace)."""
        document = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        config = {key.removeprefix("kubenode:"): value for key, value in document["config"].items()}
        edit(config)
        document["config"] = {f"kubenode:{key}": value for key, value in config.items()}
        self.file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def configure_nodes(self, edit: Callable[[Json], None]) -> None:
        """Change the nodes file."""
        nodes = yaml.safe_load(self.nodes_file.read_text(encoding="utf-8"))
        edit(nodes)
        self.nodes_file.write_text(yaml.safe_dump(nodes, sort_keys=False), encoding="utf-8")

    def configuration(self) -> str:
        """All of it as text, to tell whether it changed."""
        return "".join(path.read_text(encoding="utf-8") for path in self._originals)

    def restore_configuration(self) -> None:
        for path, text in self._originals.items():
            path.write_text(text, encoding="utf-8")


def commands_and_nodes(stack: Stack) -> set[str]:
    """Names of the commands on hosts and of the Node objects in the state.

    A host's release stands there before the host is claimed: making it asks nobody.
    """
    kinds = ("command:remote:Command", "kubernetes:core/v1:Node")
    return {one["urn"].split("::")[-1] for one in stack.resources() if one["type"] in kinds}


def copied_configuration(place: Place, name: str, like: str, edit: Callable[[Json], None]) -> Path:
    """A second stack's file, made from the first one's."""
    document = yaml.safe_load((place.root / f"Pulumi.{like}.yaml").read_text(encoding="utf-8"))
    edit(document["config"])
    path = place.root / f"Pulumi.{name}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path
