"""Processes that a test watches: which a program started, whether they are there, and waiting for what they do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until it holds; it is an error if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.02)


def stays(condition: Callable[[], object], seconds: float) -> bool:
    """Whether it holds for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether it runs; one that has ended and that nobody asked for does not."""
    return _stat(pid)[:1] not in ([], ["Z"])


def children(pid: int) -> dict[int, str]:
    """The processes that this one started, with their command lines."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        if _stat(int(directory.name))[1:2] == [str(pid)]:
            try:
                line = (directory / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[int(directory.name)] = line.replace("\0", " ")
    return found


def _stat(pid: int) -> list[str]:
    """State, parent and so on: what follows the name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
