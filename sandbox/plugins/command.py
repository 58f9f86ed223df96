# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""The command provider: command:remote:Command, command:local:Command and the function command:local:run.

Owns their whole life as the official provider 1.2.1 has it (pulumi-command, provider/pkg/provider, on top of
pulumi-go-provider's infer). What a program can notice, and is easy to get wrong:
- any changed input is an update in place, which runs `update`, else `create` once more; only a whole
  `triggers` that appears or goes replaces (the SDK itself asks for it when an element changes);
- `delete` runs with what the state has: old connection, old stdin; without `delete` nothing runs;
- a create that fails leaves nothing in state, an update that fails leaves the old inputs there;
- all of `connection` is secret; stdout and stderr are not, even when stdin is;
- in a preview, stdout and stderr are unknown as soon as one old input changes;
- an error shows the command and its combined output;
- a variable of the environment that holds a NUL fails a local command;
- what ends a dial, or a local command, early: cancelling, and `custom_timeouts`. Neither ends a remote command.
Not here: CopyToRemote, CopyFile, assetPaths and archivePaths. Refused: a logged line that is so long that the
official provider would wait for ever, and output that is not UTF-8, of which the program would die.
"""

import asyncio
import os
import secrets
import shutil
import signal
from typing import Final

from sandbox.plugins import VERSIONS
from sandbox.plugins.base import Call, Diff, Failure, Log, Plugin, PluginError, Resource, Stop, serve
from sandbox.plugins.gotext import quote, system_error
from sandbox.plugins.values import UNKNOWN, Properties, Unknown, has_unknown, plain, same, secret

_TEXT: Final = (str,)
_NUMBER: Final = (int, float)
_COMMON_INPUTS: Final[dict[str, tuple[type, ...]]] = {
    "create": _TEXT,
    "update": _TEXT,
    "delete": _TEXT,
    "stdin": _TEXT,
    "logging": _TEXT,
    "environment": (dict,),
    "triggers": (list,),
    "addPreviousOutputInEnv": (bool,),
}
_LOCAL_INPUTS: Final = {**_COMMON_INPUTS, "interpreter": (list,), "dir": _TEXT}
_REMOTE_INPUTS: Final = {**_COMMON_INPUTS, "connection": (dict,)}
_HOP_INPUTS: Final[dict[str, tuple[type, ...]]] = {
    "host": _TEXT,
    "port": _NUMBER,
    "user": _TEXT,
    "password": _TEXT,
    "privateKey": _TEXT,
    "privateKeyPassword": _TEXT,
    "agentSocketPath": _TEXT,
    "dialErrorLimit": _NUMBER,
    "perDialTimeout": _NUMBER,
    "hostKey": _TEXT,
}
_HOP_DEFAULTS: Final = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_HOP_SECRETS: Final = ("password", "privateKey", "privateKeyPassword")
_LOGGING: Final = ("stdout", "stderr", "stdoutAndStderr", "none")
_NOT_IN_SANDBOX: Final = ("assetPaths", "archivePaths")
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


class Command(Resource):
    """What the remote and the local Command have in common."""

    inputs: dict[str, tuple[type, ...]]

    async def run(self, log: Log, stop: Stop, command: str, properties: Properties) -> Output:
        """Run one command with these (plain) properties; what it wrote."""
        raise NotImplementedError

    def __init__(self, cancelled: asyncio.Event) -> None:
        self._cancelled = cancelled

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        failures = list(_wrong_types(news, self.inputs))
        logging = plain(news.get("logging"))
        if isinstance(logging, str) and logging not in _LOGGING:
            failures.append(Failure("logging", f"{logging!r} is none of {', '.join(_LOGGING)}"))
        return news, failures

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
        diff = Diff.between(
            old_inputs, {key: value for key, value in news.items() if not key.startswith("__")}
        )
        diff.replace = {path for path in diff.changes if path == ("triggers",)}
        return diff

    async def create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        if call.preview:
            return "", {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN}
        outputs: Properties = {"stdout": "", "stderr": ""}
        if inputs.get("create") is not None:
            properties = plain(inputs)
            outputs = (await self._run(call, properties["create"], properties)).outputs()
        return f"{call.name}{secrets.token_hex(4)}", {**inputs, **outputs}

    async def update(
        self, call: Call, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        previous = {key: olds.get(key, "") for key in ("stdout", "stderr")}
        if call.preview:
            # An input that the state did not have at all does not count: so the official provider decides it.
            changed = has_unknown(news) or any(key in olds and not same(olds[key], news[key]) for key in news)
            changed = changed or any(key in olds and key not in news for key in self.inputs)
            return {**news, **(dict.fromkeys(previous, UNKNOWN) if changed else previous)}
        properties = plain({**news, **previous})
        command = (
            properties.get("update") if properties.get("update") is not None else properties.get("create")
        )
        if command is not None:
            previous = (await self._run(call, command, properties)).outputs()
        return {**news, **previous}

    async def delete(self, call: Call, old_inputs: Properties, olds: Properties) -> None:
        properties = plain(olds)
        if properties.get("delete") is not None:
            await self._run(call, properties["delete"], properties)

    async def _run(self, call: Call, command: str, properties: Properties) -> Output:
        return await self.run(call.log, Stop(self._cancelled, call.timeout_seconds), command, properties)


class RemoteCommand(Command):
    """command:remote:Command."""

    inputs = _REMOTE_INPUTS

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        news, failures = await super().check(call, olds, news)
        connection = plain(news.get("connection"))
        if connection is None:
            failures.append(Failure("connection", "Missing required property 'connection'"))
        elif isinstance(connection, dict):
            proxy = connection.get("proxy")
            failures += _wrong_hop("connection", connection, _HOP_INPUTS | {"proxy": (dict,)})
            if isinstance(proxy, dict):
                failures += _wrong_hop("connection.proxy", proxy, _HOP_INPUTS)
                proxy = _complete_hop(proxy)
            news = {
                **news,
                "connection": secret(_complete_hop(connection) | ({"proxy": proxy} if proxy else {})),
            }
        elif isinstance(connection, Unknown):
            news = {**news, "connection": secret(connection)}
        return news, failures

    async def run(self, log: Log, stop: Stop, command: str, properties: Properties) -> Output:
        from sandbox.plugins import ssh, sshrun  # noqa: PLC0415 - a preview starts sooner without them

        connection = properties["connection"]
        target = ssh.Endpoint.of(connection)
        proxy = ssh.Endpoint.of(connection["proxy"]) if connection.get("proxy") else None
        work = sshrun.Work(
            command,
            properties.get("stdin"),
            properties.get("environment") or {},
            _previous_output(properties),
        )
        async with (
            Output(command, properties.get("logging"), log) as output,
            ssh.connect(target, proxy, log.status, stop) as connected,
        ):
            ended = await sshrun.run(connected, work, sshrun.Listener(output.add, log.warning, log.error))
        output.refuse_endless_wait()
        if ended.failure:
            raise output.failure(ended.failure)
        return output


class LocalCommand(Command):
    """command:local:Command: here, in the project directory and with the whole environment."""

    inputs = _LOCAL_INPUTS

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        news, failures = await super().check(call, olds, news)
        return news, failures + _not_in_sandbox(news)

    async def run(self, log: Log, stop: Stop, command: str, properties: Properties) -> Output:
        arguments = [*(properties.get("interpreter") or ["/bin/sh", "-c"]), command]
        stdin, environment = properties.get("stdin"), _environment(properties)
        async with Output(command, properties.get("logging"), log) as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *arguments,
                    cwd=properties.get("dir") or None,
                    env={**os.environ, **environment},
                    stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
            except (OSError, ValueError) as error:  # the second is for a NUL
                raise output.failure(_why_not_begun(arguments[0], environment, properties, error)) from None
            watch = asyncio.create_task(_kill_when(stop, process))
            try:
                await asyncio.gather(
                    _feed(process.stdin, stdin),
                    _collect(process.stdout, output, is_stderr=False),
                    _collect(process.stderr, output, is_stderr=True),
                )
                status = await process.wait()
            finally:
                watch.cancel()
        output.refuse_endless_wait()
        if status:
            reason = f"exit status {status}" if status > 0 else f"signal: {signal.strsignal(-status)}".lower()
            raise output.failure(reason)
        return output


def _previous_output(properties: Properties) -> dict[str, str]:
    if properties.get("addPreviousOutputInEnv") is False:
        return {}
    named = {
        "PULUMI_COMMAND_STDOUT": properties.get("stdout"),
        "PULUMI_COMMAND_STDERR": properties.get("stderr"),
    }
    return {name: value for name, value in named.items() if value}


def _environment(properties: Properties) -> dict[str, str]:
    """What is added to the environment. The system divides a variable at its first `=`."""
    given = {**(properties.get("environment") or {}), **_previous_output(properties)}
    divided = [f"{name}={value}".split("=", 1) for name, value in given.items()]
    return {name: value for name, value in divided if name}


async def _feed(stream: asyncio.StreamWriter | None, text: str | None) -> None:
    if stream is None or text is None:
        return
    try:
        stream.write(text.encode())
        await stream.drain()
        stream.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended without reading its input; its exit status tells what that means


async def _collect(stream: asyncio.StreamReader | None, output: Output, *, is_stderr: bool) -> None:
    while stream is not None and (data := await stream.read(65536)):
        output.add(data, is_stderr)


async def _kill_when(stop: Stop, process: asyncio.subprocess.Process) -> None:
    await stop.wait()
    process.kill()


def _why_not_begun(
    program: str, environment: dict[str, str], properties: Properties, error: OSError | ValueError
) -> str:
    directory = properties.get("dir")
    reason = system_error(error) if isinstance(error, OSError) else "invalid argument"
    if "/" not in program and shutil.which(program) is None:
        return f"exec: {quote(program)}: executable file not found in $PATH"
    if any("\0" in each for variable in environment.items() for each in variable):
        return "exec: environment variable contains NUL"
    if directory and ("\0" in directory or not os.path.isdir(directory)):
        return f"chdir {directory}: {reason}"
    return f"fork/exec {program}: {reason}"


def _wrong_types(properties: Properties, types: dict[str, tuple[type, ...]]) -> list[Failure]:
    failures = []
    for key, value in properties.items():
        held = plain(value)
        if key in types and held is not None and not isinstance(held, (Unknown, *types[key])):
            failures.append(Failure(key, f"must be a {types[key][0].__name__}, not a {type(held).__name__}"))
        elif key not in types and key not in _NOT_IN_SANDBOX and not key.startswith("__"):
            failures.append(Failure(key, f"there is no input {key}; there are {', '.join(sorted(types))}"))
    return failures


def _not_in_sandbox(properties: Properties) -> list[Failure]:
    return [
        Failure(key, f"{key} is not supported by the sandbox's command plugin")
        for key in _NOT_IN_SANDBOX
        if properties.get(key)
    ]


def _wrong_hop(where: str, hop: Properties, types: dict[str, tuple[type, ...]]) -> list[Failure]:
    missing = (
        [Failure(f"{where}.host", "Missing required property 'host'")] if hop.get("host") is None else []
    )
    wrong = [Failure(f"{where}.{each.property}", each.reason) for each in _wrong_types(hop, types)]
    return missing + wrong


def _complete_hop(hop: Properties) -> Properties:
    given = {key: value for key, value in hop.items() if value is not None}
    return {
        key: secret(value) if key in _HOP_SECRETS else value
        for key, value in {**_HOP_DEFAULTS, **given}.items()
    }


class CommandPlugin(Plugin):
    def __init__(self) -> None:
        super().__init__(
            "command",
            VERSIONS["command"],
            {},
        )
        self.resources = {
            "command:remote:Command": RemoteCommand(self.cancelled),
            "command:local:Command": LocalCommand(self.cancelled),
        }

    async def invoke(self, token: str, arguments: Properties) -> Properties:
        if token != "command:local:run":  # noqa: S105 - a type token
            return await super().invoke(token, arguments)
        if failures := _not_in_sandbox(arguments):
            raise PluginError(failures[0].reason)
        properties = plain(arguments)
        local, stop = LocalCommand(self.cancelled), Stop(self.cancelled, 0)
        output = await local.run(Log(self.engine, ""), stop, properties["command"], properties)
        return {**arguments, **output.outputs()}


if __name__ == "__main__":
    serve(CommandPlugin)
