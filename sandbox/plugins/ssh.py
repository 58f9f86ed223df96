"""A connection to one host over SSH, the way the official command provider dials it.

Owns: authentication, host key pinning, retries, one bastion hop. Does not own what runs over it (`sshrun.py`).

asyncssh, because one thread carries hundreds of commands. This module is imported when the first command
runs: a preview never needs it and starts 0.2 s sooner.

As the official provider does (pulumi-command, remote/connection.go; the texts are those of Go and its SSH library):
- every dial error is retried, a wrong host key too, `dialErrorLimit` times, waiting 0.1 s growing by half up
  to 5 s;
- behind a bastion a failed handshake is tried again on the connection that it closed, so that the error after
  a retry hides the cause;
- `perDialTimeout` bounds the TCP connection only;
- `hostKey` is one authorized_keys line, and pins its algorithm; without it any host key is taken;
- a private key wins over an agent, but an agent socket that nobody serves fails the dial even then.
Different: the connection is closed when its command ends. The official provider keeps one open per command
until it exits, which no program can make use of and which would only fill the sandbox's hosts.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import asyncssh

from sandbox.plugins.base import PluginError, Stop
from sandbox.plugins.gotext import system_error

_FIRST_PAUSE_SECONDS: Final = 0.1
_PAUSE_GROWTH: Final = 1.5
_LONGEST_PAUSE_SECONDS: Final = 5.0
_UNLIMITED: Final = -1

T = TypeVar("T")
OnStatus = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Endpoint:
    """Where and as whom to log in: one hop."""

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    private_key: str | None = field(repr=False)
    private_key_password: str | None = field(repr=False)
    agent_socket: str | None
    host_key: str | None
    dial_error_limit: int
    per_dial_timeout_seconds: float

    @classmethod
    def of(cls, connection: dict[str, Any]) -> "Endpoint":
        return cls(
            host=connection["host"],
            port=int(connection.get("port") or 22),
            user=connection.get("user") or "root",
            password=connection.get("password"),
            private_key=connection.get("privateKey"),
            private_key_password=connection.get("privateKeyPassword"),
            agent_socket=connection.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK") or None,
            host_key=connection.get("hostKey"),
            dial_error_limit=int(connection.get("dialErrorLimit", 10)),
            per_dial_timeout_seconds=connection.get("perDialTimeout", 15),
        )

    @property
    def methods(self) -> list[str]:
        """How a login is tried, in this order; a key of an agent only where no other is given."""
        first = ["publickey"] if self.private_key is not None else []
        last = ["publickey"] if self.agent_socket is not None and not first else []
        return [*first, *(["password"] if self.password is not None else []), *last]

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@asynccontextmanager
async def connect(
    endpoint: Endpoint, proxy: Endpoint | None, on_status: OnStatus, stop: Stop
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection, over the bastion if there is one; everything is closed at the end."""
    async with AsyncExitStack() as stack:
        dialer = _Dialer(on_status, stop)
        options = await _options(endpoint, stack)
        if proxy is None:
            connection = await dialer.dial("Dial", endpoint, lambda: _connect_tcp(endpoint, options))
        else:
            try:
                connection = await _connect_over(proxy, endpoint, options, dialer, stack)
            except PluginError as error:
                raise PluginError(f"proxy: {error}") from error
        stack.push_async_callback(_close, connection)
        yield connection


async def _connect_over(
    proxy: Endpoint, endpoint: Endpoint, options: dict[str, Any], dialer: "_Dialer", stack: AsyncExitStack
) -> asyncssh.SSHClientConnection:
    """In three steps, each with its own retries: the login to the bastion, the way on from it, the login behind it."""
    proxy_options = await _options(proxy, stack)
    bastion = await dialer.dial("Dial proxy", proxy, lambda: _connect_tcp(proxy, proxy_options))
    stack.push_async_callback(_close, bastion)
    refused: Exception | None = None
    closed = asyncssh.ConnectionLost("EOF")

    async def way() -> asyncssh.SSHClientConnection | None:
        nonlocal refused
        try:
            return await bastion.connect_ssh(endpoint.host, endpoint.port, config=None, **options)
        except asyncssh.ChannelOpenError:
            raise
        except (OSError, asyncssh.Error) as error:  # there was a way, but no login
            refused = error
            return None

    async def login() -> asyncssh.SSHClientConnection:
        nonlocal refused
        if connected is not None:
            return connected
        # The first failure is told as it was; those after it come from the connection that it closed.
        error, refused = refused or closed, closed
        raise error

    connected = await dialer.dial("Dial from proxy", endpoint, way)
    return await dialer.dial("Dial", endpoint, login)


async def _close(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    await connection.wait_closed()


async def _options(endpoint: Endpoint, stack: AsyncExitStack) -> dict[str, Any]:
    trusted: dict[str, Any] = {"known_hosts": None}
    if endpoint.host_key is not None:
        try:
            pinned = asyncssh.import_public_key(endpoint.host_key)
        except asyncssh.KeyImportError as error:
            raise PluginError("failed to parse host key: ssh: no key found") from error
        trusted["known_hosts"] = ([pinned], [], [])
        trusted["server_host_key_algs"] = [pinned.algorithm.decode()]
    keys: list[Any] = []
    try:
        if endpoint.private_key is not None:
            # In a thread: the derivation of a key from a passphrase takes long on purpose.
            load = asyncssh.import_private_key
            keys = [await asyncio.to_thread(load, endpoint.private_key, endpoint.private_key_password)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise PluginError(_why_no_key(endpoint, error)) from None  # whose text may quote the key
    if endpoint.agent_socket is not None:
        try:
            agent = await stack.enter_async_context(asyncssh.connect_agent(endpoint.agent_socket))
            keys = keys or list(await agent.get_keys())
        except (OSError, ValueError) as error:
            raise PluginError(f"dial unix {endpoint.agent_socket}: connect: {system_error(error)}") from error
    return {
        "username": endpoint.user,
        "password": endpoint.password,
        "client_keys": keys or None,
        "agent_path": None,
        "client_host_keysign": False,
        "keepalive_interval": 0,
        **trusted,
    }


async def _connect_tcp(endpoint: Endpoint, options: dict[str, Any]) -> asyncssh.SSHClientConnection:
    timeout = endpoint.per_dial_timeout_seconds or None
    connected = await asyncio.wait_for(_open_socket(endpoint.host, endpoint.port), timeout)
    try:
        return await asyncssh.connect(endpoint.host, endpoint.port, sock=connected, config=None, **options)
    except BaseException:
        connected.close()
        raise


async def _open_socket(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    last: OSError = OSError(f"no address for {host}")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        candidate = socket.socket(family, kind, protocol)
        candidate.setblocking(False)  # noqa: FBT003 - the socket module has it so
        try:
            await loop.sock_connect(candidate, address)
        except OSError as error:
            candidate.close()
            last = error
        except BaseException:
            candidate.close()
            raise
        else:
            return candidate
    raise last


class _Dialer:
    def __init__(self, on_status: OnStatus, stop: Stop) -> None:
        self._on_status, self._stop = on_status, stop

    async def dial(self, what: str, endpoint: Endpoint, attempt: Callable[[], Awaitable[T]]) -> T:
        limit = endpoint.dial_error_limit
        pause, dials = _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                return await attempt()
            except (OSError, asyncssh.Error) as error:
                dials += 1
                if limit > _UNLIMITED and dials > limit:
                    raise PluginError(f"after {limit} failed attempts: {_reason(endpoint, error)}") from error
            await self._on_status(f"{what} {dials}/{limit if limit > _UNLIMITED else 'inf'} failed: retrying")
            try:
                why = await asyncio.wait_for(self._stop.wait(), pause)
            except TimeoutError:
                pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
            else:
                raise PluginError(why)


def _reason(endpoint: Endpoint, error: Exception) -> str:
    if isinstance(error, asyncssh.ChannelOpenError):
        return f"ssh: rejected: connect failed ({error.reason})"
    if isinstance(error, asyncssh.Error):
        return f"ssh: handshake failed: {_why_no_handshake(endpoint, error)}"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {endpoint.host}: no such host"
    if isinstance(error, TimeoutError):
        return f"dial tcp {endpoint.address}: i/o timeout"
    return f"dial tcp {endpoint.address}: connect: {system_error(error)}"


def _why_no_handshake(endpoint: Endpoint, error: asyncssh.Error) -> str:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return "ssh: host key mismatch"
    if isinstance(error, asyncssh.PermissionDenied):
        tried = " ".join(["none", *endpoint.methods])
        return f"ssh: unable to authenticate, attempted methods [{tried}], no supported methods remain"
    if isinstance(error, asyncssh.ConnectionLost):
        return "EOF"
    return str(error)


def _why_no_key(endpoint: Endpoint, error: Exception) -> str:
    encrypted = "ENCRYPTED" in (endpoint.private_key or "") or "passphrase" in str(error).lower()
    if not encrypted:
        return "ssh: no key found"
    if endpoint.private_key_password is None:
        return "ssh: this private key is passphrase protected"
    return "x509: decryption password incorrect"
