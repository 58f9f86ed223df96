"""The whole program, with the real ssh, against servers on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
import yaml

from components.hostkeys.__main__ import main
from components.hostkeys.collect import fingerprint
from tests.plugins.sshd import Server, ssh_server


@pytest.fixture
def sshd() -> Iterator[Server]:
    with ssh_server() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Server]:
    with ssh_server(host_key=asyncssh.generate_private_key("ecdsa-sha2-nistp256")) as server:
        yield server


def _key(server: Server) -> str:
    return " ".join(server.host_key_line.split()[:2])


def _project(directory: Path, nodes: str, ssh: str = "") -> Path:
    (directory / "Pulumi.yaml").write_text("name: kubenode\nruntime: python\n")
    stack = directory / "Pulumi.prod.yaml"
    stack.write_text(f"# production\nconfig:\n{ssh}  kubenode:nodes:\n{nodes}")
    return stack


def _node(name: str, server: Server, more: str = "") -> str:
    return f"    {name}: # where it stands\n      address: 127.0.0.1\n      ssh:\n        port: {server.port}\n{more}"


def _run(directory: Path, *arguments: str) -> int:
    return main(["--stack", "prod", "--project-dir", str(directory), *arguments])


def test_missing_keys_are_written_for_review_and_then_stand(
    tmp_path: Path, sshd: Server, other: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = _project(tmp_path, _node("worker-1", sshd) + _node("worker-2", other))
    before = stack.read_text()
    stack.chmod(0o640)
    assert _run(tmp_path) == 0
    said = capsys.readouterr().out
    assert f"worker-1             [127.0.0.1]:{sshd.port}" in said
    assert f"ssh-ed25519          {fingerprint(_key(sshd))} new" in said
    assert f"ecdsa-sha2-nistp256  {fingerprint(_key(other))} new" in said
    assert "Wrote 2 host keys to " in said
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in said
    assert "git" not in said
    after = stack.read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        f'        hostKey: "{_key(sshd)}"',
        f'        hostKey: "{_key(other)}"',
    ]
    assert [line for line in after.splitlines() if "hostKey" not in line] == before.splitlines()
    assert oct(stack.stat().st_mode)[-3:] == "640"
    # Nobody logged in, and nothing was run.
    assert sshd.commands == other.commands == []
    assert _run(tmp_path) == 0
    assert capsys.readouterr().out.count("as configured") == 2
    assert stack.read_text() == after


def test_the_fingerprint_is_ssh_keygens(tmp_path: Path, sshd: Server) -> None:
    (tmp_path / "key.pub").write_text(_key(sshd) + "\n")
    said = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True
    ).stdout
    assert fingerprint(_key(sshd)) in said.split()


def test_another_key_is_never_overwritten_without_being_told(
    tmp_path: Path, sshd: Server, other: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    old = _key_of_nobody()
    more = f'        hostKey: "{old} root@old" # looked at in May\n'
    stack = _project(tmp_path, _node("worker-1", sshd, more) + _node("worker-2", other))
    assert _run(tmp_path, "worker-1") == 1
    said = capsys.readouterr().out
    assert f"{fingerprint(_key(sshd))} DIFFERS from the configured {fingerprint(old)}" in said
    assert old in stack.read_text()
    assert _run(tmp_path) == 1
    assert yaml.safe_load(stack.read_text())["config"]["kubenode:nodes"]["worker-2"]["ssh"][
        "hostKey"
    ] == _key(other)
    assert old in stack.read_text()
    capsys.readouterr()
    assert _run(tmp_path, "--replace", "worker-1") == 0
    assert f"replaces {fingerprint(old)}" in capsys.readouterr().out
    assert f'        hostKey: "{_key(sshd)}" # looked at in May\n' in stack.read_text()


def _key_of_nobody() -> str:
    return " ".join(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2])


def test_a_configured_key_is_compared_by_its_own_algorithm(tmp_path: Path) -> None:
    """The server has an ed25519 key too, which it would show first."""
    rsa = asyncssh.generate_private_key("ssh-rsa")
    with ssh_server(host_key=rsa, host_key_algorithms=("rsa-sha2-512",)) as server:
        _project(tmp_path, _node("worker-1", server, f'        hostKey: "{_key(server)}"\n'))
        assert _run(tmp_path) == 0
        _project(tmp_path, _node("worker-1", server))
        assert _run(tmp_path) == 0
        assert _key(server) in (tmp_path / "Pulumi.prod.yaml").read_text()


def test_a_host_that_does_not_answer_is_named_and_the_others_are_written(
    tmp_path: Path, sshd: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = "    worker-1: {address: 127.0.0.1, ssh: {port: 1}}\n"
    stack = _project(tmp_path, gone + _node("worker-2", sshd))
    assert _run(tmp_path) == 1
    said = capsys.readouterr().out
    assert "worker-1             [127.0.0.1]:1            FAILED: " in said
    assert "Connection refused" in said
    assert stack.read_text().count("hostKey") == 1


def test_a_nodes_file_is_the_file_that_is_written(tmp_path: Path, sshd: Server) -> None:
    stack = _project(tmp_path, "    {}\n")
    stack.write_text("config:\n  kubenode:nodesFile: nodes.yaml\n")
    (tmp_path / "nodes.yaml").write_text(f"worker-1: {{address: 127.0.0.1, ssh: {{port: {sshd.port}}}}}\n")
    assert _run(tmp_path) == 0
    written = yaml.safe_load((tmp_path / "nodes.yaml").read_text())
    assert written["worker-1"]["ssh"] == {"port": sshd.port, "hostKey": _key(sshd)}
    assert "hostKey" not in stack.read_text()


@pytest.fixture
def bastion(tmp_path: Path) -> Iterator[Server]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "id").write_bytes(key.export_private_key())
    (tmp_path / "id").chmod(0o600)
    with ssh_server(authorized=[key.export_public_key().decode()]) as server:
        yield server


def _bastion(server: Server, key: str | None = None) -> str:
    line = f'      hostKey: "{key}"\n' if key else ""
    return (
        "  kubenode:ssh:\n    privateKeyFile: nowhere\n    bastion:\n      address: 127.0.0.1\n"
        f"      port: {server.port}\n      user: jump\n      privateKeyFile: id\n{line}"
    )


def test_through_a_bastion_whose_key_is_collected_first(
    tmp_path: Path, sshd: Server, bastion: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = _project(tmp_path, _node("worker-1", sshd), _bastion(bastion))
    assert _run(tmp_path) == 0, capsys.readouterr().out
    config = yaml.safe_load(stack.read_text())["config"]
    assert config["kubenode:ssh"]["bastion"]["hostKey"] == _key(bastion)
    assert config["kubenode:nodes"]["worker-1"]["ssh"]["hostKey"] == _key(sshd)
    assert "jump" in bastion.users
    assert sshd.opened == 1


def test_a_bastion_with_another_key_than_configured_is_not_gone_through(
    tmp_path: Path, sshd: Server, bastion: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = _project(tmp_path, _node("worker-1", sshd), _bastion(bastion, _key_of_nobody()))
    before = stack.read_text()
    assert _run(tmp_path) == 1
    said = capsys.readouterr().out
    assert "bastion 127.0.0.1" in said
    assert "DIFFERS" in said
    assert "FAILED" in said
    assert sshd.opened == 0
    assert stack.read_text() == before


def test_keys_from_a_known_hosts_file_ask_nobody(
    tmp_path: Path, sshd: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = _project(
        tmp_path,
        _node("worker-1", sshd) + "    worker-2: {address: 10.0.0.9}\n    worker-3: {address: 10.0.0.3}\n",
    )
    second = _key_of_nobody()
    known = tmp_path / "known_hosts"
    known.write_text(
        f"@revoked * {_key_of_nobody()}\n[127.0.0.1]:{sshd.port} {_key(sshd)}\n10.0.0.9 {second}\n"
    )
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    assert "10.0.0.9" not in known.read_text()
    assert _run(tmp_path, "--known-hosts", str(known)) == 1
    assert f"FAILED: {known} has no key of 10.0.0.3" in capsys.readouterr().out
    nodes = yaml.safe_load(stack.read_text())["config"]["kubenode:nodes"]
    assert [nodes[name]["ssh"]["hostKey"] for name in ("worker-1", "worker-2")] == [_key(sshd), second]
    assert sshd.opened == 0


def test_a_host_that_is_trusted_anyway_is_left_alone(
    tmp_path: Path, sshd: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = _project(tmp_path, _node("worker-1", sshd, "        insecureIgnoreHostKey: true\n"))
    before = stack.read_text()
    assert _run(tmp_path) == 0
    assert "not asked: insecureIgnoreHostKey is set" in capsys.readouterr().out
    assert stack.read_text() == before
    assert sshd.opened == 0


@pytest.mark.parametrize(
    ("stack", "arguments", "message"),
    [
        ("config: {'kubenode:nodes': {a: {address: x}}}\n", ("b",), "the stack prod has no node b"),
        ("config: [\n", (), "Pulumi.prod.yaml is no YAML, line 2"),
        (
            "config: {'kubenode:nodesFile': no.yaml}\n",
            (),
            "there is no file no.yaml in the project directory",
        ),
        ("config: {'kubenode:nodes': {a: {}}}\n", (), "nodes.a has no address"),
    ],
)
def test_a_configuration_that_cannot_be_used(
    tmp_path: Path, stack: str, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _project(tmp_path, "    {}\n").write_text(stack)
    assert _run(tmp_path, *arguments) == 2
    assert f"hostkeys: {message}" in capsys.readouterr().err
