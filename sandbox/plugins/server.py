# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""The gRPC server of a provider plugin, and the life of its process.

Owns the translation of the engine's requests, of answers and of errors, and the end of the process. Does not own what
is answered (`base.py`).

The end of the process: the engine interrupts its plugins, which ends them at once. If the engine itself is killed,
nobody does; so the plugin watches its parent, and whether anybody still reads the pipe on which it told its port. The
pipe also tells of an engine that was gone before the plugin had begun. The plugin exits once what it was doing has
finished: a command that runs then is not cut off (nor is it with the official plugin), but nothing is waited for any
more and nobody is dialled. `PR_SET_PDEATHSIG` would be no help: it tells of the end of the thread that started the
plugin, and the engine is a program of many threads.
"""

import asyncio
import contextlib
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugins.base import Call, Diff, Failure, Log, NotReadyError, Plugin, PluginError, RefusedError
from sandbox.plugins.values import Properties, decode, encode, has_secret, join_path

_UNLIMITED_MESSAGES: Final = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_ENGINE_POLL_SECONDS: Final = 1.0


class Server(provider_pb2_grpc.ResourceProviderServicer):
    """What the engine sees of a plugin. Requests are worked on by tasks of their own, so that an engine that goes away
    in the middle of one does not cut the work off."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._busy: set[asyncio.Task[Any]] = set()

    async def idle(self) -> None:
        """Wait until nothing is worked on."""
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
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a secret
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"this is a bug: {type(error).__name__} in {where.name}, {where.filename}:{where.lineno}"
            await context.abort(
                grpc.StatusCode.INTERNAL, f"the sandbox's {self._plugin.name} plugin failed; {text}"
            )

    # The gRPC surface

    async def Handshake(self, request: Any, context: Any) -> Any:
        if request.engine_address:
            self._connect_engine(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._plugin.version)

    async def Attach(self, request: Any, context: Any) -> Any:
        self._connect_engine(request.address)
        return Empty()

    async def GetSchema(self, request: Any, context: Any) -> Any:
        # Programs use the official SDKs; nothing is generated from this.
        return provider_pb2.GetSchemaResponse(
            schema=f'{{"name": "{self._plugin.name}", "version": "{self._plugin.version}"}}'
        )

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return _check_response(await self._run(context, self._plugin.check_config(decode(request.news))))

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        olds = request.old_inputs if request.HasField("old_inputs") else request.olds
        return _diff_response(
            await self._run(context, self._plugin.diff_config(decode(olds), decode(request.news)))
        )

    async def Configure(self, request: Any, context: Any) -> Any:
        await self._run(context, self._plugin.configure(decode(request.args)))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    async def Invoke(self, request: Any, context: Any) -> Any:
        arguments = decode(request.args)

        async def answered() -> Any:
            try:
                result = await self._plugin.invoke(request.tok, arguments)
            except RefusedError as error:
                failures = [_check_failure(arguments, each) for each in error.failures]
                return provider_pb2.InvokeResponse(failures=failures)
            answer: Any = {"return": encode(result)}  # no keyword argument can be named so
            return provider_pb2.InvokeResponse(**answer)

        return await self._run(context, answered())

    async def Check(self, request: Any, context: Any) -> Any:
        async def checked() -> tuple[Properties, list[Failure]]:
            call = self._call(request)
            return await self._plugin.resource(call.token).check(
                call, decode(request.olds), decode(request.news)
            )

        return _check_response(await self._run(context, checked()))

    async def Diff(self, request: Any, context: Any) -> Any:
        async def compared() -> "Diff":
            call = self._call(request)
            old_inputs, olds, news = decode(request.old_inputs), decode(request.olds), decode(request.news)
            return await self._plugin.resource(call.token).diff(call, old_inputs, olds, news)

        return _diff_response(await self._run(context, compared()))

    async def Create(self, request: Any, context: Any) -> Any:
        async def work() -> Any:
            call = self._call(request)
            id_, outputs = await self._plugin.resource(call.token).create(call, decode(request.properties))
            return provider_pb2.CreateResponse(id=id_, properties=encode(outputs))

        return await self._run(context, work())

    async def Read(self, request: Any, context: Any) -> Any:
        async def work() -> Any:
            call = self._call(request)
            found = await self._plugin.resource(call.token).read(
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
            outputs = await self._plugin.resource(call.token).update(call, old_inputs, olds, news)
            return provider_pb2.UpdateResponse(properties=encode(outputs))

        return await self._run(context, work())

    async def Delete(self, request: Any, context: Any) -> Any:
        async def work() -> Any:
            call = self._call(request)
            await self._plugin.resource(call.token).delete(
                call, decode(request.old_inputs), decode(request.properties)
            )
            return Empty()

        return await self._run(context, work())

    async def Cancel(self, request: Any, context: Any) -> Any:
        self._plugin.life.cancelled.set()
        return Empty()

    # Translation

    def _connect_engine(self, address: str) -> None:
        channel = grpc.aio.insecure_channel(address, options=_UNLIMITED_MESSAGES)
        self._plugin.engine = engine_pb2_grpc.EngineStub(channel)

    def _call(self, request: Any) -> Call:
        token, _, name = request.urn.split("::", 2)[2].partition("::")
        return Call(
            urn=request.urn,
            token=token.rpartition("$")[2],  # the URN's type names all parents; ours is the last
            name=name,
            log=Log(self._plugin.engine, request.urn),
            id=getattr(request, "id", ""),
            preview=getattr(request, "preview", False),
            timeout_seconds=getattr(request, "timeout", 0),
            ignored=tuple(getattr(request, "ignoreChanges", ())),
        )


def _check_response(checked: tuple[Properties, list[Failure]]) -> provider_pb2.CheckResponse:
    inputs, failures = checked
    return provider_pb2.CheckResponse(
        inputs=encode(inputs), failures=[_check_failure(inputs, each) for each in failures]
    )


def _check_failure(inputs: Properties, failure: Failure) -> provider_pb2.CheckFailure:
    """The engine prints the value of a refused property, a secret one too, but for a failure of no property."""
    if has_secret(inputs.get(failure.property.partition(".")[0])):
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


async def start(plugin: Plugin) -> tuple[grpc.aio.Server, int, Server]:
    """A listening server, its port, and what answers there."""
    server, servicer = grpc.aio.server(options=_UNLIMITED_MESSAGES), Server(plugin)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port, servicer


def serve(make: Callable[[], Plugin]) -> None:
    """Run a plugin until the engine ends it, or is gone. The engine's arguments are not needed: the handshake
    repeats its address."""
    asyncio.run(_serve(make, os.getppid()))


async def _serve(make: Callable[[], Plugin], parent: int) -> None:
    plugin, loop = make(), asyncio.get_running_loop()
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(interrupt, os._exit, 0)
    _, port, servicer = await start(plugin)
    with contextlib.suppress(BrokenPipeError):  # which is seen below
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
    while os.getppid() == parent and _is_read(sys.stdout.fileno()):
        await asyncio.sleep(_ENGINE_POLL_SECONDS)
    plugin.life.abandoned.set()
    await servicer.idle()
    os._exit(0)


def _is_read(pipe: int) -> bool:
    """Whether anybody has the other end; the engine keeps it as long as it lives. Of a file it is always true."""
    poll = select.poll()
    poll.register(pipe, 0)  # an error is told unasked
    return not poll.poll(0)
