"""An SSH server in the test's own process, which keeps what an sshd would only log.

Runs commands with sh on this machine. Knows one password and any number of keys.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.channel import SSHServerChannel

_SERVER = "server_of_a_test"
_KEEPALIVE_TIMER = "02"
_LOOKS = 100
_TAKE_VARIABLE = SSHServerChannel._process_env_request


def _process_env_request(channel: Any, packet: Any) -> bool:
    """asyncssh's server takes every variable; sshd takes those of AcceptEnv only."""
    if channel.get_extra_info(_SERVER).accept_environment:
        return bool(_TAKE_VARIABLE(channel, packet))
    packet.get_string(), packet.get_string(), packet.check_end()
    return False


SSHServerChannel._process_env_request = _process_env_request  # type: ignore[method-assign,assignment]

PASSWORD = "the-password-of-a-test"
DROP = "lose the connection"


@dataclass
class Run:
    """One command as the host saw it. `open_when_begun`: how many connections the host had then; `terminal`: the kind
    that it was asked for; `asked_after`: the seconds of silence after which the other side's kernel asks whether the
    host is still there, None if nobody watched."""

    command: str
    user: str
    environment: dict[str, str]
    open_when_begun: int
    terminal: str | None
    asked_after: float | None
    stdin: bytearray = field(default_factory=bytearray)


@dataclass
class Server:
    """A running server and what it has seen. `drop_first`: as many connections end before a login is possible;
    `questions`: rounds of them, each to be answered with the password, in place of the password itself;
    `watch_keepalive`: no command begins before the other side's kernel watches over its connection. A command that
    contains DROP loses its connection."""

    port: int = 0
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    dials: list[str] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0
    runs: list[Run] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)
    host_key_algorithms: tuple[str, ...] = ()
    accept_environment: bool = False
    drop_first: int = 0
    questions: tuple[tuple[str, ...], ...] = ()
    watch_keepalive: bool = False
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    @property
    def host_key_line(self) -> str:
        return self.host_key.export_public_key().decode().strip()

    @property
    def opened(self) -> int:
        return len(self.dials)

    @property
    def commands(self) -> list[str]:
        return [run.command for run in self.runs]

    def drop_connections(self) -> None:
        for each in list(self.connections):
            each.abort()

    def connection(self, **more: Any) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "tester",
            "password": PASSWORD,
            "hostKey": self.host_key_line,
            "dialErrorLimit": 1,
            "perDialTimeout": 5,
            **more,
        }


@contextmanager
def ssh_server(**settings: Any) -> Iterator[Server]:
    server, loop = Server(**settings), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(_listen(server), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_close(server, listener), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _kernel_asks_after(port: int) -> float | None:
    """Of a connection from this port of this machine: when its kernel asks next whether the other side is there."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, _, _, timer, *_ = line.split()
        kind, _, jiffies = timer.partition(":")
        if int(local.partition(":")[2], 16) == port:
            return int(jiffies, 16) / os.sysconf("SC_CLK_TCK") if kind == _KEEPALIVE_TIMER else None
    return None


async def _copy(source: Any, target: Any, kept: bytearray | None = None) -> None:
    try:
        while data := await source.read(65536):
            if kept is not None:
                kept += data
            target.write(data)
            await target.drain()
        if isinstance(target, asyncio.StreamWriter):
            target.close()
    except (OSError, asyncssh.Error):
        pass  # the reader is gone


async def _close(server: Server, listener: asyncssh.SSHAcceptor) -> None:
    listener.close()
    server.drop_connections()
    await listener.wait_closed()
    await asyncio.sleep(0.01)  # for what the connections leave behind to end


async def _listen(server: Server) -> asyncssh.SSHAcceptor:
    class Login(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn
            server.connections.add(conn)
            server.dials.append(conn.get_extra_info("peername")[0])
            server.open_now += 1
            server.most_open = max(server.most_open, server.open_now)
            conn.set_extra_info(**{_SERVER: server})
            if server.opened <= server.drop_first:
                conn.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            server.open_now -= 1
            server.connections.discard(self._connection)

        def begin_auth(self, username: str) -> bool:
            server.users.append(username)
            return True

        def password_auth_supported(self) -> bool:
            return not server.questions

        def kbdint_auth_supported(self) -> bool:
            return bool(server.questions)

        def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
            self._rounds = list(server.questions)
            return self._next_round()

        def validate_kbdint_response(self, username: str, responses: Any) -> Any:
            if list(responses) != [PASSWORD] * len(self._asked):
                return False
            return self._next_round() if self._rounds else True

        def _next_round(self) -> Any:
            self._asked = self._rounds.pop(0)
            return "", "", "", [(question, False) for question in self._asked]

        def validate_password(self, username: str, password: str) -> bool:
            return password == PASSWORD

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return key.export_public_key().decode().split()[1] in [
                each.split()[1] for each in server.authorized
            ]

        def connection_requested(self, *_: Any) -> bool:
            return True  # so that it can be a bastion

    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        environment = {str(name): str(value) for name, value in process.env.items()}
        user = str(process.get_extra_info("username"))
        asked_after = None
        looks = _LOOKS if server.watch_keepalive else 0  # for the kernel to have nothing else to wait for
        while asked_after is None and (looks := looks - 1) >= 0:
            await asyncio.sleep(0.05)
            asked_after = _kernel_asks_after(process.get_extra_info("peername")[1])
        run = Run(process.command or "", user, environment, server.open_now, process.term_type, asked_after)
        server.runs.append(run)
        if DROP in run.command:
            process.get_extra_info("connection").abort()
            return
        child = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            run.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", **environment},
        )
        feeding = asyncio.create_task(_copy(process.stdin, child.stdin, run.stdin))
        await asyncio.gather(_copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr))
        status = await child.wait()
        feeding.cancel()
        if status < 0:
            process.exit_with_signal("KILL")
        else:
            process.exit(status)

    (pair,) = asyncssh.load_keypairs([server.host_key])
    if server.host_key_algorithms:
        pair.host_key_algorithms = tuple(each.encode() for each in server.host_key_algorithms)
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Login,
        server_host_keys=[pair],
        process_factory=handle,
        encoding=None,
        config=None,
    )
    server.port = listener.get_port()
    return listener
