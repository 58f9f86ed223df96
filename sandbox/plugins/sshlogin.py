# ruff: noqa: ARG002 - every method has the whole signature of its interface
"""One login over SSH, the way the official command provider makes it.

Owns who logs in where, with which methods in which order, the pinned host key, and the words of a login that fails.
Does not own connections and their retries (`ssh.py`).

As the official provider does (pulumi-command, remote/connection.go; the texts are those of Go's SSH library):
- `hostKey` is text in the form of authorized_keys, of which the first key counts; it pins that key's algorithm; without
  it any host key is taken;
- each method is tried once, in the order: private key, password, password as the answer to every question, agent; a key
  of an agent only where no private key is given;
- an agent socket that nobody serves fails the dial even beside a private key.
"""

import asyncio
import base64
import binascii
import os
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import asyncssh

from sandbox.plugins.base import PluginError
from sandbox.plugins.gotext import system_error

_NO_KEY: Final = "ssh: no key found"


@dataclass(frozen=True)
class Endpoint:
    """Where and as whom to log in: one hop."""

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    private_key: str | None = field(repr=False)
    private_key_password: str | None = field(repr=False)
    agent_socket: str | None
    host_key: str | None
    dial_error_limit: int
    per_dial_timeout_seconds: float

    @classmethod
    def of(cls, connection: dict[str, Any]) -> "Endpoint":
        """From a complete connection; what a program gave empty is empty."""
        agent = connection.get("agentSocketPath")
        return cls(
            host=connection["host"],
            port=int(connection.get("port", 22)),
            user=connection.get("user", "root"),
            password=connection.get("password"),
            private_key=connection.get("privateKey"),
            private_key_password=connection.get("privateKeyPassword"),
            agent_socket=agent if agent is not None else os.environ.get("SSH_AUTH_SOCK") or None,
            host_key=connection.get("hostKey"),
            dial_error_limit=int(connection.get("dialErrorLimit", 10)),
            per_dial_timeout_seconds=connection.get("perDialTimeout", 15),
        )

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Login(asyncssh.SSHClient):
    """One login. asyncssh asks for what a method needs, if the host offers it, until there is nothing more."""

    def __init__(self, endpoint: Endpoint, keys: list[Any]) -> None:
        self._password, self._keys = endpoint.password, list(keys)
        self._tried = ["none"]

    @property
    def refused(self) -> str:
        tried = " ".join(self._tried)
        return f"ssh: unable to authenticate, attempted methods [{tried}], no supported methods remain"

    def _first(self, method: str) -> bool:
        first = method not in self._tried
        if first:
            self._tried.append(method)
        return first

    def public_key_auth_requested(self) -> Any:
        if not self._keys:
            return None
        self._first("publickey")
        return [self._keys.pop(0)]

    def password_auth_requested(self) -> str | None:
        return self._password if self._password is not None and self._first("password") else None

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._password is not None and self._first("keyboard-interactive") else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str]:
        return [self._password or ""] * len(prompts)


@dataclass(frozen=True)
class Credentials:
    """What an endpoint's logins need, read and checked once."""

    endpoint: Endpoint
    keys: list[Any] = field(repr=False)
    host_key: asyncssh.SSHKey | None

    def login(self) -> tuple[Login, dict[str, Any]]:
        """A login that has not been tried, and asyncssh's options for it."""
        login = Login(self.endpoint, self.keys)
        order = ["password", "keyboard-interactive"]
        order.insert(0 if self.endpoint.private_key is not None else len(order), "publickey")
        options: dict[str, Any] = {
            "client_factory": lambda: login,
            "username": self.endpoint.user,
            "preferred_auth": order,
            "client_keys": None,
            "agent_path": None,
            "client_host_keysign": False,
            "known_hosts": None,
            "config": None,
            # As long as the connection stands: a host may take its time, and may never greet.
            "login_timeout": 0,
            "keepalive_interval": 0,
        }
        if self.host_key is not None:
            options["known_hosts"] = ([self.host_key], [], [])
            options["server_host_key_algs"] = [self.host_key.algorithm.decode()]
        return login, options


async def credentials(endpoint: Endpoint, stack: AsyncExitStack) -> Credentials:
    """Read what the endpoint gives; an agent stays connected as long as the stack is open."""
    host_key = _pinned(endpoint.host_key) if endpoint.host_key is not None else None
    keys: list[Any] = []
    try:
        if endpoint.private_key is not None:
            # In a thread: the derivation of a key from a passphrase takes long on purpose.
            load = asyncssh.import_private_key
            key = await asyncio.to_thread(load, endpoint.private_key, endpoint.private_key_password)
            keys = list(asyncssh.load_keypairs([key]))
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise PluginError(_why_no_key(endpoint, error)) from None  # whose text may quote the key
    if endpoint.agent_socket is not None:
        try:
            agent = await stack.enter_async_context(asyncssh.connect_agent(endpoint.agent_socket))
            keys = keys or list(await agent.get_keys())
        except (OSError, ValueError) as error:
            raise PluginError(f"dial unix {endpoint.agent_socket}: connect: {system_error(error)}") from error
    return Credentials(endpoint, keys, host_key)


def _pinned(text: str) -> asyncssh.SSHKey:
    """The first key in the text, as Go's ParseAuthorizedKey finds it: a line has options or any other word before the
    kind of the key, or not, and a comment after it, or not; empty lines, comments and lines without a key are passed
    over."""
    reason = ""
    for line in re.split(r"[\r\n]+", text):
        words = line.split()
        if len(words) < 2 or words[0].startswith("#"):
            continue
        for rest in (words[1:], _without_options(line).split()[1:]):
            if not rest:
                continue
            try:
                return _public_key(rest[0])
            except ValueError as error:
                reason = f"; last parsing error for ignored line: {error}"
    raise PluginError(f"failed to parse host key: {_NO_KEY}{reason}")


def _without_options(line: str) -> str:
    """The line after its first word, in which quotation marks hold spaces together."""
    found = re.match(r'\s*(?:[^\s"]|"(?:[^"\\]|\\.)*")+\s+', line)
    return line[found.end() :] if found else ""


def _public_key(text: str) -> asyncssh.SSHKey:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        wrong = re.search(r"[^A-Za-z0-9+/]", text)
        raise ValueError(
            f"illegal base64 data at input byte {wrong.start() if wrong else len(text)}"
        ) from None
    length = int.from_bytes(data[:4])
    algorithm = data[4 : 4 + length].decode(errors="replace")
    if len(data) < 4 + length:
        raise ValueError("ssh: short read")
    try:
        return asyncssh.import_public_key(f"{algorithm} {text}")
    except asyncssh.KeyImportError:
        raise ValueError(f"ssh: unknown key algorithm: {algorithm}") from None


def why_no_handshake(login: Login, error: Exception) -> str:
    """What Go's library says of a connection that did not become a login."""
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return "ssh: host key mismatch"
    if isinstance(error, asyncssh.PermissionDenied):
        return login.refused
    if isinstance(error, asyncssh.ConnectionLost):
        return "EOF"
    return str(error)


def _why_no_key(endpoint: Endpoint, error: Exception) -> str:
    encrypted = "ENCRYPTED" in (endpoint.private_key or "") or "passphrase" in str(error).lower()
    if not encrypted:
        return _NO_KEY
    if endpoint.private_key_password is None:
        return "ssh: this private key is passphrase protected"
    return "x509: decryption password incorrect"
