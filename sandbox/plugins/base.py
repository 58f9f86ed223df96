# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""What a provider plugin of the sandbox is made of.

Owns what a plugin and its resources answer, in plain values, and the reasons to give up. Does not own the wire
(`server.py`), nor any resource: a plugin is a `Plugin` with one `Resource` per type token.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc.aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from sandbox.plugins.values import Path, Properties, changes

T = TypeVar("T")


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


class RefusedError(PluginError):
    """The arguments of a function are wrong."""

    def __init__(self, failures: list[Failure]) -> None:
        super().__init__("; ".join(each.reason for each in failures))
        self.failures = failures


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

    async def info(self, text: str) -> None:
        await self._send(text, engine_pb2.INFO)

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


class Life:
    """What can happen to a plugin while it works: the engine cancels, or is no more."""

    def __init__(self) -> None:
        self.cancelled, self.abandoned = asyncio.Event(), asyncio.Event()

    async def unless_abandoned(self, work: Awaitable[T]) -> T:
        """The result of work that nobody wants once the engine is gone; it is ended then."""
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(self.abandoned.wait())
        try:
            await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise PluginError("the engine is gone")
        finally:
            for each in (task, gone):
                each.cancel()


class Stop:
    """When to give up: the engine cancels, or the time that a program gave this operation is over."""

    def __init__(self, life: Life, seconds: float) -> None:
        self.life = life
        self._deadline = asyncio.get_running_loop().time() + seconds if seconds else None

    async def wait(self) -> str:
        """Wait for it; what it was, as Go's contexts call it."""
        try:
            async with asyncio.timeout_at(self._deadline):
                await self.life.cancelled.wait()
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
    ignored: tuple[str, ...] = ()
    """Paths that `ignore_changes` names; their inputs are the old ones already."""


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


class Plugin:
    """A provider: its name, version and types."""

    def __init__(self, name: str, version: str, resources: Mapping[str, Resource]) -> None:
        self.name, self.version, self.resources = name, version, resources
        self.life = Life()
        self.engine: engine_pb2_grpc.EngineStub | None = None

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
