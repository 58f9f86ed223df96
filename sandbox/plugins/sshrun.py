"""One command over a connection, the way the official command provider runs it.

Owns the session: variables, standard input, output as it comes, how the command ended. Does not own the connection
(`ssh.py`), nor what the command means. As the official provider does (pulumi-command, remote/commandOutputs.go; the
texts are those of Go's SSH library):
- a variable of `environment` that the server does not take is an error, one of the previous output a warning;
- a command that ends well without having read all of a large standard input fails with "EOF" (there by chance, if it
  ends soon; here always);
- nothing ends a running command early, neither cancelling nor a timeout.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import asyncssh
from asyncssh.packet import String

from sandbox.plugins.base import PluginError
from sandbox.plugins.gotext import quote

OnOutput = Callable[[bytes, bool], None]  # (data, is it stderr)
OnMessage = Callable[[str], Awaitable[None]]

_REFUSED: Final = (
    "Unable to set '{name}'. This only works if your SSH server is configured to accept\n"
    "\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, "
    "you could\n\tprefix the command itself with the variables in the form 'VAR=value command'"
)


@dataclass(frozen=True)
class Ended:
    """How a command ended: with a status, by a signal, or (neither) with its connection. `took_input`: all of its
    standard input went out."""

    status: int | None
    signal: str | None
    took_input: bool

    @property
    def failure(self) -> str | None:
        if self.signal:
            number = getattr(signal, f"SIG{self.signal}", 0)
            return f"Process exited with status {128 + number} from signal {self.signal}"
        if self.status is None:
            return "wait: remote command exited without exit status or exit signal"
        if self.status:
            return f"Process exited with status {self.status}"
        return None if self.took_input else "EOF"


@dataclass(frozen=True)
class Work:
    """What to run. The server must take the variables of `environment` and may refuse `previous_output`."""

    command: str
    stdin: str | None = field(repr=False)
    environment: dict[str, str]
    previous_output: dict[str, str]


@dataclass(frozen=True)
class Listener:
    """Who hears of a running command: of its output, and of a variable that the server did not take."""

    on_output: OnOutput
    on_warning: OnMessage
    on_error: OnMessage


async def run(connection: asyncssh.SSHClientConnection, work: Work, listener: Listener) -> Ended:
    """Run a command to its end."""
    unsent = False

    class Session(asyncssh.SSHClientSession[bytes]):
        def data_received(self, data: bytes, datatype: int | None) -> None:
            listener.on_output(data, datatype == asyncssh.EXTENDED_DATA_STDERR)

        def pause_writing(self) -> None:
            nonlocal unsent
            unsent = True

        def resume_writing(self) -> None:
            nonlocal unsent
            unsent = False

    channel: Any
    try:
        if work.environment or work.previous_output:
            channel = await _open_with_environment(connection, Session, work, listener)
        else:
            channel, _ = await connection.create_session(Session, work.command, encoding=None)
    except (OSError, asyncssh.Error) as error:
        raise PluginError(f"cannot start the command: {error}") from error
    channel.set_write_buffer_limits(high=0)  # paused as long as anything waits for the host to read
    with suppress(BrokenPipeError):  # it has ended already
        if work.stdin:
            channel.write(work.stdin.encode())
        channel.write_eof()
    await channel.wait_closed()
    signal_, status = channel.get_exit_signal(), channel.get_exit_status()
    return Ended(
        None if status is None or status < 0 else status,
        signal_[0] if signal_ else None,
        took_input=not unsent,
    )


async def _open_with_environment(
    connection: Any, session: type, work: Work, listener: Listener
) -> "asyncssh.SSHClientChannel[bytes]":
    """asyncssh sends variables without asking whether they were taken; the official provider asks. This
    reaches below its public surface between the opening of the channel and the command."""

    class Channel(asyncssh.SSHClientChannel[bytes]):
        async def _open(self, chantype: bytes, *args: bytes) -> Any:
            packet = await super()._open(chantype, *args)
            for name, value in {**work.environment, **work.previous_output}.items():
                if await self._make_request(b"env", String(name), String(value)):
                    continue
                advice = _REFUSED.format(name=name)
                if name not in work.environment:
                    await listener.on_warning(advice)
                    continue
                await listener.on_error(advice)
                self.close()
                raise PluginError(f"could not set environment variable {quote(name)}: ssh: setenv failed")
            return packet

    window, packet_size = 2 * 1024 * 1024, 32768  # asyncssh's own defaults
    channel = Channel(connection, asyncio.get_running_loop(), "strict", None, "strict", window, packet_size)
    await channel.create(
        session,
        work.command,
        subsystem=None,
        env={},
        request_pty=False,
        term_type=None,
        term_size=None,
        term_modes={},
        x11_forwarding=False,
        x11_display=None,
        x11_auth_path=None,
        x11_single_connection=False,
        agent_forwarding=False,
    )
    return channel
