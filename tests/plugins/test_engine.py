"""The plugins under the real engine: what ends up in state, on the screen and on the host."""

import json
from pathlib import Path

import pytest

from tests.plugins.engine import Project
from tests.plugins.sshd import PASSWORD, Server

pytestmark = pytest.mark.sandbox

_REMOTE = """
    import json, pathlib, pulumi
    from pulumi_command import remote
    from pulumi import ResourceOptions, Output
    connection = remote.ConnectionArgs(
        host="127.0.0.1", port={port}, user="tester", password=Output.secret("{password}"),
        host_key="{host_key}", dial_error_limit=0, per_dial_timeout=5)
"""


def remote(sshd: Server, program: str) -> str:
    head = _REMOTE.format(port=sshd.port, password=PASSWORD, host_key=sshd.host_key_line)
    return "\n".join(line.removeprefix("    ") for line in (head + program).splitlines())


def test_failures_of_remote_commands(project: Project, sshd: Server, tmp_path: Path) -> None:
    """A failed create leaves nothing in state, a failed update the old inputs; delete needs only state."""
    log = tmp_path / "log"
    good = f"""
    remote.Command("c", connection=connection, create="cat > {log}", delete="echo gone with $(cat) >> {log}",
        stdin="first line\\nsecond line\\n", logging="none", add_previous_output_in_env=False)
    """
    bad = """
    remote.Command("fails", connection=connection, create="echo shown; exit 3", logging="none")
    import dataclasses
    wrong = remote.ConnectionArgs(host="127.0.0.1", port=connection.port, host_key=OTHER, dial_error_limit=0)
    remote.Command("wrong", connection=wrong, create="true")
    """
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0EpyPpYdXb0hMPa4v5bBBF4Ln2kzWgHIUw1bXa9aZh"
    project.write(remote(sshd, good + bad.replace("OTHER", repr(other)).replace("import dataclasses", "")))
    shown = project.up("--continue-on-error", fails=True)
    assert 'Process exited with status 3: running "echo shown; exit 3":' in shown
    assert "ssh: handshake failed: ssh: host key mismatch" in shown
    assert "warning: using pulumi-resource" not in shown
    assert {"c"} == set(project.state()) & {"c", "fails", "wrong"}
    assert log.read_text() == "first line\nsecond line\n"

    project.write(
        remote(sshd, good.replace("second", "other").replace("delete=", 'update="cat; exit 1", delete='))
    )
    assert "other line" in project.up(fails=True)
    state = project.state()["c"]
    assert state["inputs"]["stdin"] == state["outputs"]["stdin"] == "first line\nsecond line\n"
    preview = project.preview()
    assert all(line in preview for line in ("  first line", "- second line", "+ other line"))
    assert "[secret]" not in preview  # the connection did not change

    (project.directory / "__main__.py").write_text("raise SystemExit('not needed')")
    project.destroy()
    assert log.read_text().endswith("gone with first line second line\n")
    assert PASSWORD not in project.text_of_state() + shown


def test_triggers_replace_and_delete_the_old_afterwards(
    project: Project, sshd: Server, tmp_path: Path
) -> None:
    program = f"""
    remote.Command("c", connection=connection, create="echo create $(cat) >> {tmp_path}/log",
        triggers=[TRIGGER], delete="echo delete $(cat) >> {tmp_path}/log", stdin=TRIGGER, update="false")
    """
    project.write(remote(sshd, program.replace("TRIGGER", "'one'")))
    project.up()
    project.write(remote(sshd, program.replace("TRIGGER", "'two'")))
    project.up()
    assert (tmp_path / "log").read_text().split("\n")[:3] == ["create one", "create two", "delete one"]


def test_secrets_and_local_commands(project: Project) -> None:
    project.write("""
        import pulumi
        from pulumi_command import local
        hidden = pulumi.Output.secret("hidden")
        made = local.Command("c", create="cat | tr a-z A-Z", stdin=hidden, logging="none")
        pulumi.export("stdout", made.stdout)
        pulumi.export("where", local.run(command="pwd").stdout)
        """)
    project.up()
    outputs = json.loads(project.run("stack", "output", "--json"))
    assert outputs == {"stdout": "HIDDEN", "where": str(project.directory)}
    state = project.state()["c"]
    assert "ciphertext" in state["inputs"]["stdin"]
    assert state["outputs"]["stdout"] == "HIDDEN"
    assert "unchanged" in project.run("preview", "--expect-no-changes")
