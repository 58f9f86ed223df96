"""A throwaway root for the host's scripts: this machine's files below, everything written kept in a folder.

Runs the toolkit as a host would, without a host: an overlay in a mount namespace of its own, with stand-ins for what
reaches beyond files (systemctl, apt-get, curl, nft, ...) first on PATH. Every stand-in notes its call in /calls.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from components.remote import toolkit
from components.remote.bundle import Artifact, Bundle, HostFile

CLAIM = "organization/kubenode/test"

_ENTER = """
set -eu
mount -t tmpfs tmpfs "$1"
mkdir -p "$1/upper" "$1/work" "$1/root"
cp -a "$2/." "$1/upper/"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/root/run"
mkdir -p "$1/root/run/systemd/system"
mount --bind /dev "$1/root/dev"
code=0
chroot "$1/root" /usr/bin/env -i PATH=/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$3" || code=$?
umount "$1/root/proc" "$1/root/run" "$1/root/dev"
find "$2" -mindepth 1 -delete
cp -a "$1/upper/." "$2/"
exit $code
"""

_STUB = """#!/bin/sh
printf '%s' "${0##*/}" >>/calls
for word in "$@"; do printf ' %s' "$word" >>/calls; done
echo >>/calls
"""


@dataclass
class Box:
    """The root is `files`, laid over this machine's. Use `run` for a part's verb, `shell` for anything else."""

    files: Path
    mount_point: Path
    node: str = "worker-1"
    claim: str = CLAIM

    def shell(self, script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`script` inside the box, by sh."""
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", _ENTER, "enter", str(self.mount_point), str(self.files), script],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def run(self, part: str, verb: str, bundle: str) -> subprocess.CompletedProcess[str]:
        """One verb of one part, as pulumi would call it."""
        return self.shell(f"/usr/local/lib/kubenode/{part} {verb}", bundle)

    def bundle(
        self,
        part: str,
        *files: HostFile,
        artifacts: tuple[Artifact, ...] = (),
        payload: str = "",
        **settings: list[str],
    ) -> str:
        """A bundle for this box; `a_b=["c"]` becomes the setting a-b."""
        return Bundle(
            part=part,
            node=self.node,
            host="192.0.2.7",
            claim=self.claim,
            script=toolkit.script_digest(part),
            files=files,
            artifacts=artifacts,
            settings={key.replace("_", "-"): value for key, value in settings.items()},
            payload=payload,
        ).render()

    def stub(self, name: str, body: str = "exit 0\n") -> None:
        """A stand-in for a program: notes its call, then runs `body`."""
        path = self.path(f"/stubs/{name}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(_STUB + body)
        path.chmod(0o755)

    def path(self, inside: str) -> Path:
        """Where a file that was written inside is seen from outside."""
        return self.files / inside.lstrip("/")

    def put(self, inside: str, content: str, mode: int = 0o644) -> None:
        """A file of the host before us."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def calls(self) -> list[str]:
        """What the stand-ins were called with, in order."""
        log = self.path("/calls")
        return log.read_text().splitlines() if log.exists() else []

    def install(self) -> None:
        """The toolkit and the claim, without the claim's own command."""
        for name in [toolkit.LIBRARY, *toolkit.SCRIPTS]:
            self.put(f"/usr/local/lib/kubenode/{name}", toolkit.source(name), 0o755)
        self.put("/var/lib/kubenode/claim", f"stack {self.claim}\nnode {self.node}\n", 0o600)


def make(folder: Path) -> Box:
    """A box with no stand-ins and no claim."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        raise RuntimeError("the shell tests need root and unshare (package util-linux)")
    files, mount_point = folder / "files", folder / "mount"
    files.mkdir()
    mount_point.mkdir()
    return Box(files, mount_point)
