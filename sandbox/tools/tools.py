"""The way in for the rest of the sandbox: asks for tools by name and gets their paths.

Owns: what "the tools" are in a given setting, and building what is missing of them. Does not own how (build)
or where (cache).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.tools import cache, gotoolchain
from sandbox.tools.build import Job, build
from sandbox.tools.errors import ToolError
from sandbox.tools.gotoolchain import Go
from sandbox.tools.manifest import GRAPHS, SYSTEM_TOOLS, Graph, Tool, select
from sandbox.tools.progress import Progress


@dataclass(frozen=True)
class Tools:
    """Tools that are there."""

    paths: Mapping[str, Path]
    versions: Mapping[str, str]
    bin_dirs: list[Path] = field(default_factory=list)
    """The folders to put on PATH, in front. Those of older releases are left out: ask for these by `path`."""

    def path(self, name: str) -> Path:
        """The program's file."""
        self._check(name)
        return self.paths[name]

    def version(self, name: str) -> str:
        """Such as v1.2.3."""
        self._check(name)
        return self.versions[name]

    def _check(self, name: str) -> None:
        if name not in self.paths:
            raise ToolError(f"{name} was not asked for; there are: {', '.join(self.paths)}")


def ensure(
    names: Iterable[str] | None = None, *, older: bool = False, progress: Progress | None = None
) -> Tools:
    """The named tools, or all but the older ones; builds what is missing.

    `older` adds the programs of older Kubernetes releases: all of them, or those of the named programs.
    """
    progress = progress or Progress()
    found, selection = _split(names, older=older)
    if not selection:
        return found
    go = gotoolchain.find(progress)
    jobs = _jobs(go, selection)
    undone = [job for job in jobs if job.missing]
    for number, job in enumerate(undone, start=1):
        build(go, job, progress, f"[{number}/{len(undone)}]")
    return _join(found, jobs)


def locate(
    names: Iterable[str] | None = None, *, older: bool = False, progress: Progress | None = None
) -> Tools:
    """As `ensure`, but builds nothing: a tool that is not there is an error."""
    found, selection = _split(names, older=older)
    if not selection:
        return found
    go = gotoolchain.find(progress or Progress())
    jobs = _jobs(go, selection)
    if absent := [tool.name for job in jobs for tool in job.missing]:
        raise ToolError(f"not built yet: {', '.join(absent)}; build with: python -m sandbox.tools build")
    return _join(found, jobs)


def prune(progress: Progress | None = None) -> list[str]:
    """Remove every build that is not this checkout's; returns what was removed."""
    progress = progress or Progress()
    go = gotoolchain.find(progress)
    with progress.step("pruning") as step:
        return cache.prune({cache.slot(graph, go.version, go.arch).key for graph in GRAPHS}, step.tick)


def _split(names: Iterable[str] | None, *, older: bool) -> tuple[Tools, list[tuple[Graph, list[Tool]]]]:
    """What is taken from PATH, and what is left to build."""
    selection = select(names, older=older)
    setting = os.environ.get("KUBENODE_TOOLS", "")
    if setting not in ("", "system"):
        raise ToolError(f"KUBENODE_TOOLS is {setting!r}; it may be 'system' or unset")
    if not setting:
        return Tools({}, {}), selection
    wanted = [tool.name for _, tools in selection for tool in tools if tool.name in SYSTEM_TOOLS]
    return _from_path(wanted), [
        (graph, tools) for graph, tools in selection if not any(tool.name in SYSTEM_TOOLS for tool in tools)
    ]


def _from_path(names: list[str]) -> Tools:
    paths = {name: shutil.which(name) for name in names}
    if absent := [name for name, path in paths.items() if path is None]:
        raise ToolError(f"KUBENODE_TOOLS is 'system', but PATH has no {', '.join(absent)}; install Pulumi")
    version = ""
    if names:
        # The language host prints no version; it is released together with the engine.
        run = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=False)
        version = run.stdout.strip()
        if run.returncode != 0 or not version:
            raise ToolError(f"KUBENODE_TOOLS is 'system', but `pulumi version` fails: {run.stderr.strip()}")
    return Tools({name: Path(path) for name, path in paths.items() if path}, dict.fromkeys(names, version))


def _jobs(go: Go, selection: list[tuple[Graph, list[Tool]]]) -> list[Job]:
    return [Job(graph, tools, cache.slot(graph, go.version, go.arch)) for graph, tools in selection]


def _join(found: Tools, jobs: list[Job]) -> Tools:
    paths, versions, bin_dirs = dict(found.paths), dict(found.versions), list(found.bin_dirs)
    for job in jobs:
        for tool in job.tools:
            paths[tool.name] = job.slot.folder / tool.binary
            versions[tool.name] = job.version
        if not job.graph.older:
            bin_dirs.append(job.slot.folder)
    return Tools(paths, versions, bin_dirs)
