"""A plugin as a process: how it starts, and that it does not outlive the engine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.plugins import VERSIONS
from sandbox.plugins.install import install, install_into_home
from sandbox.plugins.values import encode


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def installed(directory: Path, name: str) -> Path:
    install(directory, Path(sys.executable))
    return directory / f"pulumi-resource-{name}"


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_starts_anywhere_and_is_interrupted(tmp_path: Path, name: str) -> None:
    (tmp_path / "sandbox.py").write_text("raise SystemExit('the wrong sandbox')")
    script = installed(tmp_path / "bin", name)
    plugin = subprocess.Popen([script, "127.0.0.1:1"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert plugin.stdout is not None
    port = int(plugin.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty())
    assert info.version == VERSIONS[name]
    plugin.send_signal(signal.SIGINT)
    assert plugin.wait(5) == 0
    plugin.stdout.close()


def test_finishes_its_work_and_ends_when_the_engine_is_killed(tmp_path: Path) -> None:
    script = installed(tmp_path / "bin", "command")
    engine = subprocess.Popen(
        ["sh", "-c", f"{script} 127.0.0.1:1 & echo $! > {tmp_path}/pid; wait"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert engine.stdout is not None
    port = int(engine.stdout.readline())
    pid = int((tmp_path / "pid").read_text())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        token, done = "command:local:Command", tmp_path / "done"
        properties = encode({"create": f"sleep 2; touch {done}"})
        request = provider_pb2.CreateRequest(urn=f"urn:pulumi:s::p::{token}::c", properties=properties)
        creation = provider_pb2_grpc.ResourceProviderStub(channel).Create.future(request)
        assert not eventually(creation.done, 0.7)
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    engine.stdout.close()
    assert (alive(pid), done.exists()) == (True, False)
    assert eventually(lambda: not alive(pid))
    assert done.exists()


def test_install_into_home_has_the_versions_that_the_sdks_ask_for(tmp_path: Path) -> None:
    install_into_home(tmp_path, Path(sys.executable))
    for name in VERSIONS:
        asked = json.loads((files(f"pulumi_{name}") / "pulumi-plugin.json").read_text())["version"]
        assert (
            tmp_path / "plugins" / f"resource-{name}-v{asked}" / f"pulumi-resource-{name}"
        ).stat().st_mode & 0o111
