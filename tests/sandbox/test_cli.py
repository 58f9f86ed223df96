"""The commands: their help, and how errors look."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import cli
from sandbox.checkout import Checkout
from sandbox.errors import SandboxError
from tests.sandbox.fakes import FakeDocker

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", ["up", "down", "status", "ssh", "logs"])
def test_every_command_has_help(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "sandbox", command, "--help"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0
    assert f"sandbox {command}" in run.stdout


def test_an_error_shows_what_to_do_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise SandboxError("worker-1 [is] gone", "python -m sandbox up")

    monkeypatch.setattr(cli, "app", broken)
    assert cli.main() == 1
    shown = capsys.readouterr().err
    assert "error: worker-1 [is] gone" in shown
    assert "fix: python -m sandbox up" in shown
    assert "Traceback" not in shown


def test_down_refuses_while_a_stack_lists_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Checkout(tmp_path)
    stacks = checkout.state / ".pulumi" / "stacks" / "kubenode"
    stacks.mkdir(parents=True)
    latest = {"resources": [{"type": "command:remote:Command"}]}
    (stacks / "dev.json").write_text(json.dumps({"checkpoint": {"latest": latest}}), encoding="utf-8")
    monkeypatch.setattr(Checkout, "here", classmethod(lambda _: checkout))
    removed: list[Checkout] = []

    def down(one: Checkout, _: object) -> list[str]:
        removed.append(one)
        return []

    monkeypatch.setattr("sandbox.down.down", down)
    with pytest.raises(SandboxError) as caught:
        cli.down(force=False)
    assert "kubenode/dev: 1" in caught.value.what
    assert removed == []
    cli.down(force=True)
    assert removed == [checkout]


def test_a_host_that_is_not_there_is_named_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.daemon.find", lambda _: FakeDocker())
    with pytest.raises(SandboxError, match="there is no 'worker-9'"):
        cli._container("worker-9")
