"""The command line, with the real engine, and servers on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.forget import __main__ as command
from components.forget import state
from components.forget.state import Door, Lost


@pytest.fixture
def speaks() -> Iterator[Callable[[bytes], int]]:
    """Starts a server that says this to whoever comes; returns its port."""
    with_sockets: list[socket.socket] = []

    def start(words: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        with_sockets.append(server)

        def greet() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(words)
            except OSError:
                return

        threading.Thread(target=greet, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in with_sockets:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_only_an_ssh_server_is_an_answer(speaks: Callable[[bytes], int]) -> None:
    assert command.answers(Door("127.0.0.1", speaks(b"SSH-2.0-x\r\n"), bastion=False))
    assert not command.answers(Door("127.0.0.1", speaks(b"220 mail\r\n"), bastion=False))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not command.answers(Door("127.0.0.1", port, bastion=False))
    assert not command.answers(Door("no-such-host.invalid", 22, bastion=False))


def _lost(**changes: Any) -> Lost:
    known: dict[str, Any] = {
        "urns": frozenset(("a", "b")),
        "door": Door("10.0.0.11", 22, bastion=False),
        "claim": "acme/kubenode/prod",
        "operator": {"kubeconfigFile": "admin"},
        "token_ids": ("abcdef",),
        "parts": ("claim", "kubelet"),
        "certificate_ends": "2027-01-01T00:00:00Z",
    }
    return Lost(**{**known, **changes})


def test_what_was_not_cleaned_is_said() -> None:
    host, certificate = command.not_cleaned(_lost())
    assert "10.0.0.11 still has what these parts put there, if it exists: claim, kubelet" in host
    assert "acme/kubenode/prod" in host
    assert "register as this node again, until 2027-01-01T00:00:00Z." in certificate
    assert len(command.not_cleaned(_lost(parts=("claim",)))) == 1
    assert (
        "No part is in the state: none was applied, or a destroy undid them"
        in command.not_cleaned(_lost(parts=()))[0]
    )


class _Pulumi:
    """What the command asks of pulumi and of the launcher, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lost: Lost, *, cluster: str = "") -> None:
        self.asked: list[str] = []
        self.exports = ['{"deployment": {}}'] * 2
        run = {"kind": "update", "startTime": "2026-01-31T12:00:00Z", "version": 7}
        self.histories = [[run], [run]]
        self._cluster = cluster
        monkeypatch.setattr(command, "_pulumi", self._pulumi)
        monkeypatch.setattr(command, "_leave_cluster", self._leave_cluster)
        monkeypatch.setattr(state, "find", lambda _exported, _node: lost)

    def _pulumi(self, stack: str, *arguments: str, text: str | None = None) -> str:
        self.asked.append(" ".join(arguments))
        if arguments == ("stack", "export"):
            return self.exports.pop(0)
        if arguments[:2] == ("stack", "history"):
            return json.dumps(self.histories.pop(0))
        assert stack == "prod"
        return "{}" if text is None else json.loads(text) and ""

    def _leave_cluster(self, node: str, lost: Lost, *, force: bool) -> None:
        self.asked.append(f"cluster of {node} by {lost.claim}{', forced' if force else ''}")
        if self._cluster:
            raise command.ForgetError(self._cluster)


_HISTORY = "stack history --json --page-size 5"
_EXPORTS = [_HISTORY, "stack export", "stack export --show-secrets"]


def test_a_host_that_answers_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], speaks: Callable[[bytes], int]
) -> None:
    port = speaks(b"SSH-2.0-x\r\n")
    answering = _lost(door=Door("127.0.0.1", port, bastion=False))
    pulumi = _Pulumi(monkeypatch, answering)
    assert command.main(["worker-1", "--stack", "prod"]) == 1
    assert f"an SSH server answers at 127.0.0.1 port {port}" in capsys.readouterr().err
    assert pulumi.asked == _EXPORTS
    # By force nobody asks.
    pulumi = _Pulumi(monkeypatch, answering)
    monkeypatch.setattr(command, "answers", lambda _door: pytest.fail("asked"))
    assert command.main(["worker-1", "--stack", "prod", "--force"]) == 0
    assert pulumi.asked[3:] == [
        "cluster of worker-1 by acme/kubenode/prod, forced",
        "stack export",
        "stack import",
        _HISTORY,
    ]


def test_the_state_is_kept_until_the_cluster_has_let_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "answers", lambda _door: False)
    pulumi = _Pulumi(monkeypatch, _lost(), cluster="its kubelet runs")
    assert command.main(["worker-1", "--stack", "prod"]) == 1
    assert "its kubelet runs" in capsys.readouterr().err
    assert "stack import" not in pulumi.asked


def test_a_state_that_another_run_changed_is_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "answers", lambda _door: False)
    pulumi = _Pulumi(monkeypatch, _lost())
    pulumi.exports[1] = '{"deployment": {"resources": []}}'
    assert command.main(["worker-1", "--stack", "prod"]) == 1
    assert "the state was changed meanwhile" in capsys.readouterr().err
    assert "stack import" not in pulumi.asked


def test_a_run_that_began_and_ended_between_reading_and_writing_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "answers", lambda _door: False)
    pulumi = _Pulumi(monkeypatch, _lost())
    between = {"kind": "update", "startTime": "2026-01-31T12:05:00Z", "version": 8}
    pulumi.histories[1] = [between, *pulumi.histories[0]]
    assert command.main(["worker-1", "--stack", "prod"]) == 1
    said = capsys.readouterr().err
    assert "another run began and ended while its state was written" in said
    assert "run 'pulumi up': it takes up again what that run made" in said


def test_its_own_import_is_no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi's service lists it as an update of a kind of its own."""
    monkeypatch.setattr(command, "answers", lambda _door: False)
    pulumi = _Pulumi(monkeypatch, _lost())
    own = {"kind": "import", "startTime": "2026-01-31T12:05:00Z", "version": 8}
    pulumi.histories[1] = [own, *pulumi.histories[0]]
    assert command.main(["worker-1", "--stack", "prod"]) == 0


def test_behind_a_bastion_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "answers", lambda _door: pytest.fail("asked"))
    pulumi = _Pulumi(monkeypatch, _lost(door=Door("10.0.0.11", 22, bastion=True), operator=None))
    assert command.main(["worker-1", "--stack", "prod"]) == 0
    said = capsys.readouterr().err
    assert "behind a bastion" in said
    assert "nothing that it had in the cluster is in the state" in said
    assert "took 2 resources out of the state of prod" in said
    assert not any(one.startswith("cluster") for one in pulumi.asked)


def test_the_program_runs_where_its_launcher_is() -> None:
    project = Path(command.__file__).resolve().parents[2]
    assert (project / "components/local/run").is_file()
    assert project == command._PROJECT
