"""`__main__.py` as the engine runs it, without an engine: what it says, registers and asks."""

from __future__ import annotations

import asyncio
import json
import runpy
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components import stack
from tests.components import graph

MAIN = Path(__file__).resolve().parents[2] / "__main__.py"
_NODES = {"reachable": True, "serverVersion": "v1.37.2", "nodes": {}}


@dataclass
class Ran:
    """`error` is what the user is told, empty if all is well. `registered` and `asked` is what plugins would get."""

    error: str = ""
    registered: list[str] = field(default_factory=list)
    inputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    started: list[object] = field(default_factory=list)


class _Mocks(graph.Mocks):
    def __init__(self, ran: Ran, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self._ran, self._answers = ran, answers

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if args.typ != "pulumi:pulumi:Stack":
            self._ran.registered.append(args.name)
            self._ran.inputs[args.name] = args.inputs
        return super().new_resource(args)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        self._ran.asked.append(args.token)
        return dict(self._answers.get(args.token, {"stdout": json.dumps(_NODES)})), []


def run(
    raw: Mapping[str, object],
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    preview: bool = True,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Ran:
    """The program in a project directory with this configuration, given to it as the engine does.

    `answers`: what the functions that it asks say, by token; else the API is there and has no Node.
    """
    ran = Ran()
    config = {
        f"kubenode:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in raw.items()
    }
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
    monkeypatch.chdir(directory)
    # The tests' own process goes on after the program.
    monkeypatch.setattr(stack, "end_quietly", lambda: None)
    # Without an engine there is no root resource that could wait.
    monkeypatch.setattr(pulumi, "run", lambda _: None)
    for name in ("run", "Popen", "check_output"):
        monkeypatch.setattr(subprocess, name, lambda *words, **_: ran.started.append(words))
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(
        _Mocks(ran, answers or {}),
        project="kubenode",
        stack="test",
        preview=preview,
        organization="organization",
    )

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        try:
            runpy.run_path(str(MAIN), run_name="__main__")
        except stack.Refused as refused:
            ran.error = refused.text

    program()
    return ran
