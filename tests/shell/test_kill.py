"""SIGKILL at any step: the next apply converges, and a remove leaves the host as it was found.

A program that may write is where a script can be cut off with something half done. Each scenario is run once to count
them, then killed before one after another: before some by default, before each with `-m long`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.shell import box as boxes
from tests.shell import bundles
from tests.shell.box import LIBRARY, RECORD, Box

# Each part with a bundle, and with the next one, in which something of each kind changes.
_PARTS: dict[str, tuple[Callable[[Box], str], Callable[[Box], str]]] = {
    "kubelet": (bundles.kubelet, lambda box: bundles.kubelet(box, "maxPods: 2\n", "kubelet 2\n")),
    "kube-proxy": (
        bundles.kube_proxy,
        lambda box: bundles.kube_proxy(
            box, "mode: iptables\nx: 2\n", "#!/bin/sh\necho proxy 2\n", "fedcba987654"
        ),
    ),
    "docker": (
        bundles.docker,
        lambda box: bundles.docker(box, '{"log-driver": "none"}\n', "cri-dockerd 2\n", ("pause", "nginx")),
    ),
    "calico": (
        lambda box: bundles.calico(box, plugins={"bridge": "1\n", "stale": "1\n", "theirs": "1\n"}),
        lambda box: bundles.calico(box, plugins={"bridge": "2\n", "new": "2\n", "theirs": "2\n"}),
    ),
}
_STEPS = [
    pytest.param("kubelet", 17, id="kubelet-some"),
    pytest.param("docker", 61, id="docker-some"),
    *(pytest.param(part, 1, id=f"{part}-all", marks=pytest.mark.long) for part in _PARTS),
]


@contextmanager
def _host(folder: Path) -> Iterator[Box]:
    folder.mkdir()
    with boxes.opened(folder) as box:
        box.standins("systemd", "apt", "node")
        box.install()
        bundles.has_docker_packages(box)
        box.put("/opt/cni/bin/theirs", "theirs\n", 0o700)
        yield box


def _run(box: Box, part: str, verb: str, bundle: str, after: str) -> str:
    done = box.run(part, verb, bundle)
    assert done.returncode == 0, f"{verb} after a kill before '{after}': {done.stderr}"
    assert box.leftovers() == [], f"{verb} after a kill before '{after}'"
    return done.stdout


def _assert_as_found(box: Box, part: str, found: dict[str, str], after: str) -> None:
    _run(box, part, "remove", _PARTS[part][0](box), after)
    assert box.state() == found, f"removed after a kill before '{after}'"
    assert box.running() == {}, f"removed after a kill before '{after}'"
    assert sorted(box.text("/state/packages").split()) == ["base-files", "ii", "ii", "openssh-server"]
    assert list(box.path(f"{RECORD}/parts").glob("*")) == [], f"removed after a kill before '{after}'"


def _clean(folder: Path, part: str, applies: int) -> tuple[dict[str, str], dict[str, str]]:
    """Files and units of a host after applies that nobody disturbed."""
    with _host(folder) as box:
        for bundle in _PARTS[part][:applies]:
            assert box.run(part, "apply", bundle(box)).returncode == 0
        return box.state(), box.running()


def _each_kill(
    folder: Path, part: str, verb: str, number: int, step: int, applied: int
) -> Iterator[tuple[Box, str]]:
    """A fresh host for each step at which `verb` with the bundle `number` is killed, `applied` bundles being there."""
    # Where to begin differs between the scenarios, so that together they see more.
    begin = 1 + zlib.crc32(f"{part} {verb} {number} {applied}".encode()) % step
    for at in range(begin, 500, step):
        with _host(folder / str(at)) as box:
            for bundle in _PARTS[part][:applied]:
                assert box.run(part, "apply", bundle(box)).returncode == 0
            log = box.killed(at, f"{LIBRARY}/{part} {verb}", _PARTS[part][number](box))
            if len(log) < at:
                assert at > step, "the scenario wrote nothing"
                return
            yield box, log[-1]


@pytest.fixture(autouse=True)
def _needs_boxes() -> None:
    if reason := boxes.why_not():
        pytest.skip(reason)


@pytest.mark.parametrize(("part", "step"), _STEPS)
def test_a_first_apply_that_is_killed_is_finished_by_the_next(part: str, step: int, tmp_path: Path) -> None:
    state, running = _clean(tmp_path / "clean", part, 1)
    for box, after in _each_kill(tmp_path, part, "apply", 0, step, 0):
        _run(box, part, "apply", _PARTS[part][0](box), after)
        assert box.state() == state, after
        assert box.running() == running, after
        assert "nothing to change" in _run(box, part, "apply", _PARTS[part][0](box), after), after
        assert not list(box.path(f"{RECORD}/parts/{part}").glob("edited")), after


@pytest.mark.parametrize(("part", "step"), _STEPS)
def test_a_first_apply_that_is_killed_is_undone_by_a_remove(part: str, step: int, tmp_path: Path) -> None:
    with _host(tmp_path / "found") as box:
        found = box.state()
    for box, after in _each_kill(tmp_path, part, "apply", 0, step, 0):
        _assert_as_found(box, part, found, after)


@pytest.mark.parametrize(("part", "step"), _STEPS)
@pytest.mark.parametrize("back", [False, True], ids=["forth", "back"])
def test_a_change_that_is_killed_ends_as_the_next_apply_wants_it(
    part: str, back: bool, step: int, tmp_path: Path
) -> None:
    with _host(tmp_path / "found") as box:
        found = box.state()
    state, running = _clean(tmp_path / "clean", part, 1 if back else 2)
    for box, after in _each_kill(tmp_path, part, "apply", 1, step, 1):
        _run(box, part, "apply", _PARTS[part][0 if back else 1](box), after)
        assert box.state() == state, after
        assert box.running() == running, after
        assert not list(box.path(f"{RECORD}/parts/{part}").glob("edited")), after
        _assert_as_found(box, part, found, after)


@pytest.mark.parametrize(("part", "step"), _STEPS)
def test_a_remove_that_is_killed_is_finished_by_the_next(part: str, step: int, tmp_path: Path) -> None:
    with _host(tmp_path / "found") as box:
        found = box.state()
    for box, after in _each_kill(tmp_path, part, "remove", 0, step, 1):
        _assert_as_found(box, part, found, after)
