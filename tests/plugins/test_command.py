"""The command plugin over gRPC: what a command does, with a real SSH server and no engine."""

import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncssh
import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from sandbox.plugins.values import UNKNOWN, Secret, plain
from tests.plugins.rpc import Engine, RefusedError
from tests.plugins.sshd import PASSWORD, Server, ssh_server

REMOTE, LOCAL = "command:remote:Command", "command:local:Command"


def error_of(call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **more)
    return str(caught.value.details())


def test_create_runs_with_stdin_and_trims_one_newline(command: Engine, sshd: Server) -> None:
    made = command.create(
        REMOTE, "c", create="cat; echo >&2 err", stdin="in\n\n", connection=sshd.connection()
    )
    assert (made.outputs["stdout"], made.outputs["stderr"]) == ("in\n", "err")
    assert re.fullmatch("c[0-9a-f]{8}", made.id)


def test_one_connection_a_command_and_none_left_open(command: Engine, sshd: Server) -> None:
    made = command.create(REMOTE, "c", create="true", delete="true", connection=sshd.connection())
    command.delete(REMOTE, "c", made)
    deadline = time.monotonic() + 5
    while sshd.open_now and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (sshd.opened, sshd.open_now) == (2, 0)


def test_update_runs_update_else_create_again(command: Engine, sshd: Server) -> None:
    both = {"create": "echo made", "update": "echo updated", "connection": sshd.connection()}
    made = command.create(REMOTE, "c", **both)
    assert command.update(REMOTE, "c", made, **both, stdin="x").outputs["stdout"] == "updated"
    del both["update"]
    assert command.update(REMOTE, "c", made, **both, stdin="x").outputs["stdout"] == "made"


def test_stdin_reaches_all_three_verbs(command: Engine, sshd: Server, tmp_path: Path) -> None:
    verbs = {verb: f"cat > {tmp_path}/{verb}" for verb in ("create", "update", "delete")}
    made = command.create(REMOTE, "c", **verbs, stdin="one", connection=sshd.connection())
    updated = command.update(REMOTE, "c", made, **verbs, stdin="two", connection=sshd.connection())
    command.delete(REMOTE, "c", updated)
    assert [(tmp_path / verb).read_text() for verb in verbs] == ["one", "two", "two"]


def test_delete_uses_the_connection_in_state(command: Engine, sshd: Server) -> None:
    with ssh_server() as second:
        made = command.create(REMOTE, "c", create="true", delete="echo old", connection=second.connection())
        command.delete(REMOTE, "c", made)
        assert second.commands == ["true", "echo old"]
    assert sshd.commands == []


def test_delete_without_a_command_connects_to_nobody(command: Engine, sshd: Server) -> None:
    made = command.create(REMOTE, "c", create="true", connection=sshd.connection())
    command.delete(REMOTE, "c", made)
    assert sshd.opened == 1


def test_error_shows_command_and_both_streams_in_order(command: Engine, sshd: Server) -> None:
    script = 'echo "one"; sleep .1; echo two >&2; exit 3'
    text = error_of(command.create, REMOTE, "c", create=script, connection=sshd.connection())
    quoted = script.replace('"', '\\"')
    assert text == f'Process exited with status 3: running "{quoted}":\none\ntwo\n'


def test_error_names_the_signal(command: Engine, sshd: Server) -> None:
    assert "signal KILL" in error_of(
        command.create, REMOTE, "c", create="kill -9 $$", connection=sshd.connection()
    )


@pytest.mark.parametrize(
    ("mode", "lines"),
    [
        (None, {"out", "err"}),
        ("stdoutAndStderr", {"out", "err"}),
        ("stdout", {"out"}),
        ("stderr", {"err"}),
        ("none", set()),
    ],
)
def test_logging_modes(command: Engine, sshd: Server, mode: str | None, lines: set[str]) -> None:
    logging = {} if mode is None else {"logging": mode}
    command.create(REMOTE, "c", create="echo out; echo err >&2", connection=sshd.connection(), **logging)
    assert {line.split(" ", 1)[1] for line in command.log} == lines


def test_logged_lines_keep_their_order(command: Engine, sshd: Server) -> None:
    command.create(REMOTE, "c", create="seq 1 200", connection=sshd.connection())
    assert [line.split()[1] for line in command.log] == [str(number) for number in range(1, 201)]


def test_long_logged_line_does_not_hang(command: Engine, sshd: Server) -> None:
    made = command.create(
        REMOTE, "c", create="head -c 200000 /dev/zero | tr '\\0' x", connection=sshd.connection()
    )
    assert len(made.outputs["stdout"]) == 200000


def test_connection_is_complete_and_secret(command: Engine, sshd: Server) -> None:
    short = {"host": "127.0.0.1", "password": PASSWORD}
    checked = command.check(REMOTE, "c", {"create": "true", "connection": short})
    assert isinstance(checked["connection"], Secret)
    assert plain(checked["connection"]) == {
        **short,
        "user": "root",
        "port": 22,
        "dialErrorLimit": 10,
        "perDialTimeout": 15,
    }


def test_stdout_is_not_secret_even_if_stdin_is(command: Engine, sshd: Server) -> None:
    made = command.create(REMOTE, "c", create="cat", stdin=Secret("s3cret"), connection=sshd.connection())
    assert made.outputs["stdout"] == "s3cret"
    assert isinstance(made.outputs["stdin"], Secret)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"create": "true"}, "connection: Missing required property"),
        ({"create": "true", "connection": {}}, "connection.host: Missing required property"),
        ({"create": 3, "connection": {"host": "h"}}, "create: must be a str"),
        ({"creates": "true", "connection": {"host": "h"}}, "creates: there is no input creates"),
        ({"connection": {"host": "h", "hostkey": "x"}}, "connection.hostkey: there is no input hostkey"),
        ({"connection": {"host": "h"}, "logging": "some"}, "logging: 'some' is none of"),
    ],
)
def test_wrong_inputs_are_named(command: Engine, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        command.check(REMOTE, "c", inputs)


def test_preview_runs_nothing_and_knows_no_output(command: Engine, sshd: Server) -> None:
    outputs = command.preview_create(REMOTE, "c", create="true", connection=sshd.connection())
    assert (outputs["stdout"], outputs["stderr"]) == (UNKNOWN, UNKNOWN)
    assert sshd.opened == 0


def test_update_preview_forgets_stdout_only_if_an_old_input_changed(command: Engine, sshd: Server) -> None:
    inputs = {"create": "echo made", "stdin": "x", "connection": sshd.connection()}
    made = command.create(REMOTE, "c", **inputs)
    changed = command.preview_update(REMOTE, "c", made, **{**inputs, "stdin": "y"})
    added = command.preview_update(REMOTE, "c", made, **inputs, update="echo updated")
    assert (changed["stdout"], added["stdout"]) == (UNKNOWN, "made")
    assert sshd.opened == 1


def test_diff_is_in_place_with_paths_and_an_opaque_connection(command: Engine, sshd: Server) -> None:
    inputs = {"create": "true", "environment": {"A": "1", "B": "2"}, "connection": sshd.connection()}
    sshd.accept_environment = True
    made = command.create(REMOTE, "c", **inputs)
    assert command.diff(REMOTE, "c", made, **inputs).changes == 1  # none
    changed = {**inputs, "environment": {"A": "9"}, "connection": sshd.connection(user="other"), "stdin": "x"}
    diff = command.diff(REMOTE, "c", made, **changed)
    assert sorted(diff.detailedDiff) == ["connection", "environment.A", "environment.B", "stdin"]
    assert list(diff.replaces) == []


def test_only_triggers_as_a_whole_replace(command: Engine, sshd: Server) -> None:
    inputs = {"create": "true", "connection": sshd.connection()}
    made = command.create(REMOTE, "c", **inputs)
    assert list(command.diff(REMOTE, "c", made, **inputs, triggers=["a"]).replaces) == ["triggers"]


def test_environment_refused_is_an_error_before_anything_runs(command: Engine, sshd: Server) -> None:
    inputs = {"create": "echo $A", "environment": {"A": "1"}, "connection": sshd.connection()}
    assert 'could not set environment variable "A"' in error_of(command.create, REMOTE, "c", **inputs)
    assert sshd.commands == []
    sshd.accept_environment = True
    assert command.create(REMOTE, "c", **inputs).outputs["stdout"] == "1"


def test_previous_output_is_pushed_and_its_refusal_only_a_warning(command: Engine, sshd: Server) -> None:
    inputs = {"create": "echo one", "update": "echo $PULUMI_COMMAND_STDOUT", "connection": sshd.connection()}
    made = command.create(REMOTE, "c", **inputs)
    refused = command.update(REMOTE, "c", made, **inputs, stdin="1")
    assert refused.outputs["stdout"] == ""
    assert [line for line in command.log if line.startswith("WARNING Unable to set 'PULUMI_COMMAND_STDOUT'")]
    sshd.accept_environment = True
    assert command.update(REMOTE, "c", made, **inputs, stdin="1").outputs["stdout"] == "one"
    command.log.clear()
    sshd.accept_environment = False
    command.update(REMOTE, "c", made, **inputs, stdin="1", addPreviousOutputInEnv=False)
    assert not [line for line in command.log if line.startswith("WARNING")]


def test_wrong_host_key_is_retried_then_an_error_that_names_the_host(command: Engine, sshd: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    text = error_of(command.create, REMOTE, "c", create="true", connection=sshd.connection(hostKey=other))
    assert text == (
        f"after 1 failed attempts: 127.0.0.1:{sshd.port}: ssh: handshake failed: ssh: host key mismatch"
    )
    assert sshd.opened == 2
    assert sshd.commands == []


def test_host_key_pins_its_algorithm(command: Engine, sshd: Server) -> None:
    """An RSA line pins `ssh-rsa`, which is RSA with SHA-1, and a newer sshd does not offer that."""
    key = asyncssh.generate_private_key("ssh-rsa")
    with ssh_server(host_key=key, host_key_algorithms=("rsa-sha2-512",)) as modern:
        text = error_of(command.create, REMOTE, "c", create="true", connection=modern.connection())
        assert "ssh: handshake failed" in text
    with ssh_server(host_key=key, host_key_algorithms=("rsa-sha2-512", "ssh-rsa")) as old:
        made = command.create(REMOTE, "c", create="echo in", connection=old.connection())
        assert made.outputs["stdout"] == "in"


def test_without_a_host_key_any_is_taken(command: Engine, sshd: Server) -> None:
    connection = sshd.connection()
    del connection["hostKey"]
    assert command.create(REMOTE, "c", create="echo in", connection=connection).outputs["stdout"] == "in"


def test_dial_limit_counts_further_attempts(command: Engine, sshd: Server) -> None:
    closed = sshd.connection(port=1, dialErrorLimit=2)
    text = error_of(command.create, REMOTE, "c", create="true", connection=closed)
    assert text.startswith("after 2 failed attempts: 127.0.0.1:1: dial tcp")
    assert [line for line in command.log if "Dial" in line] == [
        "INFO Dial 1/2 failed: retrying",
        "INFO Dial 2/2 failed: retrying",
    ]


def test_private_key_with_passphrase(command: Engine, sshd: Server) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    sshd.authorized.append(key.export_public_key().decode())
    text = key.export_private_key(passphrase="open", rounds=4).decode()
    connection = sshd.connection(privateKey=text, privateKeyPassword="open", password=None)
    assert command.create(REMOTE, "c", create="echo in", connection=connection).outputs["stdout"] == "in"
    connection["privateKeyPassword"] = "wrong"
    shown = error_of(command.create, REMOTE, "c", create="echo in", connection=connection)
    assert "cannot use the private key" in shown
    assert text[40:80] not in shown


@pytest.fixture
def agent(tmp_path: Path) -> Any:
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    while not socket.exists():
        time.sleep(0.01)
    yield socket
    process.terminate()
    process.wait()


def test_agent(command: Engine, sshd: Server, agent: Path, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    sshd.authorized.append(key.export_public_key().decode())
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_bytes(key.export_private_key())
    subprocess.run(["ssh-add", str(file)], env={"SSH_AUTH_SOCK": str(agent)}, check=True, capture_output=True)
    connection = sshd.connection(agentSocketPath=str(agent), password=None)
    assert command.create(REMOTE, "c", create="echo in", connection=connection).outputs["stdout"] == "in"


def test_dead_agent_fails_even_with_a_password(command: Engine, sshd: Server, tmp_path: Path) -> None:
    connection = sshd.connection(agentSocketPath=str(tmp_path / "nobody"))
    assert "the SSH agent does not answer" in error_of(
        command.create, REMOTE, "c", create="true", connection=connection
    )
    assert sshd.opened == 0


def test_bastion(command: Engine, sshd: Server) -> None:
    with ssh_server() as bastion:
        connection = sshd.connection(proxy=bastion.connection(user="jump"))
        assert command.create(REMOTE, "c", create="echo in", connection=connection).outputs["stdout"] == "in"
        assert (bastion.users, bastion.commands, sshd.users) == (["jump"], [], ["tester"])
        wrong = sshd.connection(proxy=bastion.connection(hostKey=sshd.host_key_line))
        text = error_of(command.create, REMOTE, "c", create="true", connection=wrong)
        assert text.startswith(
            f"proxy: after 1 failed attempts: 127.0.0.1:{bastion.port}: ssh: handshake failed"
        )


def test_many_commands_at_once(command: Engine, sshd: Server) -> None:
    with ThreadPoolExecutor(60) as pool:
        jobs = [
            pool.submit(
                command.create, REMOTE, f"c{n}", create="sleep 1; echo done", connection=sshd.connection()
            )
            for n in range(60)
        ]
        assert all(job.result().outputs["stdout"] == "done" for job in jobs)
    assert sshd.most_open > 30


def test_cancel_ends_the_retries(command: Engine, sshd: Server) -> None:
    threading.Timer(0.5, lambda: command.stub.Cancel(Empty())).start()
    started = time.monotonic()
    text = error_of(
        command.create, REMOTE, "c", create="true", connection=sshd.connection(port=1, dialErrorLimit=-1)
    )
    assert "context canceled" in text
    assert time.monotonic() - started < 5


def test_lost_connection_is_an_error(command: Engine, sshd: Server) -> None:
    lose = threading.Timer(0.5, sshd.drop_connections)
    lose.start()
    text = error_of(command.create, REMOTE, "c", create="echo begun; sleep 5", connection=sshd.connection())
    assert text.startswith("the connection ended before the command did: running")
    assert text.endswith("begun\n")


def test_cancel_kills_a_local_command(command: Engine) -> None:
    threading.Timer(0.5, lambda: command.stub.Cancel(Empty())).start()
    started = time.monotonic()
    assert error_of(command.create, LOCAL, "c", create="exec sleep 20").startswith("signal: killed: running")
    assert time.monotonic() - started < 5


def test_local_command(command: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INHERITED", "yes")
    made = command.create(
        LOCAL, "c", create="pwd; cat; echo $INHERITED $A", stdin="in\n", environment={"A": "1"}
    )
    assert made.outputs["stdout"].split() == [str(tmp_path), "in", "yes", "1"]
    (tmp_path / "sub").mkdir()
    there = command.create(
        LOCAL, "c", create="import os; print(os.getcwd())", interpreter=["python3", "-c"], dir="sub"
    )
    assert there.outputs["stdout"] == str(tmp_path / "sub")


def test_local_error_and_previous_output(command: Engine) -> None:
    assert error_of(command.create, LOCAL, "c", create="echo one; exit 4") == (
        'exit status 4: running "echo one; exit 4":\none\n'
    )
    inputs = {"create": "echo one", "update": 'echo "was $PULUMI_COMMAND_STDOUT"'}
    made = command.create(LOCAL, "c", **inputs)
    assert command.update(LOCAL, "c", made, **inputs, stdin="x").outputs["stdout"] == "was one"


def test_local_command_that_ignores_its_input(command: Engine) -> None:
    made = command.create(LOCAL, "c", create="true", stdin="x" * 1_000_000)
    assert made.outputs["stdout"] == ""


def test_run_function(command: Engine) -> None:
    assert command.invoke("command:local:run", command="cat", stdin=Secret("in"))["stdout"] == "in"


def test_not_in_the_sandbox(command: Engine) -> None:
    with pytest.raises(RefusedError, match="assetPaths is not supported by the sandbox's command plugin"):
        command.check(LOCAL, "c", {"create": "true", "assetPaths": ["*"]})
    text = error_of(command.check, "command:remote:CopyToRemote", "c", {})
    assert "unknown resource type command:remote:CopyToRemote" in text
    assert "command:remote:Command" in text
