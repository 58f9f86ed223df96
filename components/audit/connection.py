"""One SSH connection to a host, through `ssh` itself: keys, agent, password, host key, bastion as configured.

Owns the command line and the private files it needs. Secrets are in files of a folder that only this user can enter,
in memory where there is such a place; never on a command line.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

from components import programs
from components.hostkeys.collect import algorithms
from components.settings.resolved import BastionSettings, ConnectionSettings

# Of what ssh says; the cause stands at its end.
_WORDS = 400
_QUIET = (
    "-F",
    "none",
    "-o",
    "GlobalKnownHostsFile=none",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "ServerAliveInterval=15",
)
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
SECONDS = 300


class ConnectionFailedError(Exception):
    """A host that did not answer, or whose command failed, in the words of ssh or of the host."""


def private_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for keys and passwords, gone in the end."""
    usable = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK)
    return tempfile.TemporaryDirectory(prefix="kubenode-audit-", dir=_SHARED_MEMORY if usable else None)


def said(address: str, ssh: ConnectionSettings, command: str, stdin: str, folder: Path) -> str:
    """What the command prints on the host. `folder` is private and holds nothing else of this host."""
    words, environment = line(address, ssh, folder)
    if ssh.user != "root":
        command = f"sudo -n {command}"
    done = programs.run(
        [*words, "--", address, command],
        ConnectionFailedError,
        text=stdin,
        seconds=SECONDS,
        env={**os.environ, **environment},
        # Without a terminal, ssh asks for a password where the environment says.
        own_session=True,
    )
    if done.returncode != 0:
        raise ConnectionFailedError(_why(done.stderr) or f"the command ended with {done.returncode}")
    return done.stdout


def _why(stderr: str) -> str:
    """ssh's last words. Of another host key it says much, and advises to mend a file that is gone by then."""
    if "Host key verification failed" in stderr:
        return "it shows another host key than the configured one. If that is right: make hostkeys"
    words = " ".join(stderr.split())
    return words if len(words) <= _WORDS else f"… {words[-_WORDS:].partition(' ')[2]}"


def line(address: str, ssh: ConnectionSettings, folder: Path) -> tuple[list[str], dict[str, str]]:
    """The words before the destination, and what the environment must have for them."""
    words, environment = _login("host", address, ssh, ssh.per_dial_timeout_seconds, folder)
    if ssh.insecure_ignore_host_key:
        words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    if ssh.bastion is not None:
        through, needed = _login(
            "bastion", ssh.bastion.address, ssh.bastion, ssh.per_dial_timeout_seconds, folder
        )
        if ssh.bastion.host_key is None:
            through += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        prefix = ["env", *(f"{key}={value}" for key, value in needed.items())] if needed else []
        proxy = shlex.join([*prefix, *through]).replace("%", "%%")
        words += ["-o", f"ProxyCommand={proxy} -W '[%h]:%p' -- {shlex.quote(ssh.bastion.address)}"]
    return words, environment


def _login(
    name: str, address: str, login: ConnectionSettings | BastionSettings, dial_seconds: int, folder: Path
) -> tuple[list[str], dict[str, str]]:
    words = [
        "ssh",
        *_QUIET,
        "-o",
        f"ConnectTimeout={max(dial_seconds, 1)}",
        "-p",
        str(login.port),
        "-l",
        login.user,
    ]
    environment: dict[str, str] = {}
    if login.host_key is not None:
        known = folder / f"known-{name}"
        server = address if login.port == 22 else f"[{address}]:{login.port}"
        known.write_text(f"{server} {login.host_key}\n", encoding="utf-8")
        words += ["-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]
        words += ["-o", f"HostKeyAlgorithms={algorithms(login.host_key)}"]
    if login.password is not None:
        secret = _private(folder / f"password-{name}", login.password.get_secret_value() + "\n")
        ask = _private(folder / f"ask-{name}", f"#!/bin/sh\nexec cat {shlex.quote(str(secret))}\n", 0o700)
        environment = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
        words += ["-o", "PreferredAuthentications=password,keyboard-interactive"]
        words += ["-o", "NumberOfPasswordPrompts=1", "-o", "PubkeyAuthentication=no"]
        return words, environment
    words += ["-o", "BatchMode=yes"]
    if login.private_key is not None:
        text = login.private_key.get_secret_value()
        key = _private(folder / f"key-{name}", text if text.endswith("\n") else text + "\n")
        words += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", str(key)]
    elif login.private_key_file is not None:
        raise ConnectionFailedError(f"there is no private key {login.private_key_file}")
    return words, environment


def _private(path: Path, text: str, mode: int = 0o600) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
    return path
