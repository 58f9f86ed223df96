"""What is left when the plugin or pulumi is killed.

Two runs of one program, each killed while a remote command runs, and each run again afterwards.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.behaviours import behaviour, bug
from tests.plugins.engine import Process
from tests.plugins.hosts import closed_port, hosts, ran, scenario_on, slow
from tests.plugins.processes import alive, children, eventually, stays
from tests.plugins.scenario import Phase

_PROGRAM = """
    command("runs", create=at(f"echo begun; cat {GATE}; echo ended > {DONE}", "echo again"), logging="none")
"""
_DIALLING = """
    command("dials", create="true", connection=host(port=CLOSED, dial_error_limit=-1))
    command("waits", create="true", connection=host(port=MUTE))
    command("behind", create="true", connection=host(port=CLOSED, dial_error_limit=-1,
        proxy=host("one", kind=remote.ProxyConnectionArgs)))
"""
_WATCHED_SECONDS = 3  # the sandbox's plugin looks every second
# The official plugin is a program of this name; the sandbox's is started by a script of it.
_PLUGIN = re.compile(r"pulumi-resource-command|plugins\.command")


@dataclass
class Killed:
    phase: Phase
    again: Phase
    plugin_lived: bool
    plugin_ended: bool
    script_ended: bool


def _killed(directory: Path, kill: Callable[[Process, int], int]) -> Killed:
    gate, done = directory / "gate", directory / "done"
    os.mkfifo(gate)
    lived: list[tuple[int, bool]] = []
    with hosts(one={}) as servers:

        def meanwhile(pulumi: Process) -> None:
            eventually(lambda: servers["one"].runs)
            plugin = _plugin_of(pulumi)
            os.kill(kill(pulumi, plugin), signal.SIGKILL)
            pulumi.wait(60)
            lived.append((plugin, stays(lambda: alive(plugin), _WATCHED_SECONDS)))
            gate.open("w").close()

        scenario = scenario_on(directory, servers, _PROGRAM, GATE=str(gate), DONE=str(done))
        phase = scenario.up(fails=True, meanwhile=meanwhile)
        ((plugin, plugin_lived),) = lived
        eventually(done.exists)
        ended = _has_ended(plugin)
        scenario.project.run("cancel", "--yes")
        return Killed(phase, scenario.up(), plugin_lived, ended, done.exists())


def _plugin_of(pulumi: Process) -> int:
    (plugin,) = [pid for pid, line in children(pulumi.pid).items() if _PLUGIN.search(line)]
    return plugin


def _has_ended(plugin: int) -> bool:
    """Whether it ends soon; it has ended afterwards."""
    try:
        eventually(lambda: not alive(plugin), 10)
    except AssertionError:
        os.kill(plugin, signal.SIGKILL)
        return False
    return True


@pytest.fixture(scope="module")
def killed_plugin(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    return _killed(tmp_path_factory.mktemp("plugin"), lambda _, plugin: plugin)


@pytest.fixture(scope="module")
def killed_engine(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    return _killed(tmp_path_factory.mktemp("engine"), lambda pulumi, _: pulumi.pid)


@behaviour(
    "a plugin that is killed makes pulumi fail, and what it created is not in state",
    source="engine",
    but="the next run creates it",
)
def test_killed_plugin(killed_plugin: Killed) -> None:
    assert re.search(
        "error reading from server: EOF|transport is closing|connection reset", killed_plugin.phase.output
    )
    assert "runs" not in killed_plugin.phase.state
    assert killed_plugin.again.ops("runs") == ["create"]
    assert killed_plugin.again.outputs("runs")["stdout"] == "again"


@behaviour(
    "pulumi killed: the remote command runs to its end, and is not in state",
    source="seen",
    but="once the lock is taken away (`pulumi cancel`), the next run creates it, and warns that it may be there",
)
def test_killed_engine(killed_engine: Killed) -> None:
    assert killed_engine.script_ended
    assert "runs" not in killed_engine.phase.state
    assert [each.verb for each in ran(killed_engine.again, "runs")] == ["create"]
    assert "pending" in killed_engine.again.output


@bug(
    "pulumi killed: the plugin goes on running, with nothing to do",
    source="seen",
    decision="not copied",
    here="it ends when what it was doing has ended, and not before",
)
def test_plugin_ends_after_a_killed_engine(killed_engine: Killed) -> None:
    assert killed_engine.plugin_lived
    assert killed_engine.plugin_ended


@bug(
    "pulumi killed: the plugin goes on dialling, and waiting for hosts that never greet",
    source="seen",
    decision="not copied",
    here="both end, behind a bastion too",
)
def test_dialling_ends_after_a_killed_engine(tmp_path: Path) -> None:
    plugins: list[int] = []
    with hosts(one={}) as servers, slow(60) as mute:

        def kill(pulumi: Process) -> None:
            eventually(lambda: servers["one"].dials)
            plugins.append(_plugin_of(pulumi))
            pulumi.kill()
            pulumi.wait(60)

        scenario = scenario_on(tmp_path, servers, _DIALLING, CLOSED=closed_port(), MUTE=mute)
        scenario.up(fails=True, meanwhile=kill)
        assert _has_ended(*plugins)
