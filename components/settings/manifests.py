"""Files of Kubernetes objects that a stack installs: found, compared with their SHA-256, read.

Owns where a fetched file is kept, and what of a file is an object. Does not own fetching (`components/manifests`): a
run opens no connection for it. Does not own what is laid over the objects (`components/calico`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.settings.documents import reason_of
from components.settings.resolved import Download, ManifestFile
from components.settings.sources import SourceError, SourceMissingError, text_of

FOLDER = "manifests"
FETCH = "make calico-manifest"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.1 as kubectl reads it, but a date stays text. In C: Calico's manifest has ten thousand lines."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def kept_as(download: Download) -> str:
    """Where a fetched file is kept, seen from the project directory; another SHA-256 is another file."""
    stem = download.url.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml") or "manifest"
    return f"{FOLDER}/{stem}-{download.sha256[:12]}.yaml"


def fetched(project_dir: Path, download: Download) -> ManifestFile:
    """A file that was fetched. Raises SourceError."""
    path = kept_as(download)
    try:
        return kept(project_dir, path, download.sha256)
    except SourceMissingError:
        raise SourceError(
            f"there is no file {path} in the project directory, which is {download.url}: fetch it with '{FETCH} "
            f"STACK=<stack>'"
        ) from None


def kept(project_dir: Path, path: str, sha256: str | None) -> ManifestFile:
    """A file of the project directory. Raises SourceError."""
    text = text_of(project_dir, path)
    found = hashlib.sha256(text.encode()).hexdigest()
    if sha256 is not None and found != sha256:
        raise SourceError(f"{path} has the SHA-256 {found}, expected {sha256}")
    objects = tuple(_objects(_documents(text, path), path))
    if not objects:
        raise SourceError(f"{path} holds no Kubernetes object")
    return ManifestFile(path, objects)


def _documents(text: str, what: str) -> list[object]:
    """Every document of a YAML text that holds one. An error names the line and never quotes it."""
    try:
        return [one for one in yaml.load_all(text, _Loader) if one is not None]
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = f": {reason_of(error)}" if reason_of(error) else ""
        raise SourceError(f"{what} is no YAML{line}{reason}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SourceError(f"{what} is no YAML") from None


def _objects(documents: list[object], path: str) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        if isinstance(document, Mapping) and isinstance(document.get("items"), list):
            yield from _objects(document["items"], path)
        else:
            yield _object(document, path)


def _object(document: object, path: str) -> Mapping[str, Any]:
    if isinstance(document, Mapping):
        metadata = document.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        texts = (document.get("apiVersion"), document.get("kind"), name)
        if all(isinstance(one, str) and one for one in texts):
            return document
    raise SourceError(
        f"{path} holds something that is no Kubernetes object with apiVersion, kind and metadata.name"
    )


def repeated(files: Iterable[ManifestFile]) -> Iterator[str]:
    """Every object that stands there twice; one of the two would take over the other's."""
    seen: set[str] = set()
    for body in (one for file in files for one in file.objects):
        metadata = body["metadata"]
        place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
        name = f"{body['apiVersion']} {body['kind']} {place}{metadata['name']}"
        if name in seen:
            yield name
        seen.add(name)
