"""A throwaway host for the scripts: this machine's files below, everything written gone with the box.

Runs the toolkit as a host would, without a host: an overlay in mount, network and process namespaces of its own, with
stand-ins for what reaches beyond files (systemctl, apt-get, nft, ...) first on PATH. Every stand-in notes its call in
/calls. Owns the isolation; what a stand-in does is in `standins/`, or in the test that needs it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.remote import toolkit
from components.remote.bundle import Artifact, Bundle, HostFile

CLAIM = "organization/kubenode/test"
LIBRARY = "/usr/local/lib/kubenode"
RECORD = "/var/lib/kubenode"

_PATH = "/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NEEDED = "unshare nsenter setsid ip flock curl"
_STANDINS = Path(__file__).parent / "standins"

# What is written inside stays in a tmpfs. Kernel settings of the whole machine are plain files instead: only net.* has
# a namespace.
_ENTER = """
set -eu
mount -t tmpfs tmpfs "$1"
mkdir -p "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for path in $3; do rm -rf "$1/root$path"; done
mount -t proc proc "$1/root/proc"
for folder in kernel vm; do mount -t tmpfs -o mode=755 tmpfs "$1/root/proc/sys/$folder"; done
mount -t tmpfs -o mode=755 tmpfs "$1/root/run"
mkdir -p "$1/root/run/systemd/system" "$1/root/run/lock"
mount --bind /dev "$1/root/dev"
ip link set lo up
echo ready
# The first process of a box takes in what its parents left.
while :; do sleep 60 & wait; done
"""

# This machine may be a node, or run Docker; a box is a bare host.
_BARE = " ".join(
    (
        *(f"/etc/{name}" for name in ("docker", "kubernetes", "cni")),
        *(
            f"/var/lib/{name}"
            for name in ("docker", "containerd", "cri-dockerd", "kubelet", "cni", "kubenode")
        ),
        *(
            f"/usr/local/bin/{name}"
            for name in ("kubelet", "kube-proxy", "cri-dockerd", "dockerd", "containerd")
        ),
        *(f"/usr/{folder}/dockerd" for folder in ("bin", "sbin")),
        *(
            f"/lib/systemd/system/{name}"
            for name in ("docker.service", "docker.socket", "containerd.service")
        ),
        *(f"/etc/systemd/system/{name}.service" for name in ("kubelet", "kube-proxy")),
        *(f"/etc/systemd/system/multi-user.target.wants/{name}.service" for name in ("docker", "containerd")),
        *(
            "/opt/cni",
            "/usr/libexec/kubernetes",
            LIBRARY,
            "/etc/systemd/system/sockets.target.wants/docker.socket",
        ),
    )
)

# Paths that tell nothing about what a script leaves behind.
_OURS = (
    "/stubs",
    "/calls",
    "/state",
    "/kill",
    "/mirror",
    "/run/lock/kubenode",
    "/tmp",
    "/var/tmp",
    RECORD,
    LIBRARY,
)

_STUB = """#!/bin/sh
words=${0##*/}
for word in "$@"; do words="$words $word"; done
printf '%s\\n' "$words" >>/calls
"""

_WRITERS = (
    "cp mv rm rmdir mkdir mktemp chmod chown sync touch tee tar sort cat find "
    "systemctl curl docker apt-get apt-mark dpkg nft iptables-restore ip modprobe"
)
_KILL = """#!/bin/sh
name=${0##*/}
read -r n </kill/count
n=$((n + 1))
echo "$n" >/kill/count
echo "$name $*" >>/kill/log
read -r at </kill/at
if [ "$n" -ge "$at" ]; then
    read -r group </kill/group
    kill -s KILL -- "-$group"
    kill -s KILL 0
fi
PATH=${PATH#/kill:}
exec "$name" "$@"
"""


def why_not() -> str:
    """What this machine lacks for boxes; empty if nothing."""
    if os.geteuid() != 0:
        return "the shell tests lay an overlay over this machine's files, which needs root"
    missing = [name for name in _NEEDED.split() if shutil.which(name) is None]
    return f"the shell tests need {', '.join(missing)}" if missing else ""


@dataclass
class Box:
    """The root is `files`, as it is seen from outside. `run` is for a part's verb, `shell` for anything else."""

    files: Path
    upper: Path
    inside: Path
    holder: int
    node: str = "worker-1"
    claim: str = CLAIM

    def command(self, script: str) -> list[str]:
        """The command that runs `script` inside the box, by sh."""
        enter = f"nsenter --target {self.holder} --mount --net --pid chroot".split()
        return [*enter, str(self.inside), "/usr/bin/env", "-i", f"PATH={_PATH}", "sh", "-c", script]

    def shell(self, script: str, stdin: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """`script` inside the box, by sh."""
        return subprocess.run(
            self.command(script),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            start_new_session=True,
        )

    def start(self, script: str, stdin: str = "") -> subprocess.Popen[str]:
        """The same, without waiting for its end."""
        process = subprocess.Popen(
            self.command(script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, part: str, verb: str, bundle: str) -> subprocess.CompletedProcess[str]:
        """One verb of one part, as pulumi would call it."""
        return self.shell(f"{LIBRARY}/{part} {verb}", bundle)

    def killed(self, at: int, line: str, bundle: str) -> list[str]:
        """A command that is killed, with everything it started, before its `at`-th program that may write.

        Returns the programs up to there; fewer than `at` if the command came to its end before.
        """
        for name in _WRITERS.split():
            self.put(f"/kill/{name}", _KILL, 0o755)
        self.put("/kill/count", "0\n")
        self.put("/kill/at", f"{at}\n")
        self.put("/kill/log", "")
        self.shell(
            f"exec setsid sh -c {shlex.quote(f'echo $$ >/kill/group; PATH=/kill:$PATH; {line}')}", bundle
        )
        # The killed end in their own time: one that is still listed counts as at work.
        self.shell(
            'read -r group </kill/group; timeout 30 sh -c "while kill -0 -- -$group 2>/dev/null; do sleep 0.05; done"'
        )
        return self.text("/kill/log").splitlines()

    def library(self, script: str, stdin: str = "", part: str = "calico") -> subprocess.CompletedProcess[str]:
        """`script` with the library's functions, as inside `part`."""
        frame = (
            f"set -eu; . {LIBRARY}/lib.sh; KN_TMP=$(mktemp -d); KN_PART={part}; KN_VERB=apply\n"
            f'KN_R=$KN_RECORD/parts/{part}; mkdir -p "$KN_R"; KN_CHANGED=" "; : >"$KN_TMP/log"; : >"$KN_TMP/say"\n'
            "trap kn_finish EXIT\n"
        )
        return self.shell(frame + script, stdin)

    def part(self, body: str, name: str = "calico") -> None:
        """A part of the test's own, in place of `name`."""
        self.put(
            f"{LIBRARY}/{name}",
            f'#!/bin/sh\nset -eu\n. "${{0%/*}}/lib.sh"\nkn_part_apply() {{\n{body}\n}}\nkn_part_remove() {{ :; }}\n'
            f'kn_main {name} "$@"\n',
            0o755,
        )

    def bundle(
        self,
        part: str,
        *files: HostFile,
        artifacts: Sequence[Artifact] = (),
        payload: str = "",
        **settings: Sequence[str],
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
        self.put(f"/stubs/{name}", _STUB + body, 0o755)

    def standins(self, *names: str) -> None:
        """The stand-ins of `standins/NAME`: one script behind each program that it names in its second line."""
        for name in names:
            body = (_STANDINS / f"{name}.sh").read_text()
            for program in body.splitlines()[1].removeprefix("# ").split():
                self.put(f"/stubs/{program}", _STUB + body, 0o755)

    def path(self, inside: str) -> Path:
        """Where a file of the box is seen from outside. A symbolic link there must not be followed."""
        return self.files / inside.lstrip("/")

    def put(self, inside: str, content: str, mode: int = 0o644) -> None:
        """A file of the host."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def text(self, inside: str) -> str:
        """The content of a file of the box; what is not there has none."""
        path = self.path(inside)
        return path.read_text() if path.exists() else ""

    def calls(self, *beginnings: str) -> list[str]:
        """What the stand-ins were called with, in order; only those that begin so, if any are given."""
        lines = self.text("/calls").splitlines()
        return [line for line in lines if not beginnings or line.startswith(beginnings)]

    def forget_calls(self) -> None:
        """Begin the list of calls anew."""
        self.put("/calls", "")

    def install(self) -> None:
        """The toolkit as it is sent, and the claim, without the claim's own command."""
        for name in [toolkit.LIBRARY, *toolkit.SCRIPTS]:
            self.put(f"{LIBRARY}/{name}", toolkit.packed(name), 0o755)
        self.put(f"{RECORD}/claim", f"stack {self.claim}\nnode {self.node}\n", 0o600)
        self.path(RECORD).chmod(0o700)

    def running(self) -> dict[str, str]:
        """Each unit that runs, with the unit and the files that it was started with (`standins/systemd.sh`)."""
        active = self.path("/state/active")
        names = sorted(path.name for path in active.iterdir()) if active.exists() else []
        return {name: self.text(f"/state/running/{name}") for name in names}

    def leftovers(self) -> list[str]:
        """What commands left in /run."""
        return sorted(path.name for path in self.path("/run").glob("kubenode*"))

    def state(self, *ignored: str) -> dict[str, str]:
        """Everything that differs from this machine's files, and /run: what is at a path, by path.

        Without the stand-ins' own notes, the record, the toolkit and what is `ignored` (path prefixes).
        """
        skipped = (*_OURS, *ignored)
        found = {}
        for top, root in (("", self.upper), ("/run", self.files / "run")):
            for folder, folders, files in os.walk(root):
                for name in [*folders, *files]:
                    path = Path(folder, name)
                    inside = f"{top}/{path.relative_to(root)}"
                    if not inside.startswith(skipped):
                        found[inside] = _described(path)
        # What was only looked into, or put back just as it was, tells nothing.
        return {
            path: what
            for path, what in found.items()
            if not os.path.lexists(path) or what != _described(Path(path))
        }


def _described(path: Path) -> str:
    about = path.lstat()
    if stat.S_ISLNK(about.st_mode):
        return f"link to {path.readlink()}"
    word = f"{stat.filemode(about.st_mode)} {about.st_uid}:{about.st_gid}"
    if stat.S_ISCHR(about.st_mode) and about.st_rdev == 0:
        return "deleted"
    return f"{word} {hashlib.sha256(path.read_bytes()).hexdigest()}" if path.is_file() else word


@contextmanager
def opened(folder: Path) -> Iterator[Box]:
    """A box with no stand-ins and no claim; it ends with all that runs in it."""
    mount_point = folder / "box"
    mount_point.mkdir()
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=SIGKILL"]
    with subprocess.Popen(
        [*command, "sh", "-c", _ENTER, "enter", str(mount_point), "-", _BARE],
        stdout=subprocess.PIPE,
        text=True,
    ) as outer:
        try:
            assert outer.stdout is not None
            if outer.stdout.readline() != "ready\n":
                raise RuntimeError("no box: this machine does not let overlays be mounted in a namespace")
            holder = int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text())
            seen = Path(f"/proc/{holder}/root{mount_point}")
            yield Box(seen / "root", seen / "upper", mount_point / "root", holder)
        finally:
            outer.kill()
