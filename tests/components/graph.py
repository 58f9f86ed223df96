"""The program's resources without an engine: what it registers, with inputs, secrets and dependencies."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks

from components import outputs, stack
from components.cluster.facts import Facts
from components.local.arguments import loaded
from components.settings import StackSettings

_SECRET = "4dabf18193072939515e22adb298388d"  # the engine's mark of a secret value


@dataclass(frozen=True)
class Registered:
    """One resource as the engine would be told of it. `after` are names."""

    type: str
    name: str
    custom: bool
    parent: str
    inputs: Mapping[str, Any]
    after: frozenset[str]
    request: Any

    def told(self) -> dict[str, Any]:
        """What a command on the operator's machine is told, also where that is secret."""
        stdin = self.inputs["stdin"]
        found: dict[str, Any] = loaded(stdin["value"] if is_secret(stdin) else stdin)
        return found


@dataclass
class Graph:
    """All resources by name; a component and its command may share one, so components have their own map."""

    resources: dict[str, Registered] = field(default_factory=dict)
    components: dict[str, Registered] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def commands(self) -> list[Registered]:
        return [one for one in self.resources.values() if one.type.startswith("command:")]

    def follows(self, later: str, earlier: str) -> bool:
        """Whether `later` waits for `earlier`, directly or not."""
        seen: set[str] = set()
        todo = [later]
        while todo:
            for name in self.resources[todo.pop()].after - seen:
                seen.add(name)
                todo.append(name)
        return earlier in seen


def is_secret(value: Any) -> bool:
    """Whether the engine would keep this value encrypted."""
    return isinstance(value, Mapping) and _SECRET in value


def _printed(command: str) -> str:
    if command.endswith("-pods"):
        return '{"podIps": ["10.244.1.2"]}'
    if command.endswith("-in-service"):
        return '{"state": "Ready", "readAt": "2026-01-01T00:00Z"}'
    return f"stdout {command}"


class Mocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        born = {
            "tls:index/privateKey:PrivateKey": {
                "privateKeyPem": f"private {args.name}",
                "publicKeyPem": f"public {args.name}",
            },
            "tls:index/certRequest:CertRequest": {"certRequestPem": "request"},
            "tls:index/locallySignedCert:LocallySignedCert": {"certPem": f"certificate {args.name}"},
            "tls:index/selfSignedCert:SelfSignedCert": {"validityStartTime": "2026-01-01T00:00:00Z"},
            "command:local:Command": {"stdout": _printed(args.name)},
            "command:remote:Command": {"stdout": "ok"},
        }
        outputs = {**args.inputs, **born.get(args.typ, {})}
        if args.typ == "kubernetes:core/v1:Service":
            outputs["spec"] = {**outputs["spec"], "clusterIP": "10.96.0.77"}
        if args.typ == "kubernetes:core/v1:Secret":
            outputs["data"] = {"token": base64.b64encode(b"canary.of-the.service-account").decode()}
        return f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"nothing is asked while resources are made: {args.token}")


class _Monitor(mocks.MockMonitor):
    def __init__(self, graph: Graph) -> None:
        super().__init__(Mocks())
        self._graph = graph

    def RegisterResource(self, request: Any) -> Any:
        registered = Registered(
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent.rpartition("::")[2],
            inputs=json_format.MessageToDict(request.object),
            after=frozenset(urn.rpartition("::")[2] for urn in request.dependencies),
            request=request,
        )
        (self._graph.resources if request.custom else self._graph.components)[request.name] = registered
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def graph_of(settings: StackSettings, facts: Facts | None = None) -> Graph:
    """What the program makes of these settings."""
    graph = Graph()
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(
        Mocks(),
        project="kubenode",
        stack="test",
        preview=False,
        organization="organization",
        monitor=_Monitor(graph),
    )

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> pulumi.Output[None]:
        cluster = stack.cluster(settings)
        network = stack.calico(settings, cluster)
        nodes = stack.nodes(settings, facts or Facts(reachable=True), cluster, network)
        stack.verification(settings, nodes, cluster)
        exported: dict[str, Any] = {}
        # Without an engine there is no root resource to hold them.
        with mock.patch("pulumi.export", exported.__setitem__):
            outputs.export(settings, cluster, nodes)
        return pulumi.Output.from_input(exported).apply(graph.outputs.update)

    program()
    return graph
