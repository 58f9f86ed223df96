"""The files that a person and the program use."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from sandbox import environment
from sandbox.checkout import Checkout
from sandbox.hosts import Host

_HOSTS = [
    Host("worker-1", "172.30.9.11", "ssh-ed25519 AAAAone", "bookworm", "created"),
    Host("worker-2", "172.30.9.12", "ssh-ed25519 AAAAtwo", "trixie", "running"),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a checkout"
    root.mkdir()
    return Checkout(root)


def _sourced(file: Path, times: int, name: str) -> str:
    """A variable's value after a shell has sourced the file that often."""
    script = " ".join(['. "$0";'] * times) + f' printf %s "${{{name}-}}"'
    run = subprocess.run(
        ["/bin/sh", "-euc", script, file],
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout


def _write_env(checkout: Checkout, *, docker_host: str = "", system_tools: bool = False) -> Path:
    text = environment.env(
        checkout,
        [Path("/tools/x y"), Path("/tools/z")],
        docker_host,
        Path("/p/python"),
        system_tools=system_tools,
    )
    environment.write(checkout.env_file, text)
    return checkout.env_file


def test_nodes_are_what_the_stack_reads() -> None:
    assert yaml.safe_load(environment.nodes(_HOSTS)) == {
        "worker-1": {"address": "172.30.9.11", "ssh": {"hostKey": "ssh-ed25519 AAAAone"}},
        "worker-2": {"address": "172.30.9.12", "ssh": {"hostKey": "ssh-ed25519 AAAAtwo"}},
    }


def test_no_nodes_are_an_empty_map() -> None:
    assert yaml.safe_load(environment.nodes([])) == {}


def test_what_somebody_set_for_a_host_stays_and_what_is_measured_does_not() -> None:
    former = environment.nodes(_HOSTS[:1]).replace("address:", "labels: {a: b}\n  address:")
    former = former.replace("hostKey: ", "user: root\n    hostKey: other ").replace("10.", "11.")
    made = yaml.safe_load(environment.nodes(_HOSTS, former))
    fresh = yaml.safe_load(environment.nodes(_HOSTS))
    name = _HOSTS[0].name
    assert made.pop(name) == {
        **fresh[name],
        "labels": {"a": "b"},
        "ssh": {**fresh[name]["ssh"], "user": "root"},
    }
    assert made == {other: entry for other, entry in fresh.items() if other != name}
    assert yaml.safe_load(environment.nodes(_HOSTS, "]")) == fresh


def test_path_has_the_project_first_and_each_folder_once(checkout: Checkout) -> None:
    file = _write_env(checkout)
    expected = [
        str(checkout.root / ".venv/bin"),
        str(checkout.bin),
        "/tools/x y",
        "/tools/z",
        "/usr/bin",
        "/bin",
    ]
    assert _sourced(file, 1, "PATH").split(":") == expected
    assert _sourced(file, 3, "PATH").split(":") == expected


def test_pulumi_finds_its_state_below_the_checkout(checkout: Checkout) -> None:
    file = _write_env(checkout)
    assert _sourced(file, 1, "PULUMI_BACKEND_URL") == f"file://{checkout.root}/.sandbox/state?metadata=skip"
    assert _sourced(file, 1, "PULUMI_HOME") == f"{checkout.root}/.sandbox/pulumi-home"
    assert _sourced(file, 1, "PULUMI_PYTHON_CMD") == "/p/python"
    assert _sourced(file, 1, "PULUMI_SKIP_UPDATE_CHECK") == "true"
    assert _sourced(file, 1, "PULUMI_CONFIG_PASSPHRASE") == "sandbox"
    assert _sourced(file, 1, "KUBECONFIG") == f"{checkout.root}/.sandbox/kubeconfig"


def test_official_plugins_are_looked_for_where_the_user_has_them(checkout: Checkout) -> None:
    assert _sourced(_write_env(checkout, system_tools=True), 1, "PULUMI_HOME") == ""


def test_docker_host_is_set_only_if_the_daemon_is_not_the_usual_one(checkout: Checkout) -> None:
    assert "DOCKER_HOST" not in _write_env(checkout).read_text(encoding="utf-8")
    assert _sourced(_write_env(checkout, docker_host="unix:///s"), 1, "DOCKER_HOST") == "unix:///s"


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs ssh")
def test_ssh_itself_reads_the_configuration(checkout: Checkout) -> None:
    environment.write(checkout.ssh_config, environment.ssh_config(checkout, _HOSTS))

    def resolved(host: str) -> dict[str, str]:
        run = subprocess.run(
            ["ssh", "-G", "-F", checkout.ssh_config, host], check=True, capture_output=True, text=True
        )
        return dict(line.split(" ", 1) for line in run.stdout.splitlines() if " " in line)

    worker = resolved("worker-2")
    assert (worker["hostname"], worker["user"]) == ("172.30.9.12", "root")
    assert worker["identityfile"] == str(checkout.private_key)
    assert worker["identitiesonly"] == "yes"
    assert worker["userknownhostsfile"] == str(checkout.known_hosts)
    assert worker["stricthostkeychecking"] in ("true", "yes")
    assert resolved("example.org")["hostname"] == "example.org"
    assert resolved("example.org")["userknownhostsfile"] != str(checkout.known_hosts)


def test_known_hosts_cover_names_and_addresses() -> None:
    assert environment.known_hosts(_HOSTS).splitlines()[0] == "worker-1,172.30.9.11 ssh-ed25519 AAAAone"


def test_a_file_is_written_only_if_it_differs(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    assert environment.write(file, "one")
    inode = file.stat().st_ino
    assert not environment.write(file, "one")
    assert file.stat().st_ino == inode
    assert environment.write(file, "two")
    assert environment.write(file, "two", 0o600)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["file"]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_the_key_is_made_once_and_nobody_else_reads_it(checkout: Checkout) -> None:
    public = environment.ensure_key(checkout)
    assert public.startswith("ssh-ed25519 ")
    assert environment.ensure_key(checkout) == public
    assert checkout.private_key.stat().st_mode & 0o077 == 0
    checkout.private_key.with_suffix(".pub").unlink()
    assert environment.ensure_key(checkout) != public


def test_the_ssh_wrapper_runs_the_real_ssh_with_the_configuration(checkout: Checkout, tmp_path: Path) -> None:
    real = tmp_path / "real ssh"
    environment.write(real, '#!/bin/sh\nprintf "%s|" "$@"\n', 0o755)
    wrapper = tmp_path / "ssh"
    environment.write(wrapper, environment.ssh_wrapper(checkout, str(real)), 0o755)
    run = subprocess.run([wrapper, "worker-1", "two words"], check=True, capture_output=True, text=True)
    assert run.stdout == f"-F|{checkout.ssh_config}|worker-1|two words|"


def test_with_system_tools_nothing_of_ours_is_in_the_way(checkout: Checkout, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    environment.write(tools / "pulumi", "engine", 0o755)
    environment.write(tools / "pulumi-language-python", "language host", 0o755)
    environment.settle(checkout, _HOSTS, [tools], "", {"PATH": "/usr/bin:/bin"})
    assert (checkout.bin / "pulumi").read_text() == "engine"
    assert (checkout.bin / "pulumi-language-python").read_text() == "language host"
    assert list(checkout.pulumi_home.glob("plugins/resource-command-v*/pulumi-resource-command"))
    environment.settle(checkout, _HOSTS, [tools], "", {"PATH": "/usr/bin:/bin", "KUBENODE_TOOLS": "system"})
    assert not list(checkout.bin.glob("pulumi*"))


def test_a_second_run_changes_nothing(checkout: Checkout) -> None:
    arguments = (checkout, _HOSTS, [Path("/tools")], "", {"PATH": "/usr/bin:/bin"})
    assert environment.settle(*arguments)
    assert not environment.settle(*arguments)
