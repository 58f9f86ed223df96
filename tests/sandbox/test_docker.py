"""Calling `docker`, with a stand-in for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.docker import Docker
from sandbox.errors import SandboxError


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to write the program that stands in for `docker`."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "docker"


def _become(stub: Path, script: str) -> None:
    stub.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    stub.chmod(0o755)


def test_the_daemon_is_named_before_the_command(stub: Path) -> None:
    _become(stub, 'echo "$@"')
    assert Docker("unix:///s").text("ps", "--all") == "--host unix:///s ps --all\n"
    assert Docker().text("ps") == "ps\n"


def test_a_failure_shows_dockers_own_words(stub: Path) -> None:
    _become(stub, "echo 'no such image' >&2; exit 1")
    with pytest.raises(SandboxError, match="docker image inspect failed: no such image"):
        Docker().run("image", "inspect", "x")
    assert Docker().run("image", "inspect", "x", check=False).returncode == 1
    assert not Docker().works()


def test_a_daemon_that_hangs_is_an_error_and_does_not_work(stub: Path) -> None:
    _become(stub, "exec sleep 10")
    with pytest.raises(SandboxError, match="did not end within"):
        Docker().run("ps", seconds=0.2)
    assert not Docker().works(seconds=0.2)


def test_no_docker_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError) as caught:
        Docker().run("ps")
    assert "docker.io" in caught.value.fix


def test_a_stopped_container_still_has_its_address(stub: Path, tmp_path: Path) -> None:
    raw = {
        "Name": "/kubenode-x-worker-2",
        "State": {"Status": "exited"},
        "Config": {"Labels": {"kubenode.sandbox.role": "worker-2", "kubenode.sandbox.index": "2"}},
        "NetworkSettings": {
            "Networks": {"n": {"IPAMConfig": {"IPv4Address": "172.30.0.12"}, "IPAddress": ""}}
        },
    }
    (tmp_path / "shown.json").write_text(json.dumps([raw]), encoding="utf-8")
    _become(stub, f'case $1 in ps) echo id ;; inspect) cat "{tmp_path}/shown.json" ;; esac')
    (container,) = Docker().containers("x")
    assert (container.role, container.index, container.address) == ("worker-2", 2, "172.30.0.12")
    assert not container.running
