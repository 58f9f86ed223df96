"""Which daemon is used, and what a killed one left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox import daemon, kernel
from sandbox.docker import Docker
from sandbox.machine import Machine

_PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "state", tmp_path / "run")


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The addresses at which a daemon answers."""
    hosts: set[str] = set()
    monkeypatch.setattr(Docker, "works", lambda self, seconds=10.0: self.host in hosts)
    monkeypatch.setattr("shutil.which", lambda *_, **__: "/usr/bin/docker")
    return hosts


def test_a_daemon_that_runs_already_is_used(machine: Machine, answering: set[str]) -> None:
    assert daemon.find(machine) is None
    answering.add("")
    found = daemon.find(machine)
    assert found == Docker("")
    assert found is not None
    assert not daemon.is_ours(machine, found)


def test_once_ours_was_started_no_other_is_used(machine: Machine, answering: set[str]) -> None:
    (machine.state / "docker").mkdir(parents=True)
    answering.add("")
    # Ours died: what checkouts made is on its disk, not in the other.
    assert daemon.find(machine) is None
    answering.add(daemon.socket(machine))
    assert daemon.find(machine) == Docker(daemon.socket(machine))


def test_the_machine_is_noted_once_per_boot(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.firewall.snapshot", dict)
    values = iter([{"kernel.panic": "0"}, {"kernel.panic": "10"}, {"kernel.panic": "5"}])
    monkeypatch.setattr(kernel, "read", lambda: next(values))
    monkeypatch.setattr(kernel, "boot_id", lambda: "first")

    def noted() -> object:
        daemon.note_before(machine)
        return json.loads(machine.before_file.read_text(encoding="utf-8"))["kernel"]

    assert noted() == {"kernel.panic": "0"}
    assert noted() == {"kernel.panic": "0"}
    monkeypatch.setattr(kernel, "boot_id", lambda: "second")
    assert noted() == {"kernel.panic": "10"}


def test_after_a_reboot_nothing_is_put_back(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.firewall.snapshot", dict)
    daemon.note_before(machine)
    monkeypatch.setattr(kernel, "boot_id", lambda: "another")
    monkeypatch.setattr(kernel, "restore", lambda *_: pytest.fail("restored"))
    assert daemon.restore_kernel(machine) == ([], [])


def test_another_daemon_keeps_its_forwarding(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.state.mkdir()
    settings = {"net.ipv4.ip_forward": "0", "kernel.panic": "0"}
    before = {"boot": kernel.boot_id(), "kernel": settings, "firewall": {}}
    machine.before_file.write_text(json.dumps(before), encoding="utf-8")
    asked: list[dict[str, str]] = []

    def restore(given: dict[str, str]) -> tuple[list[str], list[str]]:
        asked.append(given)
        return [], []

    monkeypatch.setattr(kernel, "restore", restore)
    monkeypatch.setattr(daemon, "_other_daemons", lambda: True)
    daemon.restore_kernel(machine)
    monkeypatch.setattr(daemon, "_other_daemons", lambda: False)
    daemon.restore_kernel(machine)
    assert asked == [{"kernel.panic": "0"}, settings]


def _pid_file(tmp_path: Path, pid: int) -> Path:
    file = tmp_path / "pid"
    file.write_text(f"{pid}\n", encoding="utf-8")
    return file


def test_a_pid_file_of_another_program_is_stale(tmp_path: Path) -> None:
    file = _pid_file(tmp_path, os.getpid())
    daemon._remove_stale(file, "dockerd")
    assert not file.exists()


def test_a_pid_file_of_the_program_itself_is_kept(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        # Until it runs, the child has its parent's name.
        while daemon._program(process.pid) != "sleep":
            assert process.poll() is None
        file = _pid_file(tmp_path, process.pid)
        daemon._remove_stale(file, "sleep")
        assert file.exists()
        process.kill()


def test_a_process_that_nobody_waited_for_is_dead(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    file = _pid_file(tmp_path, process.pid)
    daemon._remove_stale(file, "sleep")
    process.wait()
    assert not file.exists()


def test_only_processes_of_our_own_daemon_are_found(machine: Machine, tmp_path: Path) -> None:
    shell = Path("/bin/sh").resolve()
    programs = {name: tmp_path / name for name in ("dockerd", "containerd-shim", "bystander")}
    for program in programs.values():
        shutil.copy(shell, program)
    mine = f"{machine.run}/exec"
    started = {
        name: subprocess.Popen([programs[name.split()[0]], "-c", "echo; read -r _", folder], **_PIPES)
        for name, folder in {
            "dockerd": mine,
            "containerd-shim": mine,
            "bystander": mine,
            "dockerd of another": str(tmp_path / "other" / "exec"),
            "dockerd with a longer name": f"{machine.run}-other/exec",
        }.items()
    }
    try:
        for process in started.values():
            # It runs what it was told to once it speaks.
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
        pids = {name: process.pid for name, process in started.items()}
        assert daemon.processes(machine) == sorted([pids["dockerd"], pids["containerd-shim"]])
        assert daemon.processes(machine, "dockerd") == [pids["dockerd"]]
        daemon._end(pids["dockerd"])
        assert daemon.processes(machine) == [pids["containerd-shim"]]
    finally:
        for process in started.values():
            process.kill()
            process.communicate()
