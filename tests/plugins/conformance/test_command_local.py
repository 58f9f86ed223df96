"""Local commands: on the machine that runs pulumi.

One program through two phases: every command is created, and its standard input changes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.behaviours import behaviour
from tests.plugins.engine import new_project
from tests.plugins.scenario import Phase, Scenario

_PROGRAM = """
    from pulumi_command import local
    local.Command("updates", create="echo made $(cat)", update="echo updated $(cat)", stdin=at("one", "two"))
    local.Command("no-update", create="echo made $(cat)", stdin=at("one", "two"))
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    directory: Path = tmp_path_factory.mktemp("local")
    scenario = Scenario(new_project(directory, directory / "home"))
    scenario.write(_PROGRAM)
    return scenario


@pytest.fixture(scope="module")
def created(scenario: Scenario) -> Phase:
    return scenario.up()


@pytest.fixture(scope="module")
def changed(scenario: Scenario, created: Phase) -> Phase:
    return scenario.up()


@behaviour(
    "an update of a local command runs `update`",
    source="local/commandController.go",
    but="without `update`, `create` runs again",
)
def test_local_update(created: Phase, changed: Phase) -> None:
    assert [created.ops("updates"), changed.ops("updates")] == [["create"], ["update"]]
    assert changed.outputs("updates")["stdout"] == "updated two"
    assert changed.outputs("no-update")["stdout"] == "made two"
