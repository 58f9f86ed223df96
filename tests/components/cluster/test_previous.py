"""A run that cannot ask the API: what a node was healed of it has from the stack's own outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.cluster.marks import Marks
from components.cluster.previous import marks
from tests.components import example, program
from tests.plugins.engine import new_project

HEAL = "2026-01-31T10:00:00Z+2h"
BEGAN = "2026-01-31T12:00:00Z"
_ASK = "command:local:run"
_READ = "pulumi:pulumi:readStackOutputs"
_AWAY = {"stdout": json.dumps({"reachable": False, "error": "connection refused", "nodes": {}})}


def _ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Mapping[str, Any]]
) -> program.Ran:
    example.write_project(tmp_path)
    ran = program.run(example.raw(), tmp_path, monkeypatch, answers=answers)
    assert ran.error == ""
    return ran


def test_without_the_api_nothing_seems_to_change_of_a_node_that_was_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = {
        "exists": True,
        "ready": True,
        "joined": True,
        "healed": HEAL,
        "returned": 2,
        "removal": BEGAN,
        "claim": "organization/kubenode/test",
    }
    there = {"stdout": json.dumps({"reachable": True, "nodes": {"worker-1": node}})}
    before = _ran(tmp_path, monkeypatch, {_ASK: there})
    assert _READ not in before.asked, "the state's outputs are for want of better"
    kept = {
        "worker-1": {"healed": HEAL, "returned": "2", "removal": BEGAN},
        "worker-2": {"address": "10.0.0.12"},
    }
    outputs = {"outputs": {"nodes": kept}}
    after = _ran(tmp_path, monkeypatch, {_ASK: _AWAY, _READ: outputs})
    assert HEAL in str(after.inputs["worker-1-kubelet"])
    assert '"returned": "2"' in str(after.inputs["worker-1-in-service"])
    assert BEGAN in str(after.inputs["worker-1-docker"])
    assert after.inputs == before.inputs


def test_a_stack_without_outputs_is_previewed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = _ran(tmp_path, monkeypatch, {_ASK: _AWAY, _READ: {}})
    assert "worker-1-kubelet" in ran.registered


@pytest.mark.parametrize(
    "outputs",
    [
        {"outputs": None},
        {"outputs": {"nodes": None}},
        {"outputs": {"nodes": []}},
        {"outputs": {"nodes": {"worker-1": None}}},
        {"outputs": {"nodes": {"worker-1": {"healed": ""}}}},
    ],
)
def test_outputs_of_another_form_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: dict[str, Any]
) -> None:
    ran = _ran(tmp_path, monkeypatch, {_ASK: _AWAY, _READ: outputs})
    assert ran.inputs == _ran(tmp_path, monkeypatch, {_ASK: _AWAY, _READ: {}}).inputs


def test_the_marks_of_each_node() -> None:
    found = marks({"a": {"healed": HEAL}, "b": {"returned": 2}, "c": None})
    assert found == {"a": Marks(healed=HEAL), "b": Marks(returned="2")}


_PROGRAM = """
    import sys
    sys.path.insert(0, {root!r})
    import pulumi
    from components.cluster import previous

    name = f"{{pulumi.get_organization()}}/{{pulumi.get_project()}}/{{pulumi.get_stack()}}"
    pulumi.export("found", {{key: marks.healed for key, marks in previous.marks(previous.nodes(name)).items()}})
    pulumi.export("nodes", {{"worker-1": {{"healed": {heal!r}}}, "worker-2": {{"address": "x"}}}})
    pulumi.export("other", pulumi.Output.secret("s"))
    """


@pytest.mark.sandbox
def test_the_real_engine_tells_what_the_last_run_left(tmp_path: Path) -> None:
    project = new_project(tmp_path, tmp_path / "home")
    root = str(Path(__file__).resolve().parents[3])

    def found() -> Any:
        return json.loads(project.run("stack", "output", "--json"))["found"]

    project.write(_PROGRAM.format(root=root, heal=HEAL))
    project.up()
    assert found() == {}
    assert "found" in project.preview()
    project.up()
    assert found() == {"worker-1": HEAL, "worker-2": ""}
