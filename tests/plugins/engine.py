"""A Pulumi project on the file backend, run by the real engine.

With the sandbox's plugins; with KUBENODE_TOOLS=system, with the official ones of this machine's Pulumi home,
so that the same tests show where the two differ.
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.plugins.install import install_into_home
from tests.plugins.tools import tool

_RUN_SECONDS = 120

Process = subprocess.Popen[str]


@dataclass
class Project:
    """One project with one stack."""

    directory: Path
    environment: dict[str, str]

    def write(self, program: str) -> None:
        (self.directory / "__main__.py").write_text(textwrap.dedent(program))

    def run(
        self, *arguments: str, fails: bool = False, meanwhile: Callable[[Process], None] | None = None
    ) -> str:
        """Run pulumi; its whole output. `meanwhile` is called with it as soon as it runs."""
        with tempfile.TemporaryFile("w+") as output:
            with subprocess.Popen(
                [tool("pulumi"), *arguments, "--non-interactive"],
                cwd=self.directory,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process:
                try:
                    if meanwhile:
                        meanwhile(process)
                    code = process.wait(_RUN_SECONDS)
                except BaseException:
                    process.kill()
                    raise
            output.seek(0)
            text = output.read()
        assert (code != 0) is fails, text
        return text

    def up(self, *arguments: str, fails: bool = False) -> str:
        return self.run("up", "--yes", "--skip-preview", "--parallel", "16", *arguments, fails=fails)

    def preview(self, *arguments: str) -> str:
        return self.run("preview", "--diff", *arguments)

    def destroy(self) -> str:
        return self.run("destroy", "--yes", "--skip-preview")

    def state(self) -> dict[str, dict[str, Any]]:
        """The resources in state by their names."""
        checkpoint = json.loads(self.state_file.read_text())
        resources = checkpoint["checkpoint"]["latest"].get("resources") or []
        return {each["urn"].rpartition("::")[2]: each for each in resources}

    @property
    def state_file(self) -> Path:
        return self._stacks / "test.json"

    def text_of_state(self) -> str:
        return "".join(file.read_text() for file in self._stacks.parents[1].rglob("*.json*"))

    @property
    def _stacks(self) -> Path:
        return self.directory.parent / "backend" / ".pulumi" / "stacks" / "test"


def new_project(directory: Path, home: Path) -> Project:
    project, backend = (directory / name for name in ("project", "backend"))
    for each in (project, backend):
        each.mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
    language = Path(tool("pulumi-language-python")).parent
    if os.environ.get("KUBENODE_TOOLS") == "system":
        home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    else:
        install_into_home(home, Path(sys.executable))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
        "PATH": f"{language}:{os.environ['PATH']}",
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_PYTHON_CMD": sys.executable,
        "NO_COLOR": "1",
        "PULUMI_DEBUG_COMMANDS": "true",  # for the log of events
    }
    made = Project(project, environment)
    made.run("stack", "init", "test")
    return made
