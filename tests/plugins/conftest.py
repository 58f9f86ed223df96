"""Fixtures: a plugin over gRPC, an SSH server, a control plane, a Pulumi project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.plugins.command import CommandPlugin
from sandbox.plugins.kubernetes import KubernetesPlugin
from sandbox.plugins.tls import TlsPlugin
from tests.plugins.controlplane import ControlPlane, control_plane
from tests.plugins.engine import Project, new_project
from tests.plugins.rpc import Engine, engine_for
from tests.plugins.sshd import Server, ssh_server


@pytest.fixture
def command() -> Iterator[Engine]:
    with engine_for(CommandPlugin) as engine:
        yield engine


@pytest.fixture
def tls() -> Iterator[Engine]:
    with engine_for(TlsPlugin) as engine:
        yield engine


@pytest.fixture
def kubernetes() -> Iterator[Engine]:
    with engine_for(KubernetesPlugin) as engine:
        yield engine


@pytest.fixture
def sshd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with ssh_server() as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return new_project(tmp_path, tmp_path / "home")
