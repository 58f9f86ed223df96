"""Calico itself in the sandbox: its manifest and its images, which somebody brings along.

Owns: what is taken of them, under which paths it is served, and the section of a stack that uses it. Does not own
Calico's objects: the product installs them (`components/calico`).
"""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from sandbox.checkout import Checkout
from sandbox.errors import SandboxError

_SERVED = "images/calico"
_WAY_OUT = "make one with: docker save --output FILE IMAGE"


@dataclass(frozen=True)
class Calico:
    """`images`: archives of `docker save`, with the name of the image in each."""

    manifest: Path
    images: dict[Path, str]

    @property
    def served(self) -> dict[str, Path]:
        """What hosts download, by path."""
        return {f"{_SERVED}/{archive.name}": archive for archive in self.images}

    @property
    def version(self) -> str:
        """The release, as the image of calico-node says it."""
        for name in self.images.values():
            found = re.search(r"/node:v?(\d+\.\d+\.\d+)$", name)
            if found:
                return found[1]
        shown = ", ".join(sorted(self.images.values()))
        raise SandboxError(
            f"none of the images is calico's node with a release as its tag: {shown}", _WAY_OUT
        )


def brought(manifest: Path | None, folder: Path | None) -> Calico | None:
    """What the two options of `up` name; None without them."""
    if manifest is None and folder is None:
        return None
    if manifest is None or folder is None:
        raise SandboxError("one of --calico-manifest and --calico-images is missing", "give both")
    if not manifest.is_file():
        raise SandboxError(f"there is no file {manifest}", "give the file of Calico's manifest")
    archives = sorted(folder.glob("*.tar"))
    if not archives:
        raise SandboxError(f"there is no archive *.tar in {folder}", _WAY_OUT)
    return Calico(manifest, {archive: _image(archive) for archive in archives})


def _image(archive: Path) -> str:
    """The one name that an archive gives its image."""
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            names = (
                [name for one in json.load(member) for name in one.get("RepoTags") or ()] if member else []
            )
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise SandboxError(f"{archive} is no archive of an image: {error}", _WAY_OUT) from error
    if len(names) != 1:
        raise SandboxError(f"{archive} names {len(names)} images, expected one", _WAY_OUT)
    return str(names[0])


def settle(checkout: Checkout, calico: Calico) -> Path:
    """The manifest and the sections of a stack beside each other in .sandbox/; returns the file with the sections."""
    folder = checkout.folder
    folder.mkdir(exist_ok=True)
    (folder / "calico-manifest.yaml").write_bytes(calico.manifest.read_bytes())
    target = folder / "calico.yaml"
    target.write_text(yaml.safe_dump(sections(calico), sort_keys=False), encoding="utf-8")
    return target


def sections(calico: Calico) -> dict[str, object]:
    """What the stack's configuration gets: the section calico, and images beside those that it has."""
    return {
        "calico": {
            "mode": "manifest",
            "version": calico.version,
            "manifests": [{"file": ".sandbox/calico-manifest.yaml"}],
            # The kernel of most sandboxes has no IP in IP.
            "pool": {"encapsulation": "vxlan"},
        },
        "images": [
            {"name": name, "path": f"{_SERVED}/{archive.name}"} for archive, name in calico.images.items()
        ],
    }
