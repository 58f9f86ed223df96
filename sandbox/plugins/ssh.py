"""A connection to one host over SSH, the way the official command provider dials it.

Owns: retries, limits of time, one bastion hop. Does not own the login (`sshlogin.py`), nor what runs over it
(`sshrun.py`).

asyncssh, because one thread carries hundreds of commands. This module is imported when the first command
runs: a preview never needs it and starts 0.2 s sooner.

As the official provider does (pulumi-command, remote/connection.go; the texts are those of Go and its SSH library):
- every dial error is retried, a wrong host key too, `dialErrorLimit` times, waiting 0.1 s growing by half up
  to 5 s;
- behind a bastion a failed handshake is tried again on the connection that it closed, so that the error after
  a retry hides the cause;
- `perDialTimeout` bounds the TCP connection only: a host that takes it and says nothing is waited for as long as the
  connection stands, which the kernel asks after 15 s of silence, every 15 s and nine times;
- a name is looked up only if it is one of letters, digits, hyphens and underscores; no other alphabet is translated.
Different: the connection is closed when its command ends. The official provider keeps one open per command
until it exits, which no program can make use of and which would only fill the sandbox's hosts. And a dial ends if the
engine is gone.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypeVar

import asyncssh

from sandbox.plugins.base import PluginError, Stop
from sandbox.plugins.gotext import system_error
from sandbox.plugins.sshlogin import Credentials, Endpoint, credentials, why_no_handshake

_FIRST_PAUSE_SECONDS: Final = 0.1
_PAUSE_GROWTH: Final = 1.5
_LONGEST_PAUSE_SECONDS: Final = 5.0
_UNLIMITED: Final = -1
_GREATEST_PORT: Final = 65535
_LABEL: Final = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"(?=.*[A-Za-z_-]){_LABEL}(\.{_LABEL})*\.?")
# Go's own, of every connection that it dials.
_KEEPALIVE: Final = {
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 15,
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 15,
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 9,
}

T = TypeVar("T")
OnStatus = Callable[[str], Awaitable[None]]


class DialError(Exception):
    """A dial that failed; the text says how, as Go does."""


@asynccontextmanager
async def connect(
    endpoint: Endpoint, proxy: Endpoint | None, on_status: OnStatus, stop: Stop
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection, over the bastion if there is one; everything is closed at the end."""
    async with AsyncExitStack() as stack:
        dialer = _Dialer(on_status, stop)
        yield await stop.life.unless_abandoned(_connect(endpoint, proxy, dialer, stack))


async def _connect(
    endpoint: Endpoint, proxy: Endpoint | None, dialer: "_Dialer", stack: AsyncExitStack
) -> asyncssh.SSHClientConnection:
    target = await credentials(endpoint, stack)
    if proxy is None:
        connection = await dialer.dial("Dial", endpoint, lambda: _connect_tcp(target))
    else:
        try:
            connection = await _connect_over(await credentials(proxy, stack), target, dialer, stack)
        except PluginError as error:
            raise PluginError(f"proxy: {error}") from error
    stack.push_async_callback(_close, connection)
    return connection


async def _connect_over(
    proxy: Credentials, target: Credentials, dialer: "_Dialer", stack: AsyncExitStack
) -> asyncssh.SSHClientConnection:
    """In three steps, each with its own retries: the login to the bastion, the way on from it, the login behind it."""
    bastion = await dialer.dial("Dial proxy", proxy.endpoint, lambda: _connect_tcp(proxy))
    stack.push_async_callback(_close, bastion)
    endpoint = target.endpoint
    refused: DialError | None = None
    closed = DialError("ssh: handshake failed: EOF")

    async def way() -> asyncssh.SSHClientConnection | None:
        nonlocal refused
        login, options = target.login()
        try:
            return await bastion.connect_ssh(endpoint.host, endpoint.port, **options)
        except asyncssh.ChannelOpenError as error:
            raise DialError(f"ssh: rejected: connect failed ({error.reason})") from error
        except (OSError, asyncssh.Error) as error:  # there was a way, but no login
            refused = DialError(f"ssh: handshake failed: {why_no_handshake(login, error)}")
            return None

    async def login_() -> asyncssh.SSHClientConnection:
        nonlocal refused
        if connected is not None:
            return connected
        # The first failure is told as it was; those after it come from the connection that it closed.
        error, refused = refused or closed, closed
        raise error

    connected = await dialer.dial("Dial from proxy", endpoint, way)
    return await dialer.dial("Dial", endpoint, login_)


async def _close(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    await connection.wait_closed()


async def _connect_tcp(target: Credentials) -> asyncssh.SSHClientConnection:
    endpoint, (login, options) = target.endpoint, target.login()
    connected = await _open_socket(endpoint)
    try:
        return await asyncssh.connect(endpoint.host, endpoint.port, sock=connected, **options)
    except (OSError, asyncssh.Error) as error:
        connected.close()
        raise DialError(f"ssh: handshake failed: {why_no_handshake(login, error)}") from error
    except BaseException:
        connected.close()
        raise


async def _open_socket(endpoint: Endpoint) -> socket.socket:
    if not 0 <= endpoint.port <= _GREATEST_PORT:
        raise DialError(f"dial tcp: address {endpoint.port}: invalid port")
    try:
        async with asyncio.timeout(endpoint.per_dial_timeout_seconds or None):
            return await _first_that_answers(endpoint)
    except socket.gaierror:
        raise DialError(f"dial tcp: lookup {endpoint.host}: no such host") from None
    except OSError as error:
        # The kernel's own timeout has a number.
        reason = f"connect: {system_error(error)}" if error.errno else "i/o timeout"
        raise DialError(f"dial tcp {endpoint.address}: {reason}") from error


async def _first_that_answers(endpoint: Endpoint) -> socket.socket:
    host = endpoint.host or "localhost"  # so is Go's reading of none
    if not _is_address(host) and (len(host.rstrip(".")) > 253 or not _NAME.fullmatch(host)):
        raise socket.gaierror
    loop = asyncio.get_running_loop()
    last: OSError = socket.gaierror()
    for family, kind, protocol, _, address in await loop.getaddrinfo(
        host, endpoint.port, type=socket.SOCK_STREAM
    ):
        candidate = socket.socket(family, kind, protocol)
        try:
            candidate.setblocking(False)  # noqa: FBT003 - the socket module has it so
            for (level, option), value in _KEEPALIVE.items():
                candidate.setsockopt(level, option, value)
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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _Dialer:
    def __init__(self, on_status: OnStatus, stop: Stop) -> None:
        self._on_status, self._stop = on_status, stop

    async def dial(self, what: str, endpoint: Endpoint, attempt: Callable[[], Awaitable[T]]) -> T:
        limit = endpoint.dial_error_limit
        pause, dials = _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                return await attempt()
            except DialError as error:
                dials += 1
                if limit > _UNLIMITED and dials > limit:
                    raise PluginError(f"after {limit} failed attempts: {error}") from error
            await self._on_status(
                f"{what} {dials}/{'inf' if limit == _UNLIMITED else limit} failed: retrying"
            )
            try:
                why = await asyncio.wait_for(self._stop.wait(), pause)
            except TimeoutError:
                pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
            else:
                raise PluginError(why)
