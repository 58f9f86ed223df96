"""The hosts of a scenario: SSH servers by name, how its program names them, and what they saw in a phase.

Owns the part of a program that makes remote commands. Does not own the servers (`sshd.py`) nor the phases
(`scenario.py`).
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario
from tests.plugins.sshd import PASSWORD, Server, ssh_server

# `host` is a complete connection to a host by its name. `command` marks each of its scripts with the resource's name
# and the verb, which is how `ran` knows them again.
_HEAD: Final = """
    from pulumi_command import local, remote
    def host(name="one", kind=remote.ConnectionArgs, **more):
        login = dict(user="tester", password=Output.secret(PASSWORD), host_key=HOSTS[name]["host_key"],
            dial_error_limit=0, per_dial_timeout=5)
        given = {key: value for key, value in {**login, **more}.items() if value is not None}
        return kind(**{"host": "127.0.0.1", "port": HOSTS[name]["port"], **given})
    def command(name, connection=None, opts=None, **inputs):
        for verb in ("create", "update", "delete"):
            if inputs.get(verb) is not None:
                inputs[verb] = f": {name} {verb}; " + inputs[verb]
        return remote.Command(name, connection=connection or host(), opts=opts, **inputs)
"""
_MARK: Final = re.compile(r": (\S+) (create|update|delete); ")


class Ran(NamedTuple):
    """One script of a resource as a host saw it."""

    verb: str
    host: str
    stdin: str


@contextmanager
def hosts(**settings: Mapping[str, Any]) -> Iterator[dict[str, Server]]:
    """Running servers by name, each with its own settings."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(ssh_server(**each)) for name, each in settings.items()}


def scenario_on(directory: Path, servers: Mapping[str, Server], program: str, **values: Any) -> Scenario:
    """A new project whose program knows `host` and `command`; each host's runs and dials are watched."""
    watch: dict[str, Callable[[], Sequence[Any]]] = {}
    for name, server in servers.items():
        watch[name] = partial(list, server.runs)
        watch[f"{name}.dials"] = partial(list, server.dials)
    named = {
        name: {"port": server.port, "host_key": server.host_key_line} for name, server in servers.items()
    }
    project = new_project(directory, directory / "home")
    project.environment.pop("SSH_AUTH_SOCK", None)
    scenario = Scenario(project, watch, {"HOSTS": named, "PASSWORD": PASSWORD, **values})
    scenario.write(_HEAD + program)
    return scenario


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def slow(seconds: float, server: Server | None = None) -> Iterator[int]:
    """A port that takes a connection and says nothing for a while; then it goes on to the server, or ends."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return  # nobody came
            with connection:
                threading.Event().wait(seconds)
                if server is None:
                    connection.recv(1024)
                    return
                with socket.create_connection(("127.0.0.1", server.port)) as way:
                    back = threading.Thread(target=_pump, args=(way, connection))
                    back.start()
                    _pump(connection, way)
                    back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def ran(phase: Phase, resource: str) -> list[Ran]:
    """What ran of a resource in a phase, per host in order."""
    found = []
    for host, runs in phase.seen.items():
        for run in runs:
            mark = None if host.endswith(".dials") else _MARK.match(run.command)
            if mark and mark[1] == resource:
                found.append(Ran(mark[2], host, run.stdin.decode()))
    return found


def dials(phase: Phase, host: str) -> int:
    """How many connections a host saw in a phase."""
    return len(phase.seen[f"{host}.dials"])


def total_dials(phase: Phase) -> int:
    """How many connections all hosts saw together."""
    return sum(len(seen) for name, seen in phase.seen.items() if name.endswith(".dials"))
