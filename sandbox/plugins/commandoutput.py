"""What a command writes: kept for the state and for errors, and shown line by line.

Owns the two refusals of output: a logged line so long that the official provider would wait for ever, and what is not
UTF-8. Does not own how a command runs (`sshrun.py`, `localrun.py`).
"""

import asyncio
from typing import Final

from sandbox.plugins.base import Log, PluginError
from sandbox.plugins.gotext import quote
from sandbox.plugins.values import Properties

# The official provider reads what it logs with a scanner whose buffer holds one line with its end.
_LINE_BUFFER_BYTES: Final = 64 * 1024


class Output:
    """What a command writes, kept apart and in the order it came, and logged line by line if wanted. At its
    end every line has reached the engine."""

    def __init__(self, command: str, mode: str | None, log: Log) -> None:
        self._command = command
        self._logged = {
            False: mode in (None, "stdout", "stdoutAndStderr"),
            True: mode in (None, "stderr", "stdoutAndStderr"),
        }
        self._kept = {False: bytearray(), True: bytearray()}
        self._both = bytearray()
        self._line = bytearray()
        self._endless = False
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._log = log

    async def __aenter__(self) -> "Output":
        self._logging = asyncio.create_task(self._log_lines())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._line:
            self._end_line(b"")
        self._lines.put_nowait(None)
        await self._logging

    async def _log_lines(self) -> None:
        while (line := await self._lines.get()) is not None:
            await self._log.status(_text(line.removesuffix(b"\r")))

    def add(self, data: bytes, is_stderr: bool) -> None:  # noqa: FBT001 - a callback
        self._kept[is_stderr] += data
        self._both += data
        if self._logged[is_stderr]:
            *ends, rest = data.split(b"\n")
            for end in ends:
                self._end_line(end)
            self._line += rest
            self._endless |= len(self._line) >= _LINE_BUFFER_BYTES

    def _end_line(self, end: bytes) -> None:
        line = bytes(self._line + end)
        self._line = bytearray()
        self._endless |= len(line) >= _LINE_BUFFER_BYTES
        self._lines.put_nowait(line)

    def refuse_endless_wait(self) -> None:
        """Whatever else came of the command: with the official provider nobody would ever know."""
        if self._endless:
            raise PluginError(
                f"a line of {_LINE_BUFFER_BYTES} bytes or more was logged. The official command plugin waits for "
                'ever then. Fold the line, or set logging to "none": running ' + quote(self._command)
            )

    def outputs(self) -> Properties:
        return {
            "stdout": self._output("stdout", is_stderr=False),
            "stderr": self._output("stderr", is_stderr=True),
        }

    def _output(self, name: str, *, is_stderr: bool) -> str:
        try:
            return self._kept[is_stderr].decode().removesuffix("\n")
        except UnicodeDecodeError as error:
            raise PluginError(
                f"{name} is not UTF-8 (byte {error.start + 1}). The official command plugin hands it on as it is, and "
                "keeps the command in state; a program in Python ends then, in every run. Let the command write "
                f"UTF-8, or nothing: running {quote(self._command)}"
            ) from None

    def failure(self, reason: str) -> PluginError:
        return PluginError(f"{reason}: running {quote(self._command)}:\n{_text(self._both)}")


def _text(data: bytes | bytearray) -> str:
    """For people to read, as gRPC of Go has it: with a mark in the place of what is not UTF-8."""
    return data.decode(errors="replace")
