"""Builds tools of one graph with Go.

Owns: Go's command lines, the log of a build, and that a program appears in its place only when it is whole.
Does not own where that place is (cache) nor which Go it is (gotoolchain).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.tools import cache, gomod, gotoolchain
from sandbox.tools.cache import Slot
from sandbox.tools.errors import ToolError
from sandbox.tools.gotoolchain import Go
from sandbox.tools.manifest import Graph, Tool
from sandbox.tools.progress import Progress, Step, waiting

_TAIL_LINES = 20
_TICK_SECONDS = 0.5


@dataclass(frozen=True)
class Job:
    """Tools of one graph, and the place they go to."""

    graph: Graph
    tools: Sequence[Tool]
    slot: Slot

    @property
    def version(self) -> str:
        return gomod.module_version(self.graph.source, self.graph.module)

    @property
    def missing(self) -> list[Tool]:
        """The tools that are not whole in their place. A program comes last and so speaks for its extras."""
        return [tool for tool in self.tools if not (self.slot.folder / tool.binary).is_file()]


def build(go: Go, job: Job, progress: Progress, count: str) -> None:
    """Build those of the job's tools that are missing; nobody else builds in this slot meanwhile."""
    slot = job.slot
    with (
        progress.step(f"{count} {job.graph.folder} {job.version}") as step,
        cache.locked(slot.lock, f"building {job.graph.folder}", waiting(step)),
    ):
        # Whoever held the lock may have built them.
        if not (tools := job.missing):
            return
        job = replace(job, tools=tools)
        for leftover in slot.unfinished:
            shutil.rmtree(leftover, ignore_errors=True)
        slot.folder.mkdir(parents=True, exist_ok=True)
        slot.log.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own for each try: a Go that outlived an interrupted one writes where nobody looks.
        stage = Path(tempfile.mkdtemp(prefix=f"{slot.key}.part-", dir=slot.folder.parent))
        try:
            _compile(go, job, stage, step)
            _place(go, job, stage)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def _compile(go: Go, job: Job, stage: Path, step: Step) -> None:
    graph, tools, log = job.graph, job.tools, job.slot.log
    names = ", ".join(tool.name for tool in tools)
    packages = [tool.package for tool in tools]
    fetch = [str(go.binary), "list", "-deps", "-f", "", *packages]
    log.write_bytes(b"")
    # Listing loads every package and thereby fetches every module that the build will read, so that a failed
    # fetch can be told from a failed build. One more try: what fails once often passes on the next. (`go mod
    # download` would also ask for modules that nothing here imports.)
    if _run(fetch, graph, log, lambda: step.tick("fetching modules")) != 0:
        step.note("fetching failed, trying once more")
        if _run(fetch, graph, log, lambda: step.tick("fetching modules again")) != 0:
            raise _failure(f"could not fetch the modules of {names}", log)

    strip = "-s -w " if graph.stripped else ""
    ldflags = strip + graph.ldflags.format(**gomod.flag_values(job.version))
    # One command for all of them: Go then compiles for one program while it links another. Given a folder, it
    # names each program after the last part of its package's path, which is the binary's name in every graph
    # of many tools.
    output = str(stage / tools[0].binary) if len(tools) == 1 else f"{stage}/"
    command = [str(go.binary), "build", *graph.flags, "-ldflags", ldflags, "-o", output, *packages]

    def unbuilt() -> list[str]:
        return [tool.name for tool in tools if not (stage / tool.binary).is_file()]

    def tick() -> None:
        step.tick(f"building, {len(tools) - len(unbuilt())} of {len(tools)} programs finished")

    if _run(command, graph, log, tick) != 0 or unbuilt():
        raise _failure(f"could not build {', '.join(unbuilt()) or names}", log)


def _place(go: Go, job: Job, stage: Path) -> None:
    folder = job.slot.folder
    for tool in job.tools:
        if tool.extras:
            module = _module_folder(go, job.graph)
            for extra in tool.extras:
                copy = stage / Path(extra).name
                # The module cache is read-only, its scripts not executable.
                shutil.copyfile(module / extra, copy)
                copy.chmod(0o755)
                copy.replace(folder / copy.name)
        # Last, since the program's presence says that the tool is whole.
        (stage / tool.binary).replace(folder / tool.binary)


def _module_folder(go: Go, graph: Graph) -> Path:
    command = [str(go.binary), "list", "-m", "-f", "{{.Dir}}", graph.module]
    run = subprocess.run(
        command,
        cwd=graph.source,
        env=gotoolchain.environment(cgo=graph.cgo),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0 or not run.stdout.strip():
        raise ToolError(f"Go does not find the module {graph.module}: {run.stderr.strip()}")
    return Path(run.stdout.strip())


def _run(command: Sequence[str], graph: Graph, log: Path, tick: Callable[[], None]) -> int:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=graph.source,
            env=gotoolchain.environment(cgo=graph.cgo),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            while True:
                try:
                    return process.wait(_TICK_SECONDS)
                except subprocess.TimeoutExpired:
                    tick()
        finally:
            # An interrupt comes through here; Go removes its own temporary files when it is asked to end.
            if process.poll() is None:
                process.terminate()
                process.wait()


def _failure(what: str, log: Path) -> ToolError:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return ToolError(
        "\n".join([f"{what}; the end of Go's output:", *(f"    {line}" for line in lines), f"log: {log}"])
    )
