"""Digests, locks and pruning of the tools' cache."""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.tools import cache, manifest
from sandbox.tools.manifest import Graph, Tool

GRAPH = Graph("graph", "example.org/a", "-X a={version}", (Tool("one", "example.org/a/cmd/one", "one"),))
HOLD = """
import sys, time
from pathlib import Path
from sandbox.tools import cache
with cache.locked(Path(sys.argv[1]), "testing", print):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(manifest, "HERE", tmp_path / "checkout")
    monkeypatch.setenv("KUBENODE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "checkout" / "graph"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module a\n")
    (folder / "go.sum").write_text("sums\n")
    return folder


def digest(graph: Graph = GRAPH, go: str = "go1.26.0", arch: str = "amd64") -> str:
    return cache.digest(graph, go, arch)


def test_root_is_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBENODE_CACHE", "/somewhere")
    assert cache.root() == Path("/somewhere")
    monkeypatch.delenv("KUBENODE_CACHE")
    assert cache.root() == Path.home() / ".cache" / "kubenode"


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "tools.go", "sub/more.go"])
def test_digest_changes_with_each_source(source: Path, name: str) -> None:
    before = digest()
    (source / name).parent.mkdir(exist_ok=True)
    with (source / name).open("a") as file:
        file.write("// more\n")
    assert digest() != before


def test_digest_changes_with_row_go_and_architecture(source: Path) -> None:
    digests = {
        digest(),
        digest(replace(GRAPH, ldflags="")),
        digest(replace(GRAPH, tools=(replace(GRAPH.tools[0], extras=("x",)),))),
        digest(replace(GRAPH, cgo=True)),
        digest(go="go1.26.1"),
        digest(arch="arm64"),
    }
    assert len(digests) == 6


def test_digest_tells_contents_from_names(source: Path) -> None:
    (source / "go.mod").write_text("ab")
    (source / "go.sum").write_text("c")
    before = digest()
    (source / "go.mod").write_text("a")
    (source / "go.sum").write_text("bc")
    assert digest() != before


def test_digest_stays_with_anything_else(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest()
    (source / "README.md").write_text("words")
    (source / "go.mod").touch()
    assert digest() == before
    shutil.copytree(tmp_path / "checkout", tmp_path / "another checkout")
    monkeypatch.setattr(manifest, "HERE", tmp_path / "another checkout")
    assert digest() == before


def test_lock_waits_and_says_who_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    order: list[str] = []
    asked = threading.Event()

    def waiting(holder: str) -> None:
        order.append(holder)
        asked.set()

    def second() -> None:
        with cache.locked(lock, "coming second", waiting):
            order.append("second")

    with cache.locked(lock, "being first", waiting):
        thread = threading.Thread(target=second)
        thread.start()
        assert asked.wait(10)
        order.append("first done")
    thread.join(10)
    assert "being first" in order[0]
    assert "process " in order[0]
    assert order[-1] == "second"
    assert order.index("first done") < order.index("second")


def test_lock_whose_folder_goes_with_its_holder_is_made_anew(tmp_path: Path) -> None:
    lock = tmp_path / "shared" / "x.lock"
    asked, removed = threading.Event(), threading.Event()

    def waiting(_holder: str) -> None:
        asked.set()
        assert removed.wait(10)

    held: list[bool] = []

    def second() -> None:
        with cache.locked(lock, "coming second", waiting):
            held.append(lock.exists())

    thread = threading.Thread(target=second)
    with cache.locked(lock, "removing it", waiting):
        thread.start()
        assert asked.wait(10)
        shutil.rmtree(lock.parent)
    removed.set()
    thread.join(10)
    assert held == [True]


def test_lock_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waited: list[str] = []

    def waiting(who: str) -> None:
        waited.append(who)
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)

    with cache.locked(lock, "after", waiting):
        pass
    assert waited
    assert f"process {holder.pid}, testing" in waited[0]
    holder.stdout.close()


def test_a_lock_that_is_removed_before_it_is_held_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "x.lock"
    flock = fcntl.flock
    calls = 0

    def prune_first(handle: int, operation: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            lock.unlink()
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", prune_first)
    with cache.locked(lock, "testing", print):
        assert "testing" in lock.read_text()
    assert calls == 2


def test_prune_keeps_what_is_used(source: Path) -> None:
    tools = cache.root() / "tools"
    for name in ("graph-1.36-old", "graph-kept", "graph-old.part-xy_z", "graph-kept.part-abc"):
        (tools / name).mkdir(parents=True)
        (tools / name / "program").touch()
    (tools / "graph-1.36-old.lock").touch()
    assert cache.prune({"graph-kept"}, print) == ["graph-1.36-old", "graph-old"]
    assert sorted(path.name for path in tools.iterdir()) == ["graph-kept", "graph-kept.part-abc"]
    assert cache.prune({"graph-kept"}, print) == []


def test_prune_of_nothing(source: Path) -> None:
    assert cache.prune(set(), print) == []
