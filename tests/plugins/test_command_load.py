"""Many commands: hosts in parallel through the real engine, and one plugin over a thousand operations."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.plugins.install import install
from sandbox.plugins.values import encode
from tests.plugins.engine import Process
from tests.plugins.hosts import hosts, ran, scenario_on, total_dials
from tests.plugins.processes import eventually
from tests.plugins.sshd import Server, ssh_server

_PROGRAM = """
    for number in range(COMMANDS):
        command(f"c{number}", connection=host(f"h{number % len(HOSTS)}"), create=f"cat; cat {GATE}", delete="true",
            stdin=f"for {number}", logging="none", add_previous_output_in_env=False)
"""
_HOSTS, _COMMANDS = 20, 200
_OPERATIONS, _AT_ONCE = 1000, 8


def _opened(gate: Path) -> bool:
    """Let go those who wait at a fifo now; always true."""
    with contextlib.suppress(OSError):  # nobody waits
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
    return True


@pytest.mark.sandbox
@pytest.mark.long
def test_200_commands_on_20_hosts_in_one_up(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    open_at_once: list[int] = []
    with hosts(**{f"h{number}": {} for number in range(_HOSTS)}) as servers:

        def let_go_when_all_run(pulumi: Process) -> None:
            eventually(lambda: sum(len(server.runs) for server in servers.values()) == _COMMANDS, 300)
            open_at_once.extend(server.open_now for server in servers.values())
            eventually(lambda: _opened(gate) and pulumi.poll() is not None, 300)

        scenario = scenario_on(tmp_path, servers, _PROGRAM, COMMANDS=_COMMANDS, GATE=str(gate))
        scenario.parallel = _COMMANDS
        created = scenario.up(meanwhile=let_go_when_all_run)
        assert open_at_once == [_COMMANDS // _HOSTS] * _HOSTS
        for number in range(_COMMANDS):
            assert ran(created, f"c{number}") == [("create", f"h{number % _HOSTS}", f"for {number}")]
            assert created.outputs(f"c{number}")["stdout"] == f"for {number}"
        assert total_dials(created) == _COMMANDS
        destroyed = scenario.destroy("--parallel", str(_COMMANDS))
        assert destroyed.state == {}
        assert total_dials(destroyed) == _COMMANDS


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[tuple[int, provider_pb2_grpc.ResourceProviderStub]]:
    """The plugin as a process of its own: its process id, and what calls it."""
    install(tmp_path, Path(sys.executable))
    script = tmp_path / "pulumi-resource-command"
    with subprocess.Popen([script, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield process.pid, provider_pb2_grpc.ResourceProviderStub(channel)
        process.terminate()


def _resident_kilobytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _operate(stub: provider_pb2_grpc.ResourceProviderStub, host: Server, number: int) -> None:
    """Create and delete one remote command, or every tenth time a local one; some of them fail."""
    kind = "local" if number % 10 == 0 else "remote"
    script = "exit 3" if number % 7 == 0 else "cat"
    inputs: dict[str, Any] = {"create": script, "delete": script, "stdin": "x" * 10_000, "logging": "none"}
    if kind == "remote":
        inputs["connection"] = host.connection()
    urn, properties = f"urn:pulumi:s::p::command:{kind}:Command::c{number}", encode(inputs)
    with contextlib.suppress(grpc.RpcError):
        stub.Create(provider_pb2.CreateRequest(urn=urn, properties=properties))
    with contextlib.suppress(grpc.RpcError):
        stub.Delete(provider_pb2.DeleteRequest(urn=urn, id="c", properties=properties))


@pytest.mark.long
def test_nothing_stays_behind_after_1000_operations(
    plugin: tuple[int, provider_pb2_grpc.ResourceProviderStub],
) -> None:
    pid, stub = plugin
    half = _OPERATIONS // 2
    with ssh_server() as host, ThreadPoolExecutor(_AT_ONCE) as pool:

        def operate(numbers: range) -> None:
            list(pool.map(lambda number: _operate(stub, host, number), numbers))

        operate(range(half // 2))  # each two operations; modules and buffers that come once are there then
        before, files = _resident_kilobytes(pid), _open_files(pid)
        operate(range(half // 2, half))
        assert host.opened > _OPERATIONS * 0.85
        assert _open_files(pid) <= files + 2
        # A leak of one operation's input alone, 10 kB, would be 5 MB.
        assert _resident_kilobytes(pid) - before < 4000
