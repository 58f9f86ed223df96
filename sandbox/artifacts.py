"""What hosts download: programs, CNI plugins and images, below one address, and its server.

Owns: the folder .sandbox/artifacts, in the layout of the upstream projects' own addresses, its SHA256SUMS,
and the container that serves it as http://artifacts.sandbox:8080. Does not own the programs (tools) or
images.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox import archives, containers, images, network
from sandbox.archives import Member
from sandbox.checkout import ARTIFACTS, Checkout
from sandbox.docker import Docker
from sandbox.errors import SandboxError
from sandbox.tools import Tools

ADDRESS = "http://artifacts.sandbox:8080"
SUMS = "SHA256SUMS"
_PLUGINS = "./usr/lib/cni/"
_READY_SECONDS = 20.0


def layout(tools: Tools, plugins: Path, pause: Path, nginx: Path) -> dict[str, Path]:
    """What is served: files of the cache by path. Older releases are served if they are among the tools."""
    arch = "arm64" if os.uname().machine == "aarch64" else "amd64"
    served = {"images/nginx.tar": nginx, f"images/pause-{images.PAUSE.rpartition(':')[2]}.tar": pause}
    for name in tools.paths:
        program = tools.path(name)
        if program.name in ("kubelet", "kube-proxy"):
            served[f"release/{tools.version(name)}/bin/linux/{arch}/{program.name}"] = program
    version = tools.version("cri-dockerd")
    name = f"cri-dockerd-{version.removeprefix('v')}.{arch}.tgz"
    served[f"cri-dockerd/{version}/{name}"] = packed(name, tools.path("cri-dockerd"), pack_cri_dockerd)
    version = upstream_version(_package_version(plugins))
    name = f"cni-plugins-linux-{arch}-{version}.tgz"
    served[f"cni-plugins/{version}/{name}"] = packed(name, plugins, pack_plugins)
    return served


def packed(name: str, source: Path, pack: Callable[[Path, Path], None]) -> Path:
    """The archive of that name in the cache, made from the source unless it is there."""
    key = hashlib.sha256(_stamp(source).encode()).hexdigest()[:12]
    target = images.folder() / f"{key}-{name}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}")
        pack(source, part)
        part.rename(target)
    return target


def pack_cri_dockerd(program: Path, target: Path) -> None:
    """The program as upstream packs it."""
    archives.write_tgz(target, [Member("cri-dockerd/cri-dockerd", program)])


def upstream_version(debian: str) -> str:
    """Of a Debian package's version: 1.1.1+ds1-3+b5 is v1.1.1."""
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", debian)
    if match is None:
        raise SandboxError(f"no version of the CNI plugins can be read out of {debian!r}")
    return f"v{match[1]}"


def pack_plugins(package: Path, target: Path) -> None:
    """The plugins of Debian's package as upstream packs them."""
    with tempfile.TemporaryDirectory(prefix="kubenode-cni-") as scratch:
        subprocess.run(["dpkg-deb", "--extract", package, scratch], check=True, capture_output=True)
        programs = sorted(Path(scratch, _PLUGINS).iterdir())
        archives.write_tgz(target, [Member(f"./{program.name}", program) for program in programs])


def ensure(checkout: Checkout, served: Mapping[str, Path], doing: Callable[[str], None]) -> str:
    """Have the folder hold exactly this; returns what was done."""
    folder = checkout.artifacts
    sums = folder / SUMS
    key = digest(served)
    complete = sums.exists() and all((folder / path).exists() for path in served)
    if complete and checkout.read_record().get("artifacts") == key:
        return "there already"
    # The folder itself stays: the server's container holds it.
    folder.mkdir(parents=True, exist_ok=True)
    sums.unlink(missing_ok=True)
    for old in sorted(folder.rglob("*"), reverse=True):
        if old.is_dir():
            if not any(old.iterdir()):
                old.rmdir()
        elif old.relative_to(folder).as_posix() not in served:
            old.unlink()
    lines = []
    for count, (path, source) in enumerate(sorted(served.items()), start=1):
        doing(f"{path} ({count} of {len(served)})")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        _link(source, target)
        lines.append(f"{archives.sha256(target)}  {path}\n")
    part = folder / f".{SUMS}.part"
    part.write_text("".join(lines), encoding="utf-8")
    part.rename(sums)
    checkout.note(artifacts=key)
    return f"{len(served)} files"


def digest(served: Mapping[str, Path]) -> str:
    """Names what is served: paths, and the files behind them, which are never changed in place."""
    stamps = (f"{path}\0{_stamp(source)}\n" for path, source in sorted(served.items()))
    return hashlib.sha256("".join(stamps).encode()).hexdigest()[:12]


def spec(checkout: Checkout, subnet: ipaddress.IPv4Network) -> containers.Spec:
    return containers.Spec(
        role=ARTIFACTS,
        index=0,
        address=network.artifacts_address(subnet),
        image=images.artifact_server_tag(),
        options=["--network-alias=artifacts.sandbox", f"--volume={checkout.artifacts.resolve()}:/srv:ro"],
    )


def settle(docker: Docker, container: str, address: str) -> None:
    """Wait until the server serves."""
    deadline = time.monotonic() + _READY_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(f"http://{address}:8080/{SUMS}", timeout=5):
                return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                said = docker.text("logs", "--tail=5", container, check=False)
                raise SandboxError(
                    f"the artifact server does not answer at {address}:8080: {error}\n{said}",
                    "python -m sandbox down, and up again",
                ) from error
        time.sleep(0.05)


def served_versions(checkout: Checkout) -> list[str]:
    """The Kubernetes versions whose kubelet is served."""
    return sorted(path.name for path in (checkout.artifacts / "release").glob("*") if path.is_dir())


def _package_version(package: Path) -> str:
    run = subprocess.run(
        ["dpkg-deb", "--field", package, "Version"], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise SandboxError(
            f"{package} is no Debian package: {run.stderr.strip()}", f"remove it: rm {package}"
        )
    return run.stdout.strip()


def _link(source: Path, target: Path) -> None:
    """A second name for a file of the cache; a copy where that is on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _stamp(path: Path) -> str:
    found = path.stat()
    return f"{path} {found.st_size} {found.st_mtime_ns}"
