"""Archives whose bytes depend on their contents alone, so that checksums are the same in every run.

Owns: tar files, compressed ones, and the `docker save` format. Does not own what goes into them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Member:
    """A regular file of an archive."""

    name: str
    content: bytes | Path
    mode: int = 0o755


def write_tar(output: BinaryIO, members: Iterable[Member]) -> None:
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        for member in sorted(members, key=lambda one: one.name):
            info = tarfile.TarInfo(member.name)
            info.mode = member.mode
            if isinstance(member.content, bytes):
                info.size = len(member.content)
                archive.addfile(info, io.BytesIO(member.content))
            else:
                with member.content.open("rb") as content:
                    info.size = os.fstat(content.fileno()).st_size
                    archive.addfile(info, content)


def write_tgz(path: Path, members: Iterable[Member]) -> None:
    """A .tgz without file name and time in its header."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as output:
        write_tar(output, members)  # type: ignore[arg-type]  # it writes bytes
    part.rename(path)


def tree_tar(root: Path) -> bytes:
    """A folder as a tar file owned by root: modes from the execute bit, links as they are, no times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            info = tarfile.TarInfo(path.relative_to(root).as_posix())
            if path.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
                archive.addfile(info)
            elif path.is_dir():
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            else:
                content = path.read_bytes()
                info.mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def files_tar(files: Mapping[str, tuple[str, int]]) -> bytes:
    """Files for `tar -x -C /` in a container: content and mode by absolute path."""
    buffer = io.BytesIO()
    write_tar(
        buffer, [Member(path.lstrip("/"), content.encode(), mode) for path, (content, mode) in files.items()]
    )
    return buffer.getvalue()


def write_image(
    output: BinaryIO, tag: str, layers: Sequence[bytes | Path], config: Mapping[str, Any]
) -> None:
    """An image for `docker load`: its layers, lowest first, are tar files."""
    digests = [_sha256(layer) for layer in layers]
    image = {
        "architecture": _architecture(),
        "os": "linux",
        "created": "2025-01-01T00:00:00Z",
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": "2025-01-01T00:00:00Z", "created_by": "kubenode sandbox"} for _ in layers],
    }
    described = json.dumps(image, sort_keys=True).encode()
    name = f"{hashlib.sha256(described).hexdigest()}.json"
    paths = [f"{digest}/layer.tar" for digest in digests]
    manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": paths}]).encode()
    members = [Member(path, layer, 0o644) for path, layer in zip(paths, layers, strict=True)]
    write_tar(output, [Member(name, described, 0o644), Member("manifest.json", manifest, 0o644), *members])


def sha256(path: Path) -> str:
    return _sha256(path)


def tree_digest(*roots: Path) -> str:
    """Names the contents of files and folders: names, execute bits, links and bytes."""
    state = hashlib.sha256()
    for root in roots:
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                continue
            executable = not path.is_symlink() and bool(path.stat().st_mode & stat.S_IXUSR)
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            name = path.relative_to(root.parent).as_posix()
            state.update(f"{name}\0{path.is_symlink()}\0{executable}\0{len(content)}\0".encode() + content)
    return state.hexdigest()[:12]


def _sha256(source: bytes | Path) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    state = hashlib.sha256()
    with source.open("rb") as content:
        while block := content.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
