"""The pulumi command: the stack's configuration with its secrets, what was deployed, the mark of a re-apply, an `up`.

Owns the command lines and the form of what they print. Does not own what is made of it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components import programs
from components.remote import toolkit

_SECONDS = 300
_COMMAND = "command:remote:Command"


class EngineError(Exception):
    """Pulumi did not do what was asked, in its own words."""


@dataclass
class Deployed:
    """What the state has of one node: whose its host is, and its parts."""

    claim: str = ""
    parts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Engine:
    """The pulumi command on one stack."""

    project_dir: Path
    stack: str

    def configuration(self) -> dict[str, Any]:
        """The stack's keys without namespace, decrypted: for this process only."""
        document = json.loads(self._said("config", "--json", "--show-secrets"))
        found: dict[str, Any] = {}
        for key, entry in document.items():
            project, _, name = key.partition(":")
            if project == self._project():
                found[name] = entry["objectValue"] if "objectValue" in entry else _value(entry.get("value"))
        return found

    def deployed(self) -> dict[str, Deployed]:
        """Each node that the state has, by name."""
        return deployed_of(json.loads(self._said("stack", "export")))

    def mark(self, node: str, moment: str, config_file: Path | None = None) -> None:
        """Ask for one more apply of a node's parts: one line in each of their bundles."""
        to = ["--config-file", str(config_file)] if config_file else []
        self._said("config", "set", "--path", f'rollout.reapply["{node}"]', moment, "--plaintext", *to)

    def run(self, *words: str) -> int:
        """The exit code of an `up` or a `preview`, whose words go to the user."""
        return subprocess.run(self._line(*words), cwd=self.project_dir, check=False).returncode

    def _said(self, *words: str) -> str:
        done = programs.run(
            self._line(*words, "--non-interactive"),
            EngineError,
            cwd=self.project_dir,
            seconds=_SECONDS,
            late=f"'pulumi {words[0]}' took longer than {_SECONDS} s",
        )
        if done.returncode != 0:
            raise EngineError(
                f"'pulumi {' '.join(words[:2])}' failed: {' '.join(done.stderr.split())[-400:]}"
            )
        return done.stdout

    def _line(self, *words: str) -> list[str]:
        return ["pulumi", *words, "--stack", self.stack, "--color=never"]

    def _project(self) -> str:
        path = self.project_dir / "Pulumi.yaml"
        try:
            return str(yaml.safe_load(path.read_text(encoding="utf-8"))["name"])
        except (yaml.YAMLError, KeyError, TypeError):
            raise EngineError(f"{path} names no project") from None


def _value(text: str | None) -> object:
    return text or None


def deployed_of(state: Mapping[str, Any]) -> dict[str, Deployed]:
    """The nodes of an exported state: the claim's bundle, which is no secret, names the node and the stack."""
    resources = [
        one
        for one in state.get("deployment", {}).get("resources") or ()
        if one.get("type") == _COMMAND and not one.get("delete")
    ]
    names = {one["urn"].split("::")[-1]: one for one in resources}
    found: dict[str, Deployed] = {}
    for name, one in names.items():
        stdin = one.get("inputs", {}).get("stdin")
        if not name.endswith("-claim") or not isinstance(stdin, str):
            continue
        header = dict(line.split(" | ", 1) for line in stdin.splitlines()[:6] if " | " in line)
        node = header.get("node", "")
        parts = [part for part in toolkit.SCRIPTS if part != "verify" and f"{node}-{part}" in names]
        found[node] = Deployed(header.get("claim", ""), parts)
    return found
