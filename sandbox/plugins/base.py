# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""What every provider plugin of the sandbox shares: the ResourceProvider server and its life.

Owns: the gRPC surface, the translation of requests and errors, logging to the engine, and the end of the
process. Does not own any resource: a plugin is a `Plugin` with one `Resource` per type token.

The end of the process: the engine interrupts its plugins, which ends them at once. If the engine itself is
killed, nobody does; so the plugin watches its parent and exits once what it was doing has finished. A remote
or local command that runs then is not cut off (nor is it with the official plugin).
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugins.values import Path, Properties, changes, decode, encode, has_secret, join_path

_UNLIMITED_MESSAGES: Final = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_PARENT_POLL_SECONDS: Final = 1.0


class PluginError(Exception):
    """An expected failure; its text is what the user reads."""


class NotReadyError(PluginError):
    """The object exists but did not become ready: the engine stores it, and the next run tries again."""

    def __init__(self, id_: str, inputs: Properties, outputs: Properties, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.id, self.inputs, self.outputs, self.reasons = id_, inputs, outputs, reasons


@dataclass(frozen=True)
class Failure:
    """One reason why an input is refused."""

    property: str
    reason: str


@dataclass
class Diff:
    """What differs. The keys are paths; `replace` holds those that cannot change in place."""

    changes: dict[Path, str] = field(default_factory=dict)
    replace: set[Path] = field(default_factory=set)
    delete_before_replace: bool = False
    input_diff: bool = False

    @classmethod
    def between(cls, old: Properties, new: Properties, *, input_diff: bool = False) -> "Diff":
        return cls(dict(changes(old, new)), input_diff=input_diff)


class Log:
    """Lines on the engine's screen, for one resource."""

    def __init__(self, engine: "engine_pb2_grpc.EngineStub | None", urn: str) -> None:
        self._engine: Any = engine  # its generated types know only the blocking calls
        self._urn = urn

    async def status(self, text: str) -> None:
        """A line that shows while the resource is worked on and is not kept."""
        await self._send(text, engine_pb2.INFO, ephemeral=True)

    async def warning(self, text: str) -> None:
        await self._send(text, engine_pb2.WARNING)

    async def error(self, text: str) -> None:
        await self._send(text, engine_pb2.ERROR)

    async def _send(
        self, text: str, severity: "engine_pb2.LogSeverity.ValueType", *, ephemeral: bool = False
    ) -> None:
        if self._engine is None:
            return
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=self._urn, ephemeral=ephemeral)
        with contextlib.suppress(grpc.aio.AioRpcError):  # without an engine the work goes on unheard
            await self._engine.Log(request)


class Stop:
    """When to give up: the engine cancels, or the time that a program gave this operation is over."""

    def __init__(self, cancelled: asyncio.Event, seconds: float) -> None:
        self._cancelled = cancelled
        self._deadline = asyncio.get_running_loop().time() + seconds if seconds else None

    async def wait(self) -> str:
        """Wait for it; what it was, as Go's contexts call it."""
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._cancelled.wait()
        except TimeoutError:
            return "context deadline exceeded"
        return "context canceled"


@dataclass(frozen=True)
class Call:
    """What every request says about its resource."""

    urn: str
    token: str
    name: str
    log: Log
    id: str = ""
    preview: bool = False
    timeout_seconds: float = 0


class Resource:
    """One resource type. `check` and `diff` have the common answer; a type overrides what differs."""

    async def check(self, call: Call, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        return news, []

    async def diff(self, call: Call, old_inputs: Properties, olds: Properties, news: Properties) -> Diff:
        return Diff.between(old_inputs, news)

    async def create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        raise NotImplementedError

    async def read(
        self, call: Call, inputs: Properties, olds: Properties
    ) -> tuple[str, Properties, Properties] | None:
        """The live (id, inputs, outputs), or None when it is gone. By default the state is believed."""
        return call.id, inputs, olds

    async def update(
        self, call: Call, old_inputs: Properties, olds: Properties, news: Properties
    ) -> Properties:
        raise NotImplementedError

    async def delete(self, call: Call, old_inputs: Properties, olds: Properties) -> None:
        raise NotImplementedError


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """A provider: its name, version and types. Handlers run as tasks of their own, so that an engine that
    goes away in the middle of a request does not cut the work off."""

    def __init__(self, name: str, version: str, resources: Mapping[str, Resource]) -> None:
        self.name, self.version, self.resources = name, version, resources
        self.cancelled = asyncio.Event()
        self.engine: engine_pb2_grpc.EngineStub | None = None
        self._busy: set[asyncio.Task[Any]] = set()

    # What a plugin may override

    def resource(self, token: str) -> Resource:
        if token in self.resources:
            return self.resources[token]
        known = ", ".join(sorted(self.resources))
        raise PluginError(f"unknown resource type {token}: the sandbox's {self.name} plugin knows {known}")

    async def check_config(self, news: Properties) -> tuple[Properties, list[Failure]]:
        return news, []

    async def diff_config(self, olds: Properties, news: Properties) -> Diff:
        return Diff.between(olds, news)

    async def configure(self, config: Properties) -> None:
        """Nothing to configure, unless the plugin says so."""

    async def invoke(self, token: str, arguments: Properties) -> Properties:
        raise PluginError(f"unknown function {token} in the sandbox's {self.name} plugin")

    # Life

    def connect_engine(self, address: str) -> None:
        channel = grpc.aio.insecure_channel(address, options=_UNLIMITED_MESSAGES)
        self.engine = engine_pb2_grpc.EngineStub(channel)

    async def idle(self) -> None:
        while self._busy:
            await asyncio.wait(set(self._busy))

    async def _run(
        self, context: "grpc.aio.ServicerContext[Any, Any]", work: Coroutine[Any, Any, Any]
    ) -> Any:
        task = asyncio.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        try:
            return await asyncio.shield(task)
        except NotReadyError as failed:
            await _abort_partially(context, failed)
        except PluginError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))

    # The gRPC surface

    async def Handshake(self, request: Any, context: Any) -> Any:
        if request.engine_address:
            self.connect_engine(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self.version)

    async def Attach(self, request: Any, context: Any) -> Any:
        self.connect_engine(request.address)
        return Empty()

    async def GetSchema(self, request: Any, context: Any) -> Any:
        # Programs use the official SDKs; nothing is generated from this.
        return provider_pb2.GetSchemaResponse(
            schema=f'{{"name": "{self.name}", "version": "{self.version}"}}'
        )

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return _check_response(await self._run(context, self.check_config(decode(request.news))))

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        olds = request.old_inputs if request.HasField("old_inputs") else request.olds
        return _diff_response(await self._run(context, self.diff_config(decode(olds), decode(request.news))))

    async def Configure(self, request: Any, context: Any) -> Any:
        await self._run(context, self.configure(decode(request.args)))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    async def Invoke(self, request: Any, context: Any) -> Any:
        result = await self._run(context, self.invoke(request.tok, decode(request.args)))
        answer: Any = {"return": encode(result)}  # no keyword argument can be named so
        return provider_pb2.InvokeResponse(**answer)

    async def Check(self, request: Any, context: Any) -> Any:
        async def checked() -> tuple[Properties, list[Failure]]:
            call = self._call(request)
            return await self.resource(call.token).check(call, decode(request.olds), decode(request.news))

        return _check_response(await self._run(context, checked()))

    async def Diff(self, request: Any, context: Any) -> Any:
        async def compared() -> "Diff":
            call = self._call(request)
            old_inputs, olds, news = decode(request.old_inputs), decode(request.olds), decode(request.news)
            return await self.resource(call.token).diff(call, old_inputs, olds, news)

        return _diff_response(await self._run(context, compared()))

    async def Create(self, request: Any, context: Any) -> Any:
        async def work() -> Any:
            call = self._call(request)
            id_, outputs = await self.resource(call.token).create(call, decode(request.properties))
            return provider_pb2.CreateResponse(id=id_, properties=encode(outputs))

        return await self._run(context, work())

    async def Read(self, request: Any, context: Any) -> Any:
        async def work() -> Any:
            call = self._call(request)
            found = await self.resource(call.token).read(
                call, decode(request.inputs), decode(request.properties)
            )
            if found is None:
                return provider_pb2.ReadResponse()  # no id: the engine takes it out of the state
            id_, inputs, outputs = found
            return provider_pb2.ReadResponse(id=id_, inputs=encode(inputs), properties=encode(outputs))

        return await self._run(context, work())

    async def Update(self, request: Any, context: Any) -> Any:
        async def work() -> Any:
            call = self._call(request)
            old_inputs, olds, news = decode(request.old_inputs), decode(request.olds), decode(request.news)
            outputs = await self.resource(call.token).update(call, old_inputs, olds, news)
            return provider_pb2.UpdateResponse(properties=encode(outputs))

        return await self._run(context, work())

    async def Delete(self, request: Any, context: Any) -> Any:
        async def work() -> Any:
            call = self._call(request)
            await self.resource(call.token).delete(
                call, decode(request.old_inputs), decode(request.properties)
            )
            return Empty()

        return await self._run(context, work())

    async def Cancel(self, request: Any, context: Any) -> Any:
        self.cancelled.set()
        return Empty()

    # Translation

    def _call(self, request: Any) -> Call:
        token, _, name = request.urn.split("::", 2)[2].partition("::")
        return Call(
            urn=request.urn,
            token=token.rpartition("$")[2],  # the URN's type names all parents; ours is the last
            name=name,
            log=Log(self.engine, request.urn),
            id=getattr(request, "id", ""),
            preview=getattr(request, "preview", False),
            timeout_seconds=getattr(request, "timeout", 0),
        )


def _check_response(checked: tuple[Properties, list[Failure]]) -> provider_pb2.CheckResponse:
    inputs, failures = checked
    return provider_pb2.CheckResponse(
        inputs=encode(inputs), failures=[_check_failure(inputs, each) for each in failures]
    )


def _check_failure(inputs: Properties, failure: Failure) -> provider_pb2.CheckFailure:
    """The engine prints the value of a refused property, a secret one too, but for a failure of no property."""
    if has_secret(inputs.get(failure.property)):
        return provider_pb2.CheckFailure(reason=f"{failure.property}: {failure.reason}")
    return provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)


def _diff_response(diff: Diff) -> provider_pb2.DiffResponse:
    kind = provider_pb2.PropertyDiff
    kinds = {
        "add": (kind.ADD, kind.ADD_REPLACE),
        "delete": (kind.DELETE, kind.DELETE_REPLACE),
        "update": (kind.UPDATE, kind.UPDATE_REPLACE),
    }
    detailed = {
        join_path(path): kind(kind=kinds[change][path in diff.replace], inputDiff=diff.input_diff)
        for path, change in diff.changes.items()
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({str(path[0]) for path in diff.changes}),
        replaces=sorted(join_path(path) for path in diff.replace),
        deleteBeforeReplace=diff.delete_before_replace,
        hasDetailedDiff=True,
        detailedDiff=detailed,
    )


async def _abort_partially(context: "grpc.aio.ServicerContext[Any, Any]", failed: NotReadyError) -> None:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failed.id, properties=encode(failed.outputs), inputs=encode(failed.inputs), reasons=failed.reasons
    )
    status = Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failed))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(grpc.StatusCode.UNKNOWN, str(failed))


async def start(plugin: Plugin) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server(options=_UNLIMITED_MESSAGES)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


async def _serve(plugin: Plugin) -> None:
    parent = os.getppid()
    loop = asyncio.get_running_loop()
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(interrupt, os._exit, 0)
    _server, port = await start(plugin)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_POLL_SECONDS)
    await plugin.idle()
    os._exit(0)


def serve(make: "type[Plugin]") -> None:
    """Run a plugin until the engine ends it, or is gone. The engine's arguments are not needed: the handshake
    repeats its address."""

    async def main() -> None:
        await _serve(make())  # type: ignore[call-arg]

    asyncio.run(main())
