"""Limits of commands, and how one ends early.

One program for what ends by itself; then one in which pulumi is interrupted while commands run.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.behaviours import behaviour, bug, counter
from tests.plugins.engine import Process
from tests.plugins.hosts import closed_port, dials, hosts, ran, scenario_on, slow
from tests.plugins.processes import alive, eventually
from tests.plugins.scenario import Phase
from tests.plugins.sshd import Server

_SCANNER = "util/util.go"
_CANCEL = "pulumi-go-provider middleware/cancel"
_MEGABYTE = 1024 * 1024
_LONG_LOGIN_SECONDS = 125  # some libraries give up after 120

_PROGRAM = """
    def brief(name, kind=command, **inputs):
        return kind(name, opts=ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1s")), **inputs)
    def line(bytes):
        return f"head -c {bytes} /dev/zero | tr '\\\\0' x; echo"

    first = command("first", create="true", connection=host("counted"))
    second = command("second", create="true", connection=host("counted"), opts=ResourceOptions(depends_on=first))
    command("third", create="true", connection=host("counted"), opts=ResourceOptions(depends_on=second))

    command("line-fits", create=line(65535))
    command("line-unlogged", create=line(200000), logging="none")
    command("line-of-the-other", create=line(200000), logging="stderr")
    if LONG_LINES:
        command("line-long", create=line(65536))
        local.Command("line-long-local", create=line(65536))

    command("large", create="cksum", stdin="0123456789abcdef" * 65536, logging="none")

    closed = host(port=CLOSED, dial_error_limit=-1)
    brief("remote-outlives", create="sleep 2; echo done")
    brief("remote-late", create="true", connection=closed)
    brief("remote-mute", create="true", connection=host(port=MUTE))
    brief("local-outlives", local.Command, create="exec sleep 60")
    brief("local-in-time", local.Command, create="echo done")
"""
_INTERRUPTED = """
    command("runs", create=f"echo begun; cat {GATE} >/dev/null; echo ended", logging="none")
    command("dials", create="true", connection=host(port=CLOSED, dial_error_limit=-1))
    local.Command("here", create=f"echo $$ > {PID}; exec sleep 60")
"""

_LATE = """
    command("late", create="echo done", connection=host(port=PORT))
"""


@dataclass
class Ended:
    phase: Phase
    servers: dict[str, Server]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    directory: Path = tmp_path_factory.mktemp("limits")
    with hosts(one={}, counted={}) as servers, slow(2) as mute:
        official = os.environ.get("KUBENODE_TOOLS") == "system"  # which would never end
        more = {"CLOSED": closed_port(), "MUTE": mute, "LONG_LINES": not official}
        scenario = scenario_on(directory, servers, _PROGRAM, **more)
        yield Ended(scenario.up("--continue-on-error", fails=None), servers)


# What ends by itself


@behaviour(
    "a stdin of a megabyte arrives whole", source="remote/commandOutputs.go", but="it is not part of stdout"
)
def test_large_stdin(ended: Ended) -> None:
    assert ended.phase.outputs("large")["stdout"].split()[1] == str(_MEGABYTE)
    assert [len(each.stdin) for each in ran(ended.phase, "large")] == [_MEGABYTE]


@bug(
    "each remote command's connection stays open until the plugin ends, so that a host with many commands has as many "
    "idle sessions",
    source="remote/commandOutputs.go: only the session is closed",
    decision="not copied",
    here="closed when the command has ended. No program can use the open one; it would only fill the hosts",
)
def test_connections_are_closed(ended: Ended) -> None:
    assert [run.open_when_begun for run in ended.phase.seen["counted"]] == [1, 1, 1]
    assert dials(ended.phase, "counted") == 3


@behaviour(
    "a logged line may have 65535 bytes",
    source=_SCANNER,
    but="a line that is not logged, because `logging` names neither or the other stream, may be of any length",
)
def test_line_that_fits(ended: Ended) -> None:
    assert [len(line) for line in ended.phase.messages("line-fits")] == [65535]
    for name in ("line-unlogged", "line-of-the-other"):
        assert len(ended.phase.outputs(name)["stdout"]) == 200000


@bug(
    "a logged line of 65536 bytes or more: the command never returns, and pulumi waits for ever",
    source=f"{_SCANNER}: the scanner gives up, and nobody reads the pipe any more",
    decision="refused",
    here="an error that says so, once the command has ended",
)
@pytest.mark.parametrize("name", ["line-long", "line-long-local"])
def test_line_that_is_too_long(ended: Ended, name: str) -> None:
    text = ended.phase.error(name)
    assert (
        "a line of 65536 bytes or more was logged. The official command plugin waits for ever then." in text
    )
    assert name not in ended.phase.state


@behaviour(
    "`custom_timeouts` end the dialling, and a local command, which is killed",
    source=f"{_CANCEL}; seen",
    but="not a remote command that runs: neither the command nor the wait for it",
)
def test_custom_timeouts(ended: Ended) -> None:
    assert ended.phase.error("remote-late").rstrip("\n") == "context deadline exceeded"
    assert ended.phase.error("local-outlives").startswith("signal: killed: running ")
    assert ended.phase.outputs("remote-outlives")["stdout"] == "done"
    assert ended.phase.outputs("local-in-time")["stdout"] == "done"


@bug(
    "a host that takes the connection and never greets is waited for as long as the connection stands: no limit of its "
    "own, neither `perDialTimeout` nor `custom_timeouts`, ends that, nor does an interrupt",
    source="golang.org/x/crypto ssh/client.go, Dial; remote/connection.go",
    decision="copied",
    here="the same: a host may greet late. Only the end of pulumi ends it, which it does not there",
)
def test_no_limit_on_a_greeting(ended: Ended) -> None:
    text = ended.phase.error("remote-mute")
    assert text.startswith("after 0 failed attempts: ssh: handshake failed: ")
    assert "timeout" not in text


@pytest.mark.long
@counter(test_custom_timeouts, but="nor a login that takes minutes")
def test_no_limit_on_a_login(tmp_path: Path) -> None:
    with hosts(one={}) as servers, slow(_LONG_LOGIN_SECONDS, servers["one"]) as port:
        assert scenario_on(tmp_path, servers, _LATE, PORT=port).up().outputs("late")["stdout"] == "done"


# Interrupted


@dataclass
class Interrupted:
    phase: Phase
    again: Phase
    pid: int


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interrupted]:
    """Pulumi got a SIGINT while a remote command ran, one was dialled and a local one ran."""
    directory: Path = tmp_path_factory.mktemp("interrupted")
    gate, pid = directory / "gate", directory / "pid"
    os.mkfifo(gate)
    with hosts(one={}) as servers:
        host = servers["one"]

        def interrupt(pulumi: Process) -> None:
            eventually(lambda: host.runs and pid.exists() and pid.read_text().strip())
            pulumi.send_signal(signal.SIGINT)
            eventually(lambda: not alive(int(pid.read_text())))
            gate.open("w").close()

        scenario = scenario_on(
            directory, servers, _INTERRUPTED, CLOSED=closed_port(), GATE=str(gate), PID=str(pid)
        )
        phase = scenario.up(fails=True, meanwhile=interrupt)
        yield Interrupted(phase, scenario.again(), int(pid.read_text()))


@behaviour(
    "an interrupt of pulumi does not end a remote command: it runs to its end, and its resource is in state",
    source="remote/commandOutputs.go: `session.Run` knows no context",
    but="pulumi ends with an error all the same",
)
def test_interrupt_leaves_a_remote_command(interrupted: Interrupted) -> None:
    assert interrupted.phase.failed
    assert interrupted.phase.outputs("runs")["stdout"] == "begun\nended"
    assert interrupted.again.ops("runs") == ["same"]


@counter(test_interrupt_leaves_a_remote_command, but="it ends dialling")
def test_interrupt_ends_dialling(interrupted: Interrupted) -> None:
    assert interrupted.phase.error("dials").rstrip("\n") == "context canceled"
    assert interrupted.again.ops("dials") == ["create"]


@counter(test_interrupt_leaves_a_remote_command, but="it kills a local command")
def test_interrupt_kills_a_local_command(interrupted: Interrupted) -> None:
    assert interrupted.phase.error("here").startswith("signal: killed: running ")
    assert "here" not in interrupted.phase.state
