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

import secrets

from sandbox.plugins import VERSIONS, commandinputs, localrun
from sandbox.plugins.base import Call, Diff, Failure, Life, Log, Plugin, RefusedError, Resource, Stop
from sandbox.plugins.commandoutput import Output
from sandbox.plugins.server import serve
from sandbox.plugins.values import UNKNOWN, Properties, Unknown, has_unknown, plain, same


class Command(Resource):
    """What the remote and the local Command have in common."""

    inputs: commandinputs.Fields

    async def run(self, log: Log, stop: Stop, command: str, properties: Properties) -> Output:
        """Run one command with these (plain) properties; what it wrote."""
        raise NotImplementedError

    def __init__(self, life: Life) -> None:
        self._life = life

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        given = {key: value for key, value in news.items() if value is not None}
        if isinstance(given.get("interpreter"), Unknown):
            # As the official provider does: of one that is not known a preview knows nothing.
            del given["interpreter"]
        return given, commandinputs.failures(given, self.inputs)

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
            changed = changed or any(key in olds and key not in news for key in self.inputs.fields)
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
        return await self.run(call.log, Stop(self._life, call.timeout_seconds), command, properties)


class RemoteCommand(Command):
    """command:remote:Command."""

    inputs = commandinputs.REMOTE

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        news, failures = await super().check(call, olds, news)
        if news.get("connection") is not None and not failures:
            news = {**news, "connection": commandinputs.complete_connection(news["connection"])}
        return news, failures

    async def run(self, log: Log, stop: Stop, command: str, properties: Properties) -> Output:
        from sandbox.plugins import ssh, sshlogin, sshrun  # noqa: PLC0415 - a preview starts sooner without them

        connection = properties["connection"]
        target = sshlogin.Endpoint.of(connection)
        proxy = sshlogin.Endpoint.of(connection["proxy"]) if connection.get("proxy") else None
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

    inputs = commandinputs.LOCAL

    async def run(self, log: Log, stop: Stop, command: str, properties: Properties) -> Output:
        work = localrun.Work(
            [*(properties.get("interpreter") or ["/bin/sh", "-c"]), command],
            properties.get("stdin"),
            properties.get("dir"),
            {**(properties.get("environment") or {}), **_previous_output(properties)},
        )
        async with Output(command, properties.get("logging"), log) as output:
            failure = await localrun.run(work, output.add, stop)
        output.refuse_endless_wait()
        if failure:
            raise output.failure(failure)
        return output


def _previous_output(properties: Properties) -> dict[str, str]:
    if properties.get("addPreviousOutputInEnv") is False:
        return {}
    named = {
        "PULUMI_COMMAND_STDOUT": properties.get("stdout"),
        "PULUMI_COMMAND_STDERR": properties.get("stderr"),
    }
    return {name: value for name, value in named.items() if value}


class CommandPlugin(Plugin):
    def __init__(self) -> None:
        super().__init__("command", VERSIONS["command"], {})
        self.resources = {
            "command:remote:Command": RemoteCommand(self.life),
            "command:local:Command": LocalCommand(self.life),
        }

    async def invoke(self, token: str, arguments: Properties) -> Properties:
        if token != "command:local:run":  # noqa: S105 - a type token
            return await super().invoke(token, arguments)
        if failures := commandinputs.failures(arguments, commandinputs.RUN):
            raise RefusedError(failures)
        if has_unknown(arguments):
            return {**arguments, "stdout": UNKNOWN, "stderr": UNKNOWN}
        properties = plain(arguments)
        local, stop = LocalCommand(self.life), Stop(self.life, 0)
        output = await local.run(Log(self.engine, ""), stop, properties["command"], properties)
        return {**arguments, **output.outputs()}


if __name__ == "__main__":
    serve(CommandPlugin)
