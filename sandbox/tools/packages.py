"""Installs OS packages with apt, and keeps their services from starting.

Owns: finding what is missing, installing it, the guard against started services. Does not own which packages
are needed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox.tools import cache
from sandbox.tools.errors import ToolError
from sandbox.tools.progress import Progress, Step, waiting

_LOCK_SECONDS = 300
_TICK_SECONDS = 0.5
_TAIL_LINES = 15
# One for the machine rather than one in the cache: root may use several caches, but there is one policy.
_LOCK = Path("/run/lock/kubenode-packages.lock")
_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = """\
#!/bin/sh
# Written by kubenode's sandbox while it installs packages, and removed right after.
exit 101
"""


def ensure_packages(names: Iterable[str], *, progress: Progress | None = None) -> None:
    """Install those of the packages that are missing; without root's rights, an error that names them all."""
    wanted = list(dict.fromkeys(names))
    absent = _missing(wanted)
    if not absent:
        return
    listed = " ".join(map(shlex.quote, absent))
    if shutil.which("apt-get") is None:
        raise ToolError(
            f"missing packages: {', '.join(absent)}, and there is no apt-get to install them with"
        )
    if os.geteuid() != 0:
        raise ToolError(
            f"missing packages: {', '.join(absent)}; install them with:\n"
            f"    sudo apt-get update && sudo apt-get install --no-install-recommends {listed}"
        )
    with (
        (progress or Progress()).step(f"installing {', '.join(absent)}") as step,
        cache.locked(_LOCK, "installing packages", waiting(step)),
        _no_services(),
    ):
        _apt(["update"], step)
        _apt(["install", "--yes", "--no-install-recommends", *absent], step)
    if still := _missing(absent):
        raise ToolError(f"apt-get succeeded but these packages are not installed: {', '.join(still)}")


def _missing(names: Sequence[str]) -> list[str]:
    """Those that dpkg does not hold as installed; all of them where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return list(names)
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *names]
    run = subprocess.run(query, capture_output=True, text=True, check=False)
    installed = {line.split()[0] for line in run.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


@contextmanager
def _no_services() -> Iterator[None]:
    """Deny every start of a service while packages are installed.

    A policy that somebody else put there is respected as it is, and so is left in place; one of ours that an
    interrupted run left behind is not somebody else's.
    """
    if _POLICY.exists() and _POLICY.read_bytes() != _POLICY_TEXT.encode():
        yield
        return
    _POLICY.write_text(_POLICY_TEXT, encoding="utf-8")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _apt(arguments: Sequence[str], step: Step) -> None:
    options = ["-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}", "-o", "Acquire::Retries=3"]
    command = ["apt-get", *options, *arguments]
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        code, output = _run(command, lambda: step.tick(f"apt-get {arguments[0]}"))
        if code == 0:
            return
        # Of apt's locks, the option above waits only for dpkg's.
        if "Could not get lock" in output and time.monotonic() < deadline:
            step.tick("waiting for another apt-get")
            time.sleep(2)
            continue
        tail = "\n".join(f"    {line}" for line in output.splitlines()[-_TAIL_LINES:])
        raise ToolError(f"`{shlex.join(command)}` failed:\n{tail}")


def _run(command: Sequence[str], tick: Callable[[], None]) -> tuple[int, str]:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                tick()
                time.sleep(_TICK_SECONDS)
        finally:
            # dpkg must not be cut off half way: on an interrupt, wait for it to come to its own end.
            process.wait()
        output.seek(0)
        return process.returncode, output.read().decode(errors="replace")
