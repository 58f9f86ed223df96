"""One program at a time per node."""

from __future__ import annotations

import multiprocessing
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.local import lock
from components.local.errors import Failure


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def hold(subject: str, ready: Callable[[], None], seconds: float) -> None:
    with lock.held(subject, f"in-service apply of {subject} (process {os.getpid()})", 1):
        ready()
        time.sleep(seconds)


def holder(subject: str, seconds: float) -> multiprocessing.Process:
    context = multiprocessing.get_context("fork")
    started = context.Event()
    process = context.Process(target=hold, args=(subject, started.set, seconds))
    process.start()
    assert started.wait(10)
    return process  # type: ignore[return-value]


def test_the_waiting_one_gives_up_in_time_and_names_the_holder() -> None:
    process = holder("worker-1", 30)
    try:
        started = time.monotonic()
        with pytest.raises(Failure) as caught, lock.held("worker-1", "me", 0.5):
            pass
        assert 0.4 < time.monotonic() - started < 3
        assert f"worker-1: in-service apply of worker-1 (process {process.pid}) still holds" in str(
            caught.value
        )
    finally:
        process.kill()
        process.join()
    with lock.held("worker-1", "me", 0.5):
        pass  # the kernel freed it with its holder


def test_the_waiting_one_goes_on_when_the_holder_ends() -> None:
    process = holder("worker-1", 0.6)
    started = time.monotonic()
    with lock.held("worker-1", "me", 10):
        assert time.monotonic() - started > 0.3
    process.join()


def test_nodes_do_not_wait_for_each_other() -> None:
    process = holder("worker-1", 30)
    try:
        with lock.held("worker-2", "me", 0.1):
            pass
    finally:
        process.kill()
        process.join()


def test_the_directory_is_private(runtime: Path) -> None:
    folder = lock.directory()
    assert folder == runtime / "kubenode"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_directory_that_others_can_write_to_is_refused(runtime: Path) -> None:
    (runtime / "kubenode").mkdir(mode=0o755)
    with pytest.raises(Failure, match="not a directory of this user alone"):
        lock.directory()


def test_a_link_in_its_place_is_refused(runtime: Path) -> None:
    elsewhere = runtime / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (runtime / "kubenode").symlink_to(elsewhere)
    with pytest.raises(Failure, match="not a directory of this user alone"):
        lock.directory()


def test_without_a_runtime_directory_it_is_one_per_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "absent"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert lock.directory() == tmp_path / f"kubenode-{os.getuid()}"


@pytest.mark.parametrize(("one", "other"), [("a/b", "a_b"), ("x" * 70, "x" * 71)])
def test_no_two_subjects_share_a_file(one: str, other: str) -> None:
    assert lock.file_name(one) != lock.file_name(other)
    assert "/" not in lock.file_name(one)


def test_nodes_of_the_same_name_in_two_clusters_do_not_wait_for_each_other() -> None:
    with (
        lock.held("worker-1", "one", 1, scope="/a/kubeconfig"),
        lock.held("worker-1", "two", 1, scope="/b/kubeconfig"),
        pytest.raises(Failure),
        lock.held("worker-1", "three", 0.2, scope="/a/kubeconfig"),
    ):
        pass
