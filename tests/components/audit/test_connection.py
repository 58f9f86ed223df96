"""Logins by `ssh` itself, on a real SSH server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from pydantic import SecretStr

from components.audit.connection import ConnectionFailedError, line, said
from components.settings.resolved import BastionSettings, ConnectionSettings
from tests.plugins.sshd import PASSWORD, Server, ssh_server

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh here")


@pytest.fixture
def sshd() -> Iterator[Server]:
    with ssh_server() as server:
        yield server


def _settings(server: Server, **more: object) -> ConnectionSettings:
    plain = ConnectionSettings(
        user="root",
        port=server.port,
        private_key=None,
        private_key_file=None,
        agent=False,
        password=SecretStr(PASSWORD),
        host_key=" ".join(server.host_key_line.split()[:2]),
        insecure_ignore_host_key=False,
        dial_error_limit=1,
        per_dial_timeout_seconds=10,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def _bastion(server: Server) -> BastionSettings:
    key = " ".join(server.host_key_line.split()[:2])
    return BastionSettings("127.0.0.1", "jump", server.port, None, None, SecretStr(PASSWORD), key)


def test_a_password_logs_in_and_stands_on_no_command_line(sshd: Server, tmp_path: Path) -> None:
    assert said("127.0.0.1", _settings(sshd), "cat; echo done", "given\n", tmp_path) == "given\ndone\n"
    assert (sshd.users[-1], sshd.opened) == ("root", 1)
    words, environment = line("127.0.0.1", _settings(sshd, bastion=_bastion(sshd)), tmp_path)
    assert PASSWORD not in " ".join([*words, *environment.values()])


def test_a_private_key_logs_in(sshd: Server, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    sshd.authorized.append(key.export_public_key().decode())
    ssh = _settings(
        sshd, password=None, private_key=SecretStr(key.export_private_key().decode().rstrip("\n"))
    )
    assert said("127.0.0.1", ssh, "echo in", "", tmp_path) == "in\n"
    assert (tmp_path / "key-host").stat().st_mode & 0o077 == 0


def test_through_a_bastion_with_a_login_of_its_own(sshd: Server, tmp_path: Path) -> None:
    with ssh_server() as bastion:
        ssh = _settings(sshd, bastion=_bastion(bastion))
        assert said("127.0.0.1", ssh, "echo in", "", tmp_path) == "in\n"
        assert (bastion.users[-1], bastion.opened, bastion.commands) == ("jump", 1, [])


def test_another_user_becomes_root_by_sudo(sshd: Server, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError):
        said("127.0.0.1", _settings(sshd, user="ops"), "false", "", tmp_path)
    assert sshd.commands == ["sudo -n false"]


def test_a_host_with_another_key_is_not_logged_in_to(sshd: Server, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    with pytest.raises(
        ConnectionFailedError,
        match="another host key than the configured one",
    ):
        said("127.0.0.1", _settings(sshd, host_key=other), "true", "", tmp_path)
    assert sshd.commands == []


def test_what_went_wrong_is_told(sshd: Server, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError, match="complained"):
        said("127.0.0.1", _settings(sshd), "echo complained >&2; exit 3", "", tmp_path)
    with pytest.raises(ConnectionFailedError, match="Connection refused"):
        said("127.0.0.1", _settings(sshd, port=1), "true", "", tmp_path)
    missing = _settings(sshd, password=None, private_key_file="secrets/id")
    with pytest.raises(ConnectionFailedError, match="no private key secrets/id"):
        said("127.0.0.1", missing, "true", "", tmp_path)
