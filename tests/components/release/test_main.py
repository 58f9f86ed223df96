"""The command line, with a stand-in for ssh that runs the line here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.release import __main__ as command
from components.release import lines

_CLAIM = (
    "stack acme/kubenode/prod\nnode worker-1\nsince 2026-11-23T00:00:00Z\n"
    "part docker\npart kubelet\npart kubelet.gone\n"
)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`ssh` notes its arguments and its input, and answers with the file `claim`, then with `said`."""
    program = tmp_path / "ssh"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/calls; cat >>{tmp_path}/input\n'
        f'case $* in *"claim remove"*) cat {tmp_path}/said;; *) cat {tmp_path}/claim;; esac\n'
        f"exit $(cat {tmp_path}/code 2>/dev/null || echo 0)\n"
    )
    program.chmod(0o755)
    (tmp_path / "claim").write_text(_CLAIM)
    (tmp_path / "said").write_text("claim released\n")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_a_claim_is_read() -> None:
    found = lines.read(_CLAIM)
    assert found == lines.Claim(
        "acme/kubenode/prod", "worker-1", "2026-11-23T00:00:00Z", ("docker", "kubelet")
    )
    assert lines.read("") is None
    assert lines.read("some banner\n") is None


def test_it_is_shown_and_released(ssh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["root@10.0.0.11", "--ssh", "-i 'a key'", "--yes"]) == 0
    shown = capsys.readouterr()
    assert "claimed by the stack acme/kubenode/prod as node worker-1" in shown.err
    assert "to be undone: docker, kubelet" in shown.err
    assert shown.out == "claim released\n"
    first, second = (ssh / "calls").read_text().splitlines()
    assert "-i a key -- root@10.0.0.11 sh -c" in first
    assert "claim remove" in second
    sent = (ssh / "input").read_text()
    assert "node | worker-1\nhost | 10.0.0.11\nclaim | acme/kubenode/prod\n" in sent


def test_without_a_word_nothing_happens(ssh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["root@10.0.0.11"]) == 1
    assert "YES=yes" in capsys.readouterr().err
    assert len((ssh / "calls").read_text().splitlines()) == 1


def test_a_host_without_a_claim(ssh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ssh / "claim").write_text("")
    assert command.main(["root@10.0.0.11", "--yes"]) == 1
    assert "this host carries no claim" in capsys.readouterr().err
    assert len((ssh / "calls").read_text().splitlines()) == 1


def test_a_failure_is_told(ssh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ssh / "code").write_text("255")
    assert command.main(["root@10.0.0.11", "--yes"]) == 1
    assert "the command on it ended with 255" in capsys.readouterr().err
