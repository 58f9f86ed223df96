"""The commands of docs/configuration.md and of "Environments", run by the real Pulumi on a stack file as shipped."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from components.settings.page import page
from components.settings.schema import stack_schema
from components.show.__main__ import main
from tests.components import example
from tests.plugins.engine import Project
from tests.plugins.tools import tool

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-that-nobody-may-see"
COMMANDS = re.findall(r"`(pulumi config set --secret --path '[^`]+')`", page())
SCHEMA = jsonschema.Draft7Validator(stack_schema())


@pytest.fixture
def stack(project: Project) -> Project:
    """A stack `prod` of the project kubenode, configured as Pulumi.prod.yaml.example."""
    (project.directory / "Pulumi.yaml").write_text("name: kubenode\nruntime: python\n")
    project.run("stack", "init", "prod")
    file = project.directory / "Pulumi.prod.yaml"
    salt = file.read_text()
    file.write_text((ROOT / "Pulumi.prod.yaml.example").read_text() + salt)
    return project


def _run(project: Project, command: str, stdin: str) -> None:
    _, *words = shlex.split(command)
    subprocess.run(
        [tool("pulumi"), *words, "--stack", "prod", "--non-interactive"],
        cwd=project.directory,
        env=project.environment,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=60,
        check=True,
    )


def _document(project: Project, stack: str) -> Any:
    return yaml.safe_load((project.directory / f"Pulumi.{stack}.yaml").read_text())


def test_every_command_that_encrypts_a_value_does_so(
    stack: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    node = COMMANDS[0].replace("cluster.kubeconfig", 'nodes["worker-1"].ssh.password')
    assert node != COMMANDS[0]
    for command in [*COMMANDS, node]:
        _run(stack, command, CANARY)
    text = (stack.directory / "Pulumi.prod.yaml").read_text()
    assert CANARY not in text
    assert len(re.findall(r"secure: v1:[A-Za-z0-9+/]+", text)) == len(COMMANDS) + 1
    # Comments stay, the one for editors too.
    assert text.startswith("# yaml-language-server: $schema=docs/configuration.schema.json\n")
    assert text.count("#") > 90
    SCHEMA.validate(_document(stack, "prod"))
    assert stack.run("config", "get", "--stack", "prod", "--path", "cluster.kubeconfig").strip() == CANARY
    # Every way to log in at once is a contradiction, and show says so without a passphrase.
    assert main(["worker-1", "--stack", "prod"], stack.directory) == 1
    told = capsys.readouterr().err
    assert "ssh.password: expected exactly one of privateKeyFile, privateKey, agent, password" in told
    assert CANARY not in told


def test_a_section_without_keys_is_empty_text_for_the_program(stack: Project) -> None:
    file = stack.directory / "Pulumi.prod.yaml"
    file.write_text(
        file.read_text()
        .replace("config:\n", "config:\n  kubenode:timeouts:\n")
        .replace("  kubenode:timeouts:\n    readySeconds: 180\n    csrSeconds: 180\n", "")
    )
    (stack.directory / "__main__.py").write_text(
        "import json, os, pulumi\n"
        "pulumi.export('found', 'found ' + json.dumps(json.loads(os.environ['PULUMI_CONFIG'])['kubenode:timeouts']))\n"
    )
    assert 'found ""' in stack.run("preview", "--stack", "prod").replace("\\", "")
    # Pulumi writes it so too.
    _run(stack, "pulumi config set --path 'kubelet.extraConfig.maxPods' 55", "")
    assert _document(stack, "prod")["config"]["kubenode:timeouts"] == ""
    SCHEMA.validate(_document(stack, "prod"))


def test_show_reads_what_pulumi_encrypted(stack: Project, capsys: pytest.CaptureFixture[str]) -> None:
    stack.run("config", "rm", "--stack", "prod", "--path", "ssh.privateKeyFile")
    stack.run("config", "rm", "--stack", "prod", "--path", "cluster.kubeconfigFile")
    _run(stack, "pulumi config set --secret --path 'ssh.privateKey'", example.private_key())
    _run(stack, "pulumi config set --secret --path 'cluster.kubeconfig'", example.kubeconfig())
    _run(stack, "pulumi config set --path 'kubelet.extraConfig.maxPods' 55", "")
    names = [
        *(f"release/v1.37.2/bin/linux/amd64/{binary}" for binary in ("kubelet", "kube-proxy")),
        "cri-dockerd/v0.4.3/cri-dockerd-0.4.3.amd64.tgz",
    ]
    (stack.directory / "checksums").write_text(
        "".join(f"{example.checksum(name)}  {name}\n" for name in names)
    )
    SCHEMA.validate(_document(stack, "prod"))
    assert main(["worker-1", "--stack", "prod", "--part", "kubelet"], stack.directory) == 0
    assert "kubelet.yaml | maxPods: 55\n" in capsys.readouterr().out


def test_an_environment_begins_as_a_copy_of_another(stack: Project) -> None:
    _run(stack, "pulumi config set --secret --path 'ssh.password'", CANARY)
    stack.run("stack", "init", "staging")
    stack.run("config", "cp", "--stack", "prod", "--dest", "staging")
    copied, prod = _document(stack, "staging"), _document(stack, "prod")
    assert copied["encryptionsalt"] != prod["encryptionsalt"]
    secrets = [one["config"]["kubenode:ssh"].pop("password") for one in (copied, prod)]
    assert secrets[0] != secrets[1]
    # A section without keys is not copied as one.
    assert {key: value for key, value in copied["config"].items() if value} == {
        key: value for key, value in prod["config"].items() if value
    }
    found = stack.run("config", "get", "--stack", "staging", "--path", "ssh.password")
    assert found.strip() == CANARY
