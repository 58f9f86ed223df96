"""A downgrade asks for a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.cluster.downgrades import docker_release, refusals
from components.cluster.facts import Facts, NodeFacts
from components.cluster.objections import refusals as refusals_of_the_stack
from components.settings import NodeSettings
from tests.components import example

_SHA = "0" * 64
_ARCHIVE = "https://mirror.example.org/1.2.3/docker-%s.tgz"


def _node(tmp_path: Path, changed: dict[str, Any] | None = None, version: str = "1.37.2") -> NodeSettings:
    return example.stack(tmp_path, changed or {}, version=version).nodes["worker-1"]


def _docker(tmp_path: Path, **docker: Any) -> NodeSettings:
    return _node(tmp_path, {"nodes/worker-1/docker": docker})


@pytest.mark.parametrize(
    ("runs", "count"), [("1.37.3", 1), ("1.37.2", 0), ("1.37.1", 0), ("1.36.9", 0), (None, 0)]
)
def test_an_older_kubernetes_is_refused_by_both_numbers(tmp_path: Path, runs: str | None, count: int) -> None:
    found = refusals("worker-1", _node(tmp_path), runs, None)
    assert len(found) == count
    for problem in found:
        assert problem.startswith("nodes.worker-1.kubernetes.version: 1.37.2 is older than 1.37.3, ")
        assert problem.endswith("kubernetes.allowDowngrade: true")


def test_the_word_lets_it_pass(tmp_path: Path) -> None:
    node = _node(tmp_path, {"kubernetes/allowDowngrade": True})
    assert refusals("worker-1", node, "1.38.0", None) == []


@pytest.mark.parametrize(
    ("docker", "release"),
    [
        ({"package": "docker.io=20.10.24+dfsg1-1+deb12u1"}, (20, 10, 24)),
        ({"package": "docker.io"}, None),
        ({"source": "docker"}, None),
        (
            {
                "source": "docker",
                "repository": {
                    "packages": ["containerd.io=1.7.25-1", "docker-ce=5:27.5.1-1~debian.12~bookworm"]
                },
            },
            (27, 5, 1),
        ),
        ({"source": "archive", "archive": {"url": _ARCHIVE % "27.5.1", "sha256": _SHA}}, (27, 5, 1)),
        ({"source": "archive", "archive": {"url": _ARCHIVE % "ours", "sha256": _SHA}}, None),
        ({"source": "existing"}, None),
    ],
)
def test_the_docker_that_is_wanted(
    tmp_path: Path, docker: dict[str, Any], release: tuple[int, int, int] | None
) -> None:
    assert docker_release(_docker(tmp_path, **docker)) == release


def test_an_older_docker_is_refused_and_a_word_lets_it_pass(tmp_path: Path) -> None:
    package = "docker.io=20.10.24+dfsg1-1+deb12u1"
    (problem,) = refusals("worker-1", _docker(tmp_path, package=package), None, "docker://26.1.5+dfsg1")
    assert problem.startswith("nodes.worker-1.docker: 20.10.24 is older than 26.1.5, which runs there. ")
    assert problem.endswith("docker.allowDowngrade: true")
    meant = _docker(tmp_path, package=package, allowDowngrade=True)
    assert refusals("worker-1", meant, None, "docker://26.1.5+dfsg1") == []
    same = _docker(tmp_path, package=package)
    assert refusals("worker-1", same, None, "docker://20.10.24+dfsg1") == []
    assert refusals("worker-1", same, None, "containerd://2.0.0") == []


def test_only_a_node_of_the_stack_is_looked_at(tmp_path: Path) -> None:
    nodes = {"worker-1": _node(tmp_path)}
    newer = NodeFacts("ours", None, ready=True, joined=True, kubelet="1.38.0", runtime=None)
    facts = Facts(reachable=True, nodes={"worker-1": newer})
    (problem,) = refusals_of_the_stack(facts, "ours", nodes)
    assert "older than 1.38.0" in problem
    (problem,) = refusals_of_the_stack(facts, "theirs", nodes)
    assert "belongs to the stack ours" in problem
