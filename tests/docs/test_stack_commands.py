"""The commands around stacks and their state, run by the real engine on a folder as the backend."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.commands import run_by
from tests.plugins.engine import Project, new_project
from tests.plugins.tools import tool

pytestmark = pytest.mark.sandbox

_ID = "tests/docs/test_stack_commands.py::{}"
_WRITTEN = {"backend": "/srv/pulumi"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = new_project(tmp_path, tmp_path / "home")
    (made.directory / "Pulumi.yaml").write_text("name: kubenode\nruntime: python\n", encoding="utf-8")
    made.write("import pulumi\npulumi.export('kept', pulumi.Output.secret('canary-of-the-state'))\n")
    return made


def _run(project: Project, test: str, typed: str = "", **changed: str) -> str:
    """The register's commands of a test in one shell, as they are written but for the place of the backend."""
    text = "\n".join(run_by(_ID.format(test)))
    for written, here in changed.items():
        text = text.replace(_WRITTEN[written], here)
    environment = {
        **project.environment,
        "PATH": f"{Path(tool('pulumi')).parent}:{project.environment['PATH']}",
    }
    done = subprocess.run(
        ["sh", "-eu", "-c", text],
        cwd=project.directory,
        env=environment,
        text=True,
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, f"{text}: {done.stdout}"
    return done.stdout


def test_a_stack_in_a_folder(project: Project, tmp_path: Path) -> None:
    backend = tmp_path / "other"
    backend.mkdir()
    said = _run(project, "test_a_stack_in_a_folder", backend=str(backend))
    assert "prod" in said
    assert (backend / ".pulumi" / "stacks" / "kubenode").is_dir()


def test_secrets_go_into_the_stack_file(project: Project) -> None:
    project.run("stack", "init", "prod")
    for name in ("admin.kubeconfig", "id_ed25519"):
        (project.directory / name).write_text(f"canary of {name}\nsecond line\n", encoding="utf-8")
    _run(project, "test_secrets_go_into_the_stack_file")
    text = (project.directory / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    assert "canary" not in text
    config = yaml.safe_load(text)["config"]
    assert set(config["kubenode:cluster"]["kubeconfig"]) == {"secure"}
    assert set(config["kubenode:ssh"]["privateKey"]) == {"secure"}
    shown = json.loads(project.run("config", "--json", "--show-secrets"))
    assert json.loads(shown["kubenode:ssh"]["value"])["privateKey"] == "canary of id_ed25519\nsecond line"


def test_the_state_moves(project: Project) -> None:
    project.run("stack", "init", "prod")
    project.up()
    _run(project, "test_the_state_moves")
    exported = (project.directory / "state.json").read_text(encoding="utf-8")
    assert "canary-of-the-state" in exported
    assert json.loads(project.run("stack", "output", "--json", "--show-secrets")) == {
        "kept": "canary-of-the-state"
    }
    assert "canary-of-the-state" not in project.text_of_state()


def test_another_passphrase(project: Project) -> None:
    project.run("stack", "init", "prod")
    project.run("config", "set", "--secret", "one", "canary")
    file = project.directory / "Pulumi.prod.yaml"
    before = file.read_text(encoding="utf-8")
    _run(project, "test_another_passphrase", typed="another passphrase\nanother passphrase\n")
    project.environment["PULUMI_CONFIG_PASSPHRASE"] = "another passphrase"
    assert file.read_text(encoding="utf-8") != before
    assert project.run("config", "get", "one").strip().endswith("canary")
