"""Asks SSH servers for their public keys, or looks them up in a known_hosts file.

`ssh` itself is asked, not ssh-keyscan, which cannot go through a bastion: it notes the key that a server shows, and
gives up before it logs in. Owns the command lines; does not own which host is asked.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from components import programs

# In this order a server is asked, and a known_hosts file is searched.
_ALGORITHMS = {
    "ssh-ed25519": "ssh-ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
    "ssh-rsa": "rsa-sha2-512,rsa-sha2-256",
}
_QUIET = ("-F", "none", "-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=none", "-o", "HashKnownHosts=no")
_SECONDS = 30


class CollectError(Exception):
    """A host that showed no key, in the words of ssh."""


@dataclass(frozen=True)
class Door:
    """An SSH server. `key` is the public key that is configured for it: algorithm and base64."""

    address: str
    port: int
    user: str
    key: str | None = None
    private_key_file: Path | None = None
    """For a bastion, which is logged in to; without it the agent's keys and ssh's own defaults."""

    @property
    def name(self) -> str:
        """As known_hosts has it."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"


def shown(door: Door, bastion: Door | None = None) -> str:
    """The key that the server shows: algorithm and base64. Of the configured key's algorithm, if there is one."""
    with tempfile.TemporaryDirectory(prefix="kubenode-hostkeys-") as folder:
        seen = Path(folder, "seen")
        offered = algorithms(door.key)
        command = [
            "ssh",
            *_QUIET,
            *("-o", f"UserKnownHostsFile={seen}", "-o", "StrictHostKeyChecking=accept-new"),
            *("-o", "PreferredAuthentications=none", "-o", f"HostKeyAlgorithms={offered}"),
            *("-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR", "-p", str(door.port), "-l", door.user),
        ]
        if bastion is not None:
            command += ["-o", f"ProxyCommand={_through(bastion, Path(folder, 'bastion'))}"]
        done = programs.run([*command, "--", door.address, "true"], CollectError, seconds=_SECONDS)
        found = _keys(seen.read_text()) if seen.exists() else []
        if not found:
            raise CollectError(" ".join(done.stderr.split())[-200:] or "it showed no key")
        return found[0]


def algorithms(key: str | None) -> str:
    """What a server may show: the algorithm of the key that is known, or any that this project takes."""
    return _ALGORITHMS.get((key or "").partition(" ")[0]) or ",".join(_ALGORITHMS.values())


def _through(bastion: Door, known: Path) -> str:
    """The command that opens a way through the bastion, whose own key must be the configured one."""
    if bastion.key is None:
        raise CollectError("the bastion has no host key yet")
    known.write_text(f"{bastion.name} {bastion.key}\n")
    words = [
        "ssh",
        *_QUIET,
        *("-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"),
        *("-o", f"HostKeyAlgorithms={algorithms(bastion.key)}", "-o", "ConnectTimeout=10"),
        *("-p", str(bastion.port), "-l", bastion.user),
    ]
    if bastion.private_key_file is not None:
        words += ["-o", "IdentitiesOnly=yes", "-i", str(bastion.private_key_file)]
    line = shlex.join(words).replace("%", "%%")
    return f"{line} -W '[%h]:%p' -- {shlex.quote(bastion.address)}"


def known(door: Door, file: Path) -> str:
    """The server's key in a known_hosts file, also one with hashed names."""
    done = programs.run(["ssh-keygen", "-F", door.name, "-f", str(file)], CollectError)
    found = _keys(done.stdout)
    same = [key for key in found if door.key is not None and key.split()[0] == door.key.split()[0]]
    if not found:
        raise CollectError(f"{file} has no key of {door.name}")
    return (same or found)[0]


def _keys(known_hosts: str) -> list[str]:
    """The keys of a known_hosts text that this project takes, the preferred ones first."""
    lines = [line.split() for line in known_hosts.splitlines() if line and line[0] not in "#@"]
    order = list(_ALGORITHMS)
    keys = [f"{words[1]} {words[2]}" for words in lines if len(words) >= 3 and words[1] in order]
    return sorted(keys, key=lambda key: order.index(key.split()[0]))


def fingerprint(key: str) -> str:
    """As `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
