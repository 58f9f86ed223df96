"""An SSH server in the test's own process, which counts what an sshd would only log.

Runs commands with sh on this machine. Knows one password and any number of keys.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from asyncssh.channel import SSHServerChannel

_ASYNCSSH_ENV_REQUEST = SSHServerChannel._process_env_request

PASSWORD = "the-password-of-a-test"


@dataclass
class Server:
    """A running server and what it has seen."""

    port: int = 0
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    opened: int = 0
    open_now: int = 0
    most_open: int = 0
    commands: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)
    host_key_algorithms: tuple[str, ...] = ()
    accept_environment: bool = False
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    @property
    def host_key_line(self) -> str:
        return self.host_key.export_public_key().decode().strip()

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


async def _copy(source: Any, target: Any) -> None:
    try:
        while data := await source.read(65536):
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
            server.opened += 1
            server.open_now += 1
            server.most_open = max(server.most_open, server.open_now)

        def connection_lost(self, exc: Exception | None) -> None:
            server.open_now -= 1
            server.connections.discard(self._connection)

        def begin_auth(self, username: str) -> bool:
            server.users.append(username)
            return True

        def password_auth_supported(self) -> bool:
            return True

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

    # asyncssh's server takes every variable; sshd takes those of AcceptEnv only.
    accept = _ASYNCSSH_ENV_REQUEST

    def process_env_request(channel: Any, packet: Any) -> bool:
        if server.accept_environment:
            return bool(accept(channel, packet))
        packet.get_string(), packet.get_string(), packet.check_end()
        return False

    SSHServerChannel._process_env_request = process_env_request  # type: ignore[method-assign,assignment]

    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        server.commands.append(command)
        child = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", **{str(k): str(v) for k, v in process.env.items()}},
        )
        feeding = asyncio.create_task(_copy(process.stdin, child.stdin))
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
