"""The images that the sandbox makes: bare hosts, the artifact server, and the two that pods run.

Owns: recipes, their cache and loading images into a daemon. Does not own containers. No image is downloaded:
file systems come from Debian's packages, programs are compiled here. The cache, `images/` in kubenode's
cache, is keyed by the contents of the recipes, and shared by all checkouts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from sandbox import archives
from sandbox.docker import Docker
from sandbox.errors import SandboxError
from sandbox.tools import cache, ensure_packages, gotoolchain
from sandbox.tools.progress import Progress

HERE = Path(__file__).parent / "images"
RELEASES = ("bookworm", "trixie")
PAUSE = "registry.k8s.io/pause:3.10.2"
NGINX = "nginx:sandbox"

_MIRROR = "http://deb.debian.org/debian"
_SECURITY_MIRROR = "http://deb.debian.org/debian-security"
# Gives files that packages make at installation one time, and so images of the same packages the same bytes.
_EPOCH = "1735689600"

Doing = Callable[[str], None]


def mirrors() -> tuple[str, str]:
    """Where Debian's packages come from, and its security updates."""
    return (
        os.environ.get("KUBENODE_DEBIAN_MIRROR", _MIRROR),
        os.environ.get("KUBENODE_DEBIAN_SECURITY_MIRROR", _SECURITY_MIRROR),
    )


def folder() -> Path:
    return cache.root() / "images"


@dataclass(frozen=True)
class HostImage:
    """The file system of a bare host of one Debian release."""

    release: str

    @property
    def base(self) -> Path:
        recipe = archives.tree_digest(HERE / "host" / "build.sh", HERE / "host" / "packages.txt")
        return folder() / f"host-{self.release}-{recipe}.tar"

    @property
    def tag(self) -> str:
        return f"kubenode-sandbox/host:{self.release}-{archives.tree_digest(HERE / 'host')}"

    def build(self, doing: Doing) -> bool:
        """Make the file system, unless the cache has it."""
        return _debian(self.base, HERE / "host" / "build.sh", self.release, doing)

    def ensure(self, docker: Docker, doing: Doing) -> str:
        """Have the image in the daemon; returns what was done for that."""
        if docker.has_image(self.tag):
            return "there already"
        built = self.build(doing)
        doing("loading")
        layers: list[bytes | Path] = [self.base, archives.tree_tar(HERE / "host" / "rootfs")]
        config = {
            "Entrypoint": ["/usr/local/lib/sandbox/entry"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=docker"],
            "StopSignal": "SIGRTMIN+3",
        }
        _load(docker, self.tag, layers, config)
        return "built and loaded" if built else "loaded from the cache"


def artifact_server_tag() -> str:
    return f"kubenode-sandbox/artifact-server:{archives.tree_digest(HERE / 'artifact-server')}"


def ensure_artifact_server(docker: Docker, doing: Doing) -> str:
    """Have the artifact server's image in the daemon; returns what was done for that."""
    tag = artifact_server_tag()
    if docker.has_image(tag):
        return "there already"
    with _scratch() as scratch:
        doing("compiling")
        program = _compile(HERE / "artifact-server", scratch / "artifact-server")
        output = scratch / "layer.tar"
        with output.open("wb") as stream:
            archives.write_tar(stream, [archives.Member("artifact-server", program)])
        layer = output.read_bytes()
    _load(docker, tag, [layer], {"Entrypoint": ["/artifact-server"]})
    return "compiled and loaded"


def ensure_pause(doing: Doing) -> Path:
    """The pause image as a file for `docker load`."""
    target = folder() / f"pause-{archives.tree_digest(HERE / 'pause')}.tar"
    if target.exists():
        return target
    with _scratch() as scratch:
        doing("compiling pause")
        program = _compile(HERE / "pause", scratch / "pause")
        layer = scratch / "layer.tar"
        with layer.open("wb") as stream:
            archives.write_tar(stream, [archives.Member("pause", program)])
        part = scratch / "pause.tar"
        with part.open("wb") as stream:
            archives.write_image(stream, PAUSE, [layer], {"Entrypoint": ["/pause"], "User": "65535:65535"})
        part.rename(target)
    return target


def ensure_nginx(doing: Doing) -> Path:
    """The nginx image as a file for `docker load`."""
    target = folder() / f"nginx-{archives.tree_digest(HERE / 'nginx')}.tar"
    if target.exists():
        return target
    with _scratch() as scratch:
        layer = scratch / "layer.tar"
        _debian(layer, HERE / "nginx" / "build.sh", "bookworm", doing)
        part = scratch / "nginx.tar"
        config = {
            "Cmd": ["nginx", "-g", "daemon off;"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "ExposedPorts": {"80/tcp": {}},
        }
        with part.open("wb") as stream:
            archives.write_image(stream, NGINX, [layer], config)
        part.rename(target)
    return target


def ensure_cni_plugins(doing: Doing) -> Path:
    """Debian's package of the CNI plugins."""
    target = folder() / f"cni-plugins-{archives.tree_digest(HERE / 'cni-plugins')}.deb"
    _debian(target, HERE / "cni-plugins" / "build.sh", "bookworm", doing)
    return target


def can_be_privileged(docker: Docker, image: str) -> bool:
    """Whether this machine may give containers all capabilities; one that itself lacks some may not."""
    run = docker.run(
        "run",
        "--rm",
        "--privileged",
        "--network=none",
        "--entrypoint=/bin/true",
        image,
        check=False,
        seconds=60,
    )
    return run.returncode == 0


def _debian(target: Path, script: Path, release: str, doing: Doing) -> bool:
    """Run a build script that makes one file from Debian's packages, unless that is there."""
    if target.exists():
        return False
    ensure_packages(["mmdebstrap"])
    with cache.locked(
        folder() / f"{target.name}.lock",
        f"building {target.name}",
        lambda holder: doing(f"waiting for {holder}"),
    ):
        if target.exists():
            return False
        doing(f"installing Debian {release} packages")
        part = target.with_name(f".{target.name}.part{target.suffix}")
        part.unlink(missing_ok=True)
        log = target.with_name(f"{target.name}.log")
        with log.open("wb") as output:
            run = subprocess.run(
                [script, release, *mirrors(), part],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"SOURCE_DATE_EPOCH": _EPOCH, "LC_ALL": "C.UTF-8"},
                check=False,
            )
        if run.returncode != 0:
            part.unlink(missing_ok=True)
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
            raise SandboxError(
                f"{script.parent.name}: mmdebstrap failed:\n{tail}",
                f"is {mirrors()[0]} reached? KUBENODE_DEBIAN_MIRROR names another; the whole log: {log}",
            )
        part.rename(target)
        log.unlink()
    return True


def _compile(source: Path, target: Path) -> Path:
    """A static program of one Go file."""
    go = gotoolchain.find(Progress())
    run = subprocess.run(
        [
            go.binary,
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags=-s -w",
            "-o",
            target,
            source / "main.go",
        ],
        env=gotoolchain.environment(),
        cwd=target.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise SandboxError(f"{source.name} does not compile:\n{run.stderr.strip()}")
    return target


def _load(docker: Docker, tag: str, layers: Sequence[bytes | Path], config: Mapping[str, object]) -> None:
    with subprocess.Popen(
        docker.command("load", "--quiet"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as loading:
        # If docker ends early, its own words say why.
        with suppress(BrokenPipeError):
            archives.write_image(cast(BinaryIO, loading.stdin), tag, layers, config)
        said = loading.communicate()[0].decode(errors="replace").strip()
    if loading.returncode != 0:
        raise SandboxError(f"docker load of {tag} failed: {said}")


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder in the cache, so that what is made there can be renamed into place."""
    folder().mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".part-", dir=folder()))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
