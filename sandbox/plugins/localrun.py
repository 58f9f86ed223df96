"""One command on this machine, the way the official command provider runs it.

Owns the process: its directory, environment and standard input, output as it comes, how it ended. Does not own what the
command means. As the official provider does (pulumi-command, local/commandOutputs.go; the texts are those of Go):
- it runs in the project directory and with the whole environment; a variable that holds a NUL fails it;
- cancelling and `custom_timeouts` kill it. The end of the engine does not.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.plugins.base import Stop
from sandbox.plugins.gotext import quote, system_error

OnOutput = Callable[[bytes, bool], None]  # (data, is it stderr)


@dataclass(frozen=True)
class Work:
    """What to run. `environment` comes on top of the plugin's own."""

    arguments: list[str]
    stdin: str | None = field(repr=False)
    directory: str | None
    environment: dict[str, str]


async def run(work: Work, on_output: OnOutput, stop: Stop) -> str | None:
    """Run a command to its end; None, or what went wrong."""
    # The system divides a variable at its first `=`.
    divided = [f"{name}={value}".split("=", 1) for name, value in work.environment.items()]
    environment = {name: value for name, value in divided if name}
    try:
        process = await asyncio.create_subprocess_exec(
            *work.arguments,
            cwd=work.directory or None,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.PIPE if work.stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:  # the second is for a NUL
        return _why_not_begun(work.arguments[0], environment, work.directory, error)
    watch = asyncio.create_task(_kill_when(stop, process))
    try:
        await asyncio.gather(
            _feed(process.stdin, work.stdin),
            _collect(process.stdout, on_output, is_stderr=False),
            _collect(process.stderr, on_output, is_stderr=True),
        )
        status = await process.wait()
    finally:
        watch.cancel()
    if status < 0:
        return f"signal: {signal.strsignal(-status)}".lower()
    return f"exit status {status}" if status else None


async def _feed(stream: asyncio.StreamWriter | None, text: str | None) -> None:
    if stream is None or text is None:
        return
    try:
        stream.write(text.encode())
        await stream.drain()
        stream.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended without reading its input; its exit status tells what that means


async def _collect(stream: asyncio.StreamReader | None, on_output: OnOutput, *, is_stderr: bool) -> None:
    while stream is not None and (data := await stream.read(65536)):
        on_output(data, is_stderr)


async def _kill_when(stop: Stop, process: asyncio.subprocess.Process) -> None:
    await stop.wait()
    process.kill()


def _why_not_begun(
    program: str, environment: dict[str, str], directory: str | None, error: OSError | ValueError
) -> str:
    reason = system_error(error) if isinstance(error, OSError) else "invalid argument"
    if "/" not in program and shutil.which(program) is None:
        return f"exec: {quote(program)}: executable file not found in $PATH"
    if any("\0" in each for variable in environment.items() for each in variable):
        return "exec: environment variable contains NUL"
    if directory and ("\0" in directory or not os.path.exists(directory)):
        return f"chdir {directory}: {reason}"
    return f"fork/exec {program}: {reason}"
