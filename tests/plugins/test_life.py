"""A plugin as a process: how it is found and how it starts."""

import json
import os
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.plugins import VERSIONS
from sandbox.plugins.install import install, install_into_home
from tests.plugins.processes import alive, eventually


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


def test_install_into_home_has_the_versions_that_the_sdks_ask_for(tmp_path: Path) -> None:
    install_into_home(tmp_path, Path(sys.executable))
    for name in VERSIONS:
        asked = json.loads((files(f"pulumi_{name}") / "pulumi-plugin.json").read_text())["version"]
        assert (
            tmp_path / "plugins" / f"resource-{name}-v{asked}" / f"pulumi-resource-{name}"
        ).stat().st_mode & 0o111


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_ends_if_the_engine_was_gone_before_it_had_begun(tmp_path: Path, name: str) -> None:
    """Nobody tells it: its parent is another one from the beginning."""
    script = installed(tmp_path, name)
    read, write = os.pipe()
    with subprocess.Popen(
        ["sh", "-c", '"$0" 127.0.0.1:1 & echo $! >&2', script],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    ) as engine:
        os.close(write)
        assert engine.stderr is not None
        plugin = int(engine.stderr.readline())
        engine.wait(10)
    os.close(read)
    eventually(lambda: not alive(plugin))
