"""What goes on beside a command under test: command lines of processes, and the cluster's Nodes.

Owns the watching. Each watcher can tell that it did watch: a watch that saw nothing proves nothing.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.hosts import Host

_SECONDS = 0.3


class CommandLines:
    """Every command line that was seen, by where: a host's name, or `operator` for this machine."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {}


@contextmanager
def command_lines(hosts: list[Host]) -> Iterator[CommandLines]:
    """Look at the command lines of all processes several times a second until the block ends."""
    lines = CommandLines()
    script = f"while ps -eww -o args=; do read -r -t {_SECONDS} _; [ $? -gt 128 ] || break; done"
    watchers = [
        subprocess.Popen(
            ["docker", "exec", "-i", host.container, "bash", "-c", script],
            env=host.env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for host in hosts
    ]

    def collect(name: str, watcher: subprocess.Popen[str]) -> None:
        assert watcher.stdout is not None
        lines.seen[name] = set(watcher.stdout)

    over = threading.Event()
    threads = [
        threading.Thread(target=collect, args=(host.name, watcher))
        for host, watcher in zip(hosts, watchers, strict=True)
    ]
    threads.append(threading.Thread(target=_collect_here, args=(lines.seen, over)))
    for thread in threads:
        thread.start()
    try:
        yield lines
    finally:
        over.set()
        for watcher in watchers:
            assert watcher.stdin is not None
            watcher.stdin.close()
        for thread in threads:
            thread.join(60)
        for watcher in watchers:
            watcher.wait(60)


def _collect_here(seen: dict[str, set[str]], over: threading.Event) -> None:
    found: set[str] = set()
    while not over.wait(_SECONDS):
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    found.add((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue
    seen["operator"] = found


class NodeEvents:
    """One line for every change of a Node: name, cordoned or not, taints."""

    def __init__(self, env: Mapping[str, str]) -> None:
        template = (
            "{.metadata.name} {.spec.unschedulable} {.spec.taints[*].key}"
            ' {.metadata.annotations.kubenode/cordoned}{"\\n"}'
        )
        self._process = subprocess.Popen(
            ["kubectl", "get", "nodes", "--watch", "-o", f"jsonpath={template}"],
            env=dict(env),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(" ".join(line.split()))

    def wait_for(self, text: str, after: int = 0, seconds: float = 30) -> None:
        """Until a line from number `after` on holds `text`."""
        deadline = time.monotonic() + seconds
        while not any(text in line for line in self.lines[after:]):
            assert time.monotonic() < deadline, f"no event with {text!r} in {self.lines[after:]}"
            time.sleep(0.05)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._thread.join(10)


@contextmanager
def node_events(env: Mapping[str, str], first: str) -> Iterator[NodeEvents]:
    """Watch the Nodes; starts when the one named `first` was listed."""
    events = NodeEvents(env)
    try:
        events.wait_for(first)
        yield events
    finally:
        events.close()
