"""One program at a time per node of a cluster.

Programs outlive a killed engine, so the next run may meet the last one still at work. The lock is an flock,
which the kernel releases with its holder; the file holds who that is. Stacks of other clusters on the same
machine may have nodes of the same names: they do not wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.local.errors import Failure
from components.local.waiting import Wait


@contextmanager
def held(
    subject: str, holder: str, timeout_seconds: float, wait: Wait | None = None, *, scope: str = ""
) -> Iterator[None]:
    """Holds the lock of `subject` (a node's name) in `scope` (what tells clusters apart).

    `holder` is what a waiting program will tell about us.
    """
    path = directory() / f"{file_name(subject, scope)}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        waiting = wait or Wait(timeout_seconds, subject)
        while not _try(descriptor):
            other = (
                os.pread(descriptor, 400, 0).decode("utf-8", "replace").strip()
                or "a program that is starting"
            )
            if waiting.expired:
                raise Failure(
                    f"{subject}: {other} still holds the lock after {timeout_seconds:.0f} s. "
                    "Let it end, or stop it by its process id, and run again"
                )
            waiting.pause(f"until {other} releases the lock")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def directory() -> Path:
    """A directory that only this user can write to."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.path.isdir(runtime) and os.access(runtime, os.W_OK):
        path = Path(runtime) / "kubenode"
    else:
        path = Path(tempfile.gettempdir()) / f"kubenode-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise Failure(f"{path} is not a directory of this user alone (mode 0700): remove it and run again")
    return path


def file_name(subject: str, scope: str = "") -> str:
    """A file name that no two subjects share, nor two scopes."""
    readable = re.sub(r"[^A-Za-z0-9.-]", "_", subject)[:60]
    return f"{readable}-{hashlib.sha256(f'{scope}{chr(0)}{subject}'.encode()).hexdigest()[:12]}"


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
