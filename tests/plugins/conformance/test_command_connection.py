"""How a remote command reaches its host.

One program, created once: each command has a connection of its own, and many of them must fail.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.plugins.behaviours import behaviour, counter
from tests.plugins.hosts import closed_port, dials, hosts, ran, scenario_on, slow
from tests.plugins.scenario import Phase
from tests.plugins.sshd import Server

_CONNECTION = "remote/connection.go"
_SSH = "golang.org/x/crypto ssh"

_PROGRAM = """
    def logs_in(name, on="one", **more):
        command(name, create="true", delete="true", logging="none", connection=host(on, **more))
    def hidden(value):
        return None if value is None else Output.secret(value)
    def key(text, **more):
        return dict(password=None, private_key=hidden(text), **more)
    def proxy(**more):
        return host("bastion", kind=remote.ProxyConnectionArgs, user="jump", **more)

    logs_in("host-key", "one")
    logs_in("host-key-wrong", "wrong", host_key=OTHER, dial_error_limit=1)
    logs_in("host-key-missing", host_key=None)
    logs_in("host-key-garbage", host_key="garbage")
    logs_in("rsa-modern", "modern")
    logs_in("rsa-old", "old")
    line = HOSTS["one"]["host_key"]
    logs_in("host-key-comment", host_key=line + " a comment")
    logs_in("host-key-options", host_key='restrict,command="a b" ' + line)
    logs_in("host-key-known-hosts", host_key="127.0.0.1 " + line)
    commented = "\\n# " + OTHER + "\\ngarbage\\nssh-ed25519 garbage\\r\\n"
    logs_in("host-key-lines", host_key=commented + line + "\\n" + OTHER)
    logs_in("host-key-second", host_key=OTHER + "\\n" + line)
    logs_in("host-key-bare", host_key=line.split()[1])
    logs_in("host-key-base64", host_key="ssh-ed25519 garbages!")
    logs_in("host-key-kind", host_key="ssh-ed25519 AAAAA2FiYw==")
    logs_in("host-key-pem", host_key=PEM)
    logs_in("ecdsa", "ecdsa")
    logs_in("ecdsa-other", host_key=HOSTS["ecdsa"]["host_key"])

    logs_in("user", "users", user="somebody")
    logs_in("user-default", "users", user=None)
    logs_in("password-wrong", "locked", password=hidden("wrong"), dial_error_limit=1)
    logs_in("password-asked", "asks")
    logs_in("password-asked-wrong", "asks", password=hidden("wrong"))
    logs_in("questions", "questions")
    logs_in("key", **key(KEY))
    logs_in("key-and-wrong-password", private_key=hidden(KEY), password=hidden("wrong"))
    logs_in("passphrase", **key(LOCKED_KEY, private_key_password=hidden("open sesame")))
    logs_in("passphrase-wrong", **key(LOCKED_KEY, private_key_password=hidden("wrong")))
    logs_in("passphrase-missing", **key(LOCKED_KEY))
    logs_in("key-garbage", **key("garbage"))
    logs_in("key-unknown", "locked", **key(STRANGERS_KEY))

    logs_in("agent", password=None, agent_socket_path=AGENT)
    logs_in("agent-default", password=None)
    logs_in("agent-dead", "unseen", agent_socket_path=DEAD)
    logs_in("agent-dead-and-key", "unseen", agent_socket_path=DEAD, **key(KEY))

    logs_in("name-empty", **{"host": ""})
    logs_in("name-foreign", **{"host": "\uff4cocalhost"})
    logs_in("port-over", port=70000)
    logs_in("port-none", port=0)
    logs_in("port-cut", port=HOSTS["one"]["port"] + 0.9)

    logs_in("closed", port=CLOSED, dial_error_limit=2)
    logs_in("nobody", port=NOBODY, per_dial_timeout=1)
    logs_in("silent", port=SILENT, per_dial_timeout=1)
    logs_in("patient", "late", dial_error_limit=3)
    logs_in("impatient", "later", dial_error_limit=2)
    logs_in("endless", "latest", dial_error_limit=-1)

    logs_in("behind", "inner", proxy=proxy())
    logs_in("bastion-wrong", "unseen", proxy=proxy(host_key=OTHER, dial_error_limit=1))
    logs_in("bastion-agent-dead", "unseen", proxy=proxy(agent_socket_path=DEAD))
    logs_in("behind-closed", port=CLOSED, proxy=proxy(), dial_error_limit=1)
    logs_in("behind-wrong", "inner-wrong", host_key=OTHER, proxy=proxy())
    logs_in("behind-wrong-retried", "inner-retried", host_key=OTHER, proxy=proxy(), dial_error_limit=1)
"""


@contextmanager
def agent(directory: Path, key: asyncssh.SSHKey) -> Iterator[Path]:
    path = directory / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it says where it listens once it does
    file = directory / "key"
    file.touch(0o600)
    file.write_bytes(key.export_private_key())
    subprocess.run(["ssh-add", str(file)], env={"SSH_AUTH_SOCK": str(path)}, check=True, capture_output=True)
    try:
        yield path
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def nobody() -> Iterator[int]:
    """A port whose queue is full, so that the kernel answers nobody."""
    with socket.socket() as listening, ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def _text(key: asyncssh.SSHKey, passphrase: str | None = None) -> str:
    return key.export_private_key(passphrase=passphrase, rounds=50).decode()


@dataclass
class Logins:
    created: Phase
    servers: dict[str, Server]


@pytest.fixture(scope="module")
def logins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logins]:
    directory: Path = tmp_path_factory.mktemp("logins")
    key, strangers, rsa = (
        asyncssh.generate_private_key(kind) for kind in ("ssh-ed25519",) * 2 + ("ssh-rsa",)
    )
    ecdsa = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    known = {"authorized": [key.export_public_key().decode()]}
    plain = ("wrong", "users", "locked", "unseen", "inner", "inner-wrong", "inner-retried", "bastion")
    servers: dict[str, dict[str, Any]] = {
        "one": known,
        **{name: {} for name in plain},
        "modern": {"host_key": rsa, "host_key_algorithms": ("rsa-sha2-512",)},
        "old": {"host_key": rsa, "host_key_algorithms": ("rsa-sha2-512", "ssh-rsa")},
        "asks": {"questions": (("Password: ",),)},
        "questions": {"questions": (("Your code: ", "And again: "), (), ("One more: ",))},
        "ecdsa": {"host_key": ecdsa, "watch_keepalive": True},
        "late": {"drop_first": 3},
        "later": {"drop_first": 9},
        "latest": {"drop_first": 3},
    }
    with hosts(**servers) as running, agent(directory, key) as socket_, nobody() as full, slow(2) as mute:
        scenario = scenario_on(
            directory,
            running,
            _PROGRAM,
            KEY=_text(key),
            LOCKED_KEY=_text(key, "open sesame"),
            STRANGERS_KEY=_text(strangers),
            PEM=key.export_public_key("pkcs8-pem").decode(),
            OTHER=strangers.export_public_key().decode().strip(),
            AGENT=str(socket_),
            DEAD=str(directory / "nobody"),
            CLOSED=closed_port(),
            NOBODY=full,
            SILENT=mute,
        )
        scenario.project.environment["SSH_AUTH_SOCK"] = str(socket_)
        yield Logins(scenario.up("--continue-on-error", fails=None), running)


def created(logins: Logins, *names: str) -> bool:
    return set(names) <= set(logins.created.state)


# Host keys


@behaviour(
    "a host that shows another key than `hostKey` gets no login and no command",
    source=_CONNECTION,
    but="the right key lets in",
)
def test_host_key(logins: Logins) -> None:
    assert logins.created.error("host-key-wrong").rstrip("\n") == (
        "after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch"
    )
    assert ran(logins.created, "host-key-wrong") == []
    assert logins.servers["wrong"].users == []
    assert created(logins, "host-key")


@behaviour(
    "without `hostKey` any host is believed",
    source=_CONNECTION,
    but="a `hostKey` that is no line of authorized_keys is refused",
)
def test_no_host_key(logins: Logins) -> None:
    assert created(logins, "host-key-missing")
    assert logins.created.error("host-key-garbage").startswith("failed to parse host key: ssh: no key found")


@behaviour(
    "`hostKey` pins its algorithm: a line `ssh-rsa` means RSA with SHA-1, which a newer sshd does not offer",
    source=_CONNECTION,
    but="one that offers it is reached",
)
def test_host_key_algorithm(logins: Logins) -> None:
    assert logins.created.error("rsa-modern").startswith("after 0 failed attempts: ssh: handshake failed: ")
    assert created(logins, "rsa-old")


@behaviour(
    "`hostKey` is text in the form of authorized_keys: the first key counts, whatever stands around it",
    source="golang.org/x/crypto ssh/keys.go, ParseAuthorizedKey",
    but="a key in PEM, or without the kind before it, is none; a text without a key is refused before a dial",
)
def test_host_key_forms(logins: Logins) -> None:
    forms = ("comment", "options", "known-hosts", "lines")
    assert created(logins, *(f"host-key-{form}" for form in forms), "ecdsa")
    assert logins.created.error("host-key-second").rstrip("\n").endswith("ssh: host key mismatch")
    assert logins.created.error("ecdsa-other").startswith("after 0 failed attempts: ssh: handshake failed: ")
    for name in ("bare", "pem"):
        text = logins.created.error(f"host-key-{name}")
        assert text.startswith("failed to parse host key: ssh: no key found")
    for name, reason in (("base64", "illegal base64 data"), ("kind", "ssh: unknown key algorithm: abc")):
        assert f"; last parsing error for ignored line: {reason}" in logins.created.error(f"host-key-{name}")


# Who logs in


@behaviour("the login's name is `user`", source=_CONNECTION, but="without it, root")
def test_user(logins: Logins) -> None:
    assert sorted(set(logins.servers["users"].users)) == ["root", "somebody"]
    assert created(logins, "user", "user-default")


@behaviour(
    "a wrong password is an error that tells what was tried",
    source=f"{_SSH}/client_auth.go",
    but="a host that asks for the password, instead of taking it, gets it too",
)
def test_password(logins: Logins) -> None:
    text = logins.created.error("password-wrong")
    assert text.startswith(
        "after 1 failed attempts: ssh: handshake failed: ssh: unable to authenticate, "
        "attempted methods [none password publickey]"
    )
    assert created(logins, "password-asked")


@behaviour(
    "every question of a host is answered with the password, whatever it asks, and in every round",
    source=_CONNECTION,
    but="a wrong one is an error that tells that it was asked",
)
def test_questions(logins: Logins) -> None:
    assert created(logins, "questions")
    text = logins.created.error("password-asked-wrong")
    assert "attempted methods [none keyboard-interactive publickey], no supported methods remain" in text


@behaviour(
    "`privateKey` logs in, and comes before a password",
    source=_CONNECTION,
    but="a key that the host does not know does not",
)
def test_private_key(logins: Logins) -> None:
    assert created(logins, "key", "key-and-wrong-password")
    assert "ssh: unable to authenticate" in logins.created.error("key-unknown")


@behaviour(
    "`privateKeyPassword` opens a locked key",
    source=_CONNECTION,
    but="wrong or missing, or with garbage for a key, it fails before a dial, and does not show the key",
)
def test_passphrase(logins: Logins) -> None:
    assert created(logins, "passphrase")
    errors = {
        name: logins.created.error(name) for name in ("passphrase-wrong", "passphrase-missing", "key-garbage")
    }
    assert errors["passphrase-wrong"].startswith("x509: decryption password incorrect")
    assert errors["passphrase-missing"].startswith("ssh: this private key is passphrase protected")
    assert errors["key-garbage"].startswith("ssh: no key found")
    assert "BEGIN OPENSSH" not in logins.created.output


@behaviour(
    "the agent of `agentSocketPath` logs in, without it the one of SSH_AUTH_SOCK",
    source=_CONNECTION,
    but="one that does not answer is an error, even beside a password or a key, and nobody is dialled",
)
def test_agent(logins: Logins) -> None:
    assert created(logins, "agent", "agent-default")
    for name in ("agent-dead", "agent-dead-and-key"):
        text = logins.created.error(name)
        assert text.startswith("dial unix ")
        assert "connect: no such file or directory" in text
    assert dials(logins.created, "unseen") == 0


# Dialling


@behaviour(
    "`dialErrorLimit` counts attempts after the first, each of them told",
    source=_CONNECTION,
    but="a host that answers within the limit is reached",
)
def test_dial_limit(logins: Logins) -> None:
    assert logins.created.error("closed").startswith("after 2 failed attempts: dial tcp 127.0.0.1:")
    assert "connect: connection refused" in logins.created.error("closed")
    assert logins.created.messages("closed", "info") == [
        "Dial 1/2 failed: retrying",
        "Dial 2/2 failed: retrying",
    ]
    assert created(logins, "patient")
    assert dials(logins.created, "late") == 4


@counter(test_dial_limit, but="one that answers after it is not")
def test_dial_limit_is_a_limit(logins: Logins) -> None:
    text = logins.created.error("impatient")
    # Who is turned away at once may see that while still connecting.
    assert text.startswith(
        ("after 2 failed attempts: ssh: handshake failed: ", "after 2 failed attempts: dial tcp 127.0.0.1:")
    )
    assert dials(logins.created, "later") == 3


@behaviour(
    "`dialErrorLimit` -1 dials until the host answers",
    source=_CONNECTION,
    but="0 dials once",
)
def test_no_dial_limit(logins: Logins) -> None:
    assert created(logins, "endless")
    assert logins.created.messages("endless", "info") == [
        f"Dial {n}/inf failed: retrying" for n in range(1, 4)
    ]
    assert logins.created.messages("nobody", "info") == []
    assert logins.created.error("nobody").startswith("after 0 failed attempts: ")


@behaviour(
    "a wrong host key, a wrong password and an unknown key are dialled again as any error",
    source=_CONNECTION,
    but="within `dialErrorLimit`",
)
def test_wrong_login_is_retried(logins: Logins) -> None:
    assert dials(logins.created, "wrong") == 2
    assert dials(logins.created, "locked") == 2 + 1


@behaviour(
    "a host name of other letters than Latin ones is not known, as it stands",
    source="net/dnsclient.go, isDomainName",
    but="no name at all is this machine's",
)
def test_names(logins: Logins) -> None:
    text = logins.created.error("name-foreign")
    assert text.startswith("after 0 failed attempts: dial tcp: lookup \uff4cocalhost")
    assert "no such host" in text
    assert created(logins, "name-empty")


@behaviour(
    "a port that there cannot be is dialled, and fails as any dial",
    source=_CONNECTION,
    but="one with a fraction is cut",
)
def test_ports(logins: Logins) -> None:
    text = logins.created.error("port-over")
    assert text.rstrip("\n") == "after 0 failed attempts: dial tcp: address 70000: invalid port"
    text = logins.created.error("port-none")
    assert text.startswith("after 0 failed attempts: dial tcp 127.0.0.1:0: connect: ")
    assert created(logins, "port-cut")


@behaviour(
    "the kernel asks after 15 s of silence whether the host is still there, so that one that lost its power is noticed",
    source="net/dial.go",
    but="not sooner",
)
def test_keepalive(logins: Logins) -> None:
    (run,) = [run for run in logins.servers["ecdsa"].runs if ": ecdsa create;" in run.command]
    assert run.asked_after is not None
    assert 10 < run.asked_after <= 15


@behaviour(
    "`perDialTimeout` ends a dial that nobody answers",
    source=f"{_SSH}/client.go",
    but="not one that a host answers and then says nothing: that waits until the host ends it",
)
def test_dial_timeout(logins: Logins) -> None:
    assert "i/o timeout" in logins.created.error("nobody")  # the kernel's own would be "connection timed out"
    silent_ = logins.created.error("silent")
    assert silent_.startswith("after 0 failed attempts: ssh: handshake failed: ")
    assert "timeout" not in silent_


# Bastion


@behaviour(
    "`proxy` is logged in to with its own connection, and carries the login to the host",
    source=_CONNECTION,
    but="no command runs on it",
)
def test_bastion(logins: Logins) -> None:
    assert [each.host for each in ran(logins.created, "behind")] == ["inner"]
    assert logins.servers["inner"].users == ["tester"]
    assert set(logins.servers["bastion"].users) == {"jump"}
    assert logins.servers["bastion"].runs == []


@behaviour(
    "what goes wrong on the way over a bastion is told with `proxy:` before it",
    source=_CONNECTION,
    but="what goes wrong without one is not",
)
def test_bastion_errors(logins: Logins) -> None:
    assert logins.created.error("bastion-wrong").rstrip("\n") == (
        "proxy: after 1 failed attempts: ssh: handshake failed: ssh: host key mismatch"
    )
    assert logins.created.error("bastion-agent-dead").startswith("proxy: dial unix ")
    assert logins.created.error("behind-wrong").rstrip("\n") == (
        "proxy: after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch"
    )
    assert "proxy" not in logins.created.error("host-key-wrong")


@behaviour(
    "each step over a bastion has its own retries: `Dial proxy`, `Dial from proxy`, `Dial`",
    source=_CONNECTION,
    but="a failed login behind it is tried again on the connection that it closed, so that its reason is lost",
)
def test_bastion_retries(logins: Logins) -> None:
    assert logins.created.messages("bastion-wrong", "info") == ["Dial proxy 1/1 failed: retrying"]
    assert logins.created.messages("behind-closed", "info") == ["Dial from proxy 1/1 failed: retrying"]
    assert logins.created.messages("behind-wrong-retried", "info") == ["Dial 1/1 failed: retrying"]
    text = logins.created.error("behind-wrong-retried")
    assert text.startswith("proxy: after 1 failed attempts: ssh: handshake failed: ")
    assert "mismatch" not in text
    assert dials(logins.created, "inner-retried") == 1
