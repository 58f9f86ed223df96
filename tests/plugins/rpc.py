"""A stand-in for the engine: drives a plugin's gRPC server as the engine would, without one."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from sandbox.plugins.base import Plugin
from sandbox.plugins.server import start
from sandbox.plugins.values import Properties, decode, encode


class RefusedError(Exception):
    """A check that failed."""


@dataclass(frozen=True)
class State:
    """What the engine keeps of a resource."""

    id: str
    inputs: Properties
    outputs: Properties


@dataclass
class Engine(engine_pb2_grpc.EngineServicer):
    """Calls a plugin, and keeps what the plugin logs."""

    stub: Any = None
    log: list[str] = field(default_factory=list)

    def Log(self, request: Any, context: Any) -> Empty:
        self.log.append(f"{engine_pb2.LogSeverity.Name(request.severity)} {request.message}")
        return Empty()

    def configure(self, **settings: Any) -> None:
        self.stub.Configure(provider_pb2.ConfigureRequest(args=encode(settings), acceptSecrets=True))

    def check(self, token: str, name: str, inputs: Properties, old: Properties | None = None) -> Properties:
        request = provider_pb2.CheckRequest(
            urn=_urn(token, name), olds=encode(old or {}), news=encode(inputs)
        )
        answer = self.stub.Check(request)
        if answer.failures:
            raise RefusedError("; ".join(f"{each.property}: {each.reason}" for each in answer.failures))
        return decode(answer.inputs)

    def preview_create(self, token: str, name: str, **inputs: Any) -> Properties:
        checked = self.check(token, name, inputs)
        return decode(self._create(token, name, checked, preview=True).properties)

    def create(self, token: str, name: str, **inputs: Any) -> State:
        checked = self.check(token, name, inputs)
        answer = self._create(token, name, checked, preview=False)
        return State(answer.id, checked, decode(answer.properties))

    def _create(self, token: str, name: str, checked: Properties, *, preview: bool) -> Any:
        return self.stub.Create(
            provider_pb2.CreateRequest(urn=_urn(token, name), properties=encode(checked), preview=preview)
        )

    def diff(self, token: str, name: str, old: State, **inputs: Any) -> Any:
        checked = self.check(token, name, inputs, old.inputs)
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id=old.id,
                urn=_urn(token, name),
                olds=encode(old.outputs),
                old_inputs=encode(old.inputs),
                news=encode(checked),
            )
        )

    def update(self, token: str, name: str, old: State, **inputs: Any) -> State:
        return self._update(token, name, old, inputs, preview=False)

    def preview_update(self, token: str, name: str, old: State, **inputs: Any) -> Properties:
        return self._update(token, name, old, inputs, preview=True).outputs

    def _update(self, token: str, name: str, old: State, inputs: Properties, *, preview: bool) -> State:
        checked = self.check(token, name, inputs, old.inputs)
        answer = self.stub.Update(
            provider_pb2.UpdateRequest(
                id=old.id,
                urn=_urn(token, name),
                olds=encode(old.outputs),
                old_inputs=encode(old.inputs),
                news=encode(checked),
                preview=preview,
            )
        )
        return State(old.id, checked, decode(answer.properties))

    def read(self, token: str, name: str, old: State) -> State | None:
        answer = self.stub.Read(
            provider_pb2.ReadRequest(
                id=old.id, urn=_urn(token, name), inputs=encode(old.inputs), properties=encode(old.outputs)
            )
        )
        return State(answer.id, decode(answer.inputs), decode(answer.properties)) if answer.id else None

    def delete(self, token: str, name: str, old: State, *, timeout: float = 0) -> None:
        self.stub.Delete(
            provider_pb2.DeleteRequest(
                id=old.id,
                urn=_urn(token, name),
                properties=encode(old.outputs),
                old_inputs=encode(old.inputs),
                timeout=timeout,
            )
        )

    def diff_config(self, old: Properties, new: Properties) -> Any:
        return self.stub.DiffConfig(
            provider_pb2.DiffRequest(
                urn=_urn("pulumi:providers:x", "p"), old_inputs=encode(old), news=encode(new)
            )
        )

    def invoke(self, token: str, **arguments: Any) -> Properties:
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
        return decode(getattr(answer, "return"))


def partial(error: Any) -> Any:
    """What a create or update that failed half-way wants stored, or None."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            detail = provider_pb2.ErrorResourceInitFailed()
            if Status.FromString(value).details[0].Unpack(detail):
                return detail
    return None


def _urn(token: str, name: str) -> str:
    return f"urn:pulumi:stack::project::kubenode:index:Node${token}::{name}"


@contextmanager
def engine_for(make: Callable[[], Plugin]) -> Iterator[Engine]:
    """A plugin in a thread of this process, and an engine connected to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def started() -> tuple[Any, int, Any]:
        return await start(make())

    server, port, _ = asyncio.run_coroutine_threadsafe(started(), loop).result(10)
    engine = Engine()
    own = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, own)
    own_port = own.add_insecure_port("127.0.0.1:0")
    own.start()
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=unlimited) as channel:
        engine.stub = provider_pb2_grpc.ResourceProviderStub(channel)
        engine.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=f"127.0.0.1:{own_port}"))
        yield engine
    own.stop(None)
    asyncio.run_coroutine_threadsafe(server.stop(None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
