"""The Docker daemon that the sandbox's containers run on.

Owns: choosing it (one that runs already, else one of our own), starting and stopping our own, and what that
leaves on the machine. Our own has its own data, socket and containerd, is shared by all checkouts, and is
found again by each of them. Does not own containers. Callers hold the machine's lock.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox import firewall, kernel
from sandbox.docker import Docker
from sandbox.errors import SandboxError
from sandbox.machine import Machine
from sandbox.tools import ensure_packages

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.1


def socket(machine: Machine) -> str:
    """Our own daemon's address."""
    return f"unix://{machine.run}/docker.sock"


def is_ours(machine: Machine, docker: Docker) -> bool:
    return docker.host == socket(machine)


def find(machine: Machine) -> Docker | None:
    """The daemon in use, if it answers: our own wherever it was started, since it has what was made."""
    if shutil.which("docker") is None:
        return None
    docker = Docker(socket(machine) if has_traces(machine) else "")
    return docker if docker.works() else None


def ensure(machine: Machine, doing: Callable[[str], None]) -> tuple[Docker, str]:
    """A daemon that answers, and how it was come by."""
    note_before(machine)
    kernel.make_room()
    if docker := find(machine):
        if is_ours(machine, docker):
            return docker, "our own, running"
        remote = os.environ.get("DOCKER_HOST", "")
        if remote and not remote.startswith("unix://"):
            raise SandboxError(
                f"DOCKER_HOST is {remote}: hosts on another machine cannot be reached",
                "unset DOCKER_HOST, or set it to a socket of this machine",
            )
        return docker, "this machine's"
    if os.geteuid() != 0:
        raise SandboxError(
            "no Docker daemon answers to `docker info`, and only root can start one",
            "start Docker and add yourself to the group docker, or run this as root",
        )
    doing("installing Docker")
    ensure_packages(["docker.io", "iptables"])
    doing("starting dockerd")
    return _start(machine), "our own, started"


def note_before(machine: Machine) -> None:
    """Note what the machine was like, unless that was done since it booted."""
    boot = kernel.boot_id()
    try:
        if json.loads(machine.before_file.read_text(encoding="utf-8"))["boot"] == boot:
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    before = {
        "boot": boot,
        "kernel": kernel.read(),
        "firewall": firewall.snapshot() if os.geteuid() == 0 else {},
    }
    machine.state.mkdir(parents=True, exist_ok=True)
    part = machine.before_file.with_suffix(".part")
    part.write_text(json.dumps(before, indent=2) + "\n", encoding="utf-8")
    part.rename(machine.before_file)


def _start(machine: Machine) -> Docker:
    """Start our own daemon, over whatever a killed one left."""
    data, executing, pid_file = machine.state / "docker", machine.run / "exec", machine.run / "docker.pid"
    log = machine.state / "dockerd.log"
    for folder in (data, executing):
        folder.mkdir(parents=True, exist_ok=True)
    _remove_stale(pid_file, "dockerd")
    # dockerd only asks whether a process of that number lives, and then waits for it in vain.
    _remove_stale(executing / "containerd" / "containerd.pid", "containerd")
    (machine.run / "docker.sock").unlink(missing_ok=True)
    # No default bridge: every network here is named, and what is not made need not be cleaned away.
    command = ["dockerd", "--data-root", str(data), "--exec-root", str(executing), "--pidfile", str(pid_file)]
    command += ["--host", socket(machine), "--bridge", "none", "--userland-proxy=false"]
    command += ["--log-opt", "max-size=10m", "--log-opt", "max-file=2"]
    environment = {key: value for key, value in os.environ.items() if key != "DOCKER_HOST"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    docker = Docker(socket(machine))
    deadline = time.monotonic() + _START_SECONDS
    while not docker.works():
        code = process.poll()
        if code is not None or time.monotonic() > deadline:
            if code is None:
                process.terminate()
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
            raise SandboxError(
                f"dockerd {'does not answer' if code is None else 'ended'}:\n{tail}",
                f"read {log}; `python -m sandbox down` clears away what a broken daemon left",
            )
        time.sleep(_POLL_SECONDS)
    return docker


def stop(machine: Machine) -> list[str]:
    """Stop our own daemon, clear away its data, processes, mounts and rules; returns what remains."""
    for name in ("dockerd", "containerd"):
        for pid in processes(machine, name):
            _end(pid)
    # What a killed daemon left behind: the processes that watched its containers.
    for pid in processes(machine):
        _end(pid, signal.SIGKILL)
    for target in _mounts_below(machine.run) + _mounts_below(machine.state):
        subprocess.run(["umount", "--lazy", target], capture_output=True, check=False)
    remaining = firewall.restore(_before(machine).get("firewall", {})) if not _other_daemons() else []
    if remaining_mounts := _mounts_below(machine.run) + _mounts_below(machine.state):
        return remaining + [f"mounted: {target}" for target in remaining_mounts]
    for folder in (machine.state / "docker", machine.run):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            remaining.append(f"could not be removed: {folder}")
    (machine.state / "dockerd.log").unlink(missing_ok=True)
    return remaining


def has_traces(machine: Machine) -> bool:
    """Whether our own daemon runs or ran here."""
    return (machine.state / "docker").exists() or (machine.run / "exec").exists()


def restore_kernel(machine: Machine) -> tuple[list[str], list[str]]:
    """Put back the kernel's global settings; a reboot since has done so already."""
    before = _before(machine)
    if before.get("boot") != kernel.boot_id():
        return [], []
    settings = before.get("kernel", {})
    if _other_daemons():
        # Its containers need forwarding, whoever turned that on.
        settings = {name: value for name, value in settings.items() if not name.startswith("net.")}
    return kernel.restore(settings)


def _before(machine: Machine) -> dict[str, Any]:
    try:
        before: dict[str, Any] = json.loads(machine.before_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return before


def processes(machine: Machine, program: str = "") -> list[int]:
    """The processes of our own daemon, told by its folder on their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        name = _program(int(folder.name)) if folder.name.isdigit() else ""
        try:
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        known = name in ("dockerd", "containerd") or name.startswith(("containerd-shim", "docker-"))
        mentions = any(f"{machine.run}/" in argument for argument in arguments)
        if known and mentions and (not program or name == program):
            found.append(int(folder.name))
    return sorted(found)


def _other_daemons() -> bool:
    """Whether a Docker daemon runs here (ours is gone by then): the rules are then its own."""
    return any(
        _program(int(folder.name)) == "dockerd" for folder in Path("/proc").iterdir() if folder.name.isdigit()
    )


def _remove_stale(pid_file: Path, program: str) -> None:
    try:
        alive = _program(int(pid_file.read_text(encoding="utf-8"))) == program
    except (OSError, ValueError):
        alive = False
    if not alive:
        pid_file.unlink(missing_ok=True)


def _program(pid: int) -> str:
    """What a process runs; nothing if it is gone, or ended and not yet waited for: no command line."""
    try:
        if not Path(f"/proc/{pid}/cmdline").read_bytes():
            return ""
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _end(pid: int, how: signal.Signals = signal.SIGTERM) -> None:
    """End a process and wait for it; by force if it does not listen."""
    for number, seconds in ((how, _STOP_SECONDS), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _program(pid):
                return
            time.sleep(_POLL_SECONDS)


def _mounts_below(folder: Path) -> list[str]:
    """Mount points below a folder, the innermost first."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    targets = [line.split()[4] for line in lines]
    return [target for target in reversed(targets) if target.startswith(f"{folder}/")]
