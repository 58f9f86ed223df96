"""What a person and the program need in order to use the sandbox: files below .sandbox/.

Owns: env.sh, nodes.yaml, the SSH key, known_hosts, the SSH configuration and the programs in .sandbox/bin.
Does not own the kubeconfig (controlplane). Everything but the SSH key is derived, and written only where it
differs.
"""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from sandbox.checkout import Checkout
from sandbox.errors import SandboxError
from sandbox.hosts import Host

_ENGINE = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
PASSPHRASE = "sandbox"  # noqa: S105  # protects nothing: the state lies beside it


def write(path: Path, content: str, mode: int = 0o644) -> bool:
    """Write a file if it differs, at once or not at all; whether it did."""
    if path.exists() and path.stat().st_mode & 0o777 == mode and path.read_bytes() == content.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(
        os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
    ) as output:
        output.write(content)
    part.chmod(mode)
    part.rename(path)
    return True


def ensure_key(checkout: Checkout) -> str:
    """The public half of the key that logs in to hosts."""
    public = checkout.private_key.with_suffix(".pub")
    if not checkout.private_key.exists() or not public.exists():
        if shutil.which("ssh-keygen") is None:
            raise SandboxError(
                "the command ssh-keygen is not there", "install it: apt-get install openssh-client"
            )
        checkout.ssh.mkdir(parents=True, exist_ok=True, mode=0o700)
        checkout.private_key.unlink(missing_ok=True)
        subprocess.run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "kubenode-sandbox",
                "-f",
                checkout.private_key,
            ],
            check=True,
        )
    return public.read_text(encoding="utf-8")


def nodes(hosts: Sequence[Host], former: str = "") -> str:
    """The stack's nodesFile. What somebody added to a host in the former one stays, labels for example."""
    try:
        known = yaml.safe_load(former)
    except yaml.YAMLError:
        known = None
    entries = {}
    for host in hosts:
        entry = known.get(host.name) if isinstance(known, Mapping) else None
        entry = dict(entry) if isinstance(entry, Mapping) else {}
        ssh = entry.get("ssh")
        entries[host.name] = {
            **entry,
            "address": host.address,
            "ssh": {**(ssh if isinstance(ssh, Mapping) else {}), "hostKey": host.host_key},
        }
    head = "# The sandbox's hosts. `python -m sandbox up` writes address and host key, and keeps what else you set.\n"
    return head + yaml.safe_dump(entries, sort_keys=False, width=200)


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def known_hosts(hosts: Sequence[Host]) -> str:
    return "".join(f"{host.name},{host.address} {host.host_key}\n" for host in hosts)


def ssh_config(checkout: Checkout, hosts: Sequence[Host]) -> str:
    """So that `ssh worker-1` works; after these hosts, everything is as the user has it."""
    parts = [
        f"Host {host.name} {host.address}\n"
        f"    HostName {host.address}\n"
        "    User root\n"
        f"    IdentityFile {_quoted(checkout.private_key)}\n"
        "    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {_quoted(checkout.known_hosts)}\n"
        "    StrictHostKeyChecking yes\n\n"
        for host in hosts
    ]
    return "".join(parts) + "Match all\nInclude ~/.ssh/config\nInclude /etc/ssh/ssh_config\n"


def ssh_wrapper(checkout: Checkout, ssh: str) -> str:
    return (
        "#!/bin/sh\n"
        "# ssh that knows the sandbox's hosts: `ssh worker-1`.\n"
        f'exec {shlex.quote(ssh)} -F {shlex.quote(str(checkout.ssh_config))} "$@"\n'
    )


def env(
    checkout: Checkout, bin_dirs: Sequence[Path], docker_host: str, python: Path, *, system_tools: bool
) -> str:
    """The file to source. PATH gets each folder once, however often it is sourced."""
    folders = [str(checkout.root / ".venv" / "bin"), str(checkout.bin), *map(str, bin_dirs)]
    exports = {
        "KUBECONFIG": str(checkout.kubeconfig),
        # Beside each file of the state Pulumi keeps one of attributes, which a kill may leave empty: then nothing reads
        # the state any longer. It needs none.
        "PULUMI_BACKEND_URL": f"file://{checkout.state}?metadata=skip",
        "PULUMI_HOME": str(checkout.pulumi_home),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_PYTHON_CMD": str(python),
    }
    if system_tools:
        # The official plugins lie in the user's own Pulumi home.
        del exports["PULUMI_HOME"]
    if docker_host:
        exports["DOCKER_HOST"] = docker_host
    lines = ["# Source this to use the sandbox: . .sandbox/env.sh\n# Written by `python -m sandbox up`.\n"]
    # Backwards, since each goes in front of the one before.
    for folder in reversed(folders):
        quoted = shlex.quote(folder)
        lines.append(f'case ":$PATH:" in *:{quoted}:*) ;; *) PATH={quoted}:$PATH ;; esac\n')
    lines.append("export PATH\n")
    lines += [f"export {name}={shlex.quote(value)}\n" for name, value in exports.items()]
    return "".join(lines)


def python_of(checkout: Checkout) -> Path:
    """The Python that runs the Pulumi program and the plugins: the project's own, else this one."""
    own = checkout.root / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def install_plugins(checkout: Checkout, python: Path) -> None:
    """Put the sandbox's own provider plugins into Pulumi's cache, in the versions that the SDKs ask for."""
    install = importlib.import_module("sandbox.plugins.install")
    install.install_into_home(checkout.pulumi_home, python)


def link_engine(checkout: Checkout, programs: Sequence[Path]) -> None:
    """Put pulumi and its language host side by side into .sandbox/bin: the engine looks for the host beside itself.

    Links to the same file where the file system allows: through a symbolic link the engine would look beside the
    link's target.
    """
    for program in programs:
        target = checkout.bin / program.name
        if target.exists() and target.stat().st_size == program.stat().st_size and _newer(target, program):
            continue
        target.unlink(missing_ok=True)
        try:
            os.link(program, target)
        except OSError:
            shutil.copy2(program, target)


def _newer(target: Path, program: Path) -> bool:
    return target.stat().st_mtime >= program.stat().st_mtime


def settle(
    checkout: Checkout,
    hosts: Sequence[Host],
    bin_dirs: Sequence[Path],
    docker_host: str,
    environ: Mapping[str, str],
) -> bool:
    """Write all of it; whether anything changed."""
    for folder in (checkout.bin, checkout.state, checkout.pulumi_home):
        folder.mkdir(parents=True, exist_ok=True)
    python = python_of(checkout)
    system_tools = environ.get("KUBENODE_TOOLS") == "system"
    if not system_tools:
        install_plugins(checkout, python)
        link_engine(
            checkout, [folder / name for folder in bin_dirs for name in _ENGINE if (folder / name).exists()]
        )
    else:
        # The user's own Pulumi home has the official plugins; what an earlier run put here must not hide its engine.
        for name in _ENGINE:
            (checkout.bin / name).unlink(missing_ok=True)
    changed = [
        write(checkout.nodes_file, nodes(hosts, _text_of(checkout.nodes_file))),
        write(checkout.known_hosts, known_hosts(hosts)),
        write(checkout.ssh_config, ssh_config(checkout, hosts)),
        write(checkout.env_file, env(checkout, bin_dirs, docker_host, python, system_tools=system_tools)),
    ]
    path = os.pathsep.join(
        part for part in environ.get("PATH", "").split(os.pathsep) if Path(part) != checkout.bin
    )
    if ssh := shutil.which("ssh", path=path):
        changed.append(write(checkout.bin / "ssh", ssh_wrapper(checkout, ssh), 0o755))
    return any(changed)


def _quoted(path: Path) -> str:
    return f'"{path}"'
