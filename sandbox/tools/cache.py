"""Where built tools lie, and who may write there.

Owns: the layout of the cache, a graph's digest, its lock, and removing what is no longer used. Does not own
building: it only says where a build goes.

    <cache>/tools/<graph>-<digest>/<program>       whole programs only, each moved here when it is finished
    <cache>/tools/<graph>-<digest>.lock            held by whoever builds there; its text says who
    <cache>/tools/<graph>-<digest>.part-*/         an unfinished build
    <cache>/logs/<graph>-<digest>.log              Go's output of the last build
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.tools.manifest import Graph

_POLL_SECONDS = 0.5
_SOURCES = ("go.mod", "go.sum", "**/*.go")


def root() -> Path:
    """The cache's folder: $KUBENODE_CACHE, else ~/.cache/kubenode."""
    if named := os.environ.get("KUBENODE_CACHE"):
        return Path(named).expanduser().absolute()
    return Path.home() / ".cache" / "kubenode"


@dataclass(frozen=True)
class Slot:
    """The places of one graph at one digest."""

    key: str

    @property
    def folder(self) -> Path:
        return root() / "tools" / self.key

    @property
    def lock(self) -> Path:
        return root() / "tools" / f"{self.key}.lock"

    @property
    def log(self) -> Path:
        return root() / "logs" / f"{self.key}.log"

    @property
    def unfinished(self) -> list[Path]:
        return sorted(self.folder.parent.glob(f"{self.key}.part-*"))


def slot(graph: Graph, go: str, arch: str) -> Slot:
    """The slot of a graph as committed here, built by this Go for this architecture."""
    return Slot(f"{graph.folder}-{digest(graph, go, arch)}")


def digest(graph: Graph, go: str, arch: str) -> str:
    """Names all that decides what a build yields, and nothing else, so that every checkout finds it."""
    state = hashlib.sha256()
    for part in (repr(graph), go, arch):
        state.update(part.encode() + b"\0")
    for path in sorted({path for pattern in _SOURCES for path in graph.source.glob(pattern)}):
        content = path.read_bytes()
        # The length keeps a file's end apart from the next one's name.
        state.update(f"{path.relative_to(graph.source).as_posix()}\0{len(content)}\0".encode() + content)
    return state.hexdigest()[:12]


@contextmanager
def locked(path: Path, doing: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock at `path`; while another holds it, call `waiting` repeatedly with the holder's words.

    The kernel frees the lock when its holder dies, however it dies.
    """
    while True:
        # The holder may have been removing the folder that it lies in.
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 1000).decode(errors="replace").strip()
            os.close(handle)
            waiting(holder or "another process")
            time.sleep(_POLL_SECONDS)
            continue
        # Pruning removes lock files: one that was removed after it was opened excludes nobody.
        if _is_open_file(path, handle):
            break
        os.close(handle)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, {doing} for {Path.cwd()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _is_open_file(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def prune(keep: set[str], waiting: Callable[[str], None]) -> list[str]:
    """Remove every slot whose key is not in `keep`; returns the keys that were removed.

    Waits for a build that is under way in one of them.
    """
    tools = root() / "tools"
    if not tools.is_dir():
        return []
    entries = {re.sub(r"\.(lock|part-[^.]*)$", "", path.name) for path in tools.iterdir()}
    removed = sorted(entries - keep)
    for key in removed:
        old = Slot(key)
        with locked(old.lock, "pruning", waiting):
            for folder in (*old.unfinished, old.folder):
                shutil.rmtree(folder, ignore_errors=True)
            old.log.unlink(missing_ok=True)
            old.lock.unlink()
    return removed
