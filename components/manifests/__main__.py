"""Fetches the manifests that a stack's configuration names by URL or mirror, compares their SHA-256, and keeps them.

Owns fetching. Does not own which files those are (`components/settings/calico.py`), nor where they are kept
(`components/settings/manifests.py`). A run reads what is kept and opens no connection.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from components.settings import SettingsError, sources
from components.settings.calico import wanted_manifests
from components.settings.manifests import kept_as
from components.settings.resolved import Download
from components.show import stackfile

_SECONDS = 60
_LARGEST = 64 << 20

Read = Callable[[str], bytes]


class FetchError(Exception):
    """A file that cannot be had, or is another one."""


def main(arguments: Sequence[str] | None = None, read: Read | None = None) -> int:
    """Exit code 1 if a file could not be fetched or is not the expected one; 2 if the configuration is unusable."""
    options = _parser().parse_args(arguments)
    try:
        found = stackfile.configuration(options.project_dir, options.stack)
        wanted, unfit = wanted_manifests(found.raw, options.project_dir)
    except (SettingsError, sources.SourceError) as error:
        print(f"calico-manifest: {error}", file=sys.stderr)
        return 2
    failed = False
    for download in wanted:
        try:
            print(_fetched(options.project_dir, download, read or _read))
        except FetchError as error:
            failed = True
            print(f"calico-manifest: {error}", file=sys.stderr)
    problems = [*found.problems, *unfit]
    for problem in problems:
        failed = True
        print(f"calico-manifest: {problem}", file=sys.stderr)
    if not wanted and not problems:
        print("nothing to fetch: the stack names no manifest by URL or mirror")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.manifests",
        description="Fetches the manifests of a stack's calico section into the folder manifests/, each compared with "
        "its SHA-256. Commit them: a preview reads them there.",
    )
    parser.add_argument("--stack", required=True)
    parser.add_argument("--project-dir", type=Path, default=Path(), help=argparse.SUPPRESS)
    return parser


def _fetched(project_dir: Path, download: Download, read: Read) -> str:
    """What was done for a file, in words."""
    if not download.sha256:
        content = read(download.url)
        found = hashlib.sha256(content).hexdigest()
        raise FetchError(
            f"{download.url} has no SHA-256 in the configuration, so it is not kept. It was {found} just now: compare "
            f"that with what Calico's release says, and add the line to downloads.checksumsFile:\n"
            f"{found}  {download.version}"
        )
    path = project_dir / kept_as(download)
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == download.sha256:
        return f"{kept_as(download)}: there already"
    content = read(download.url)
    found = hashlib.sha256(content).hexdigest()
    if found != download.sha256:
        raise FetchError(
            f"{download.url} has the SHA-256 {found}, expected {download.sha256}; nothing was written. Check the "
            f"source, or correct the checksum."
        )
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.rename(path)
    return f"{kept_as(download)}: fetched from {download.url}, {len(content)} bytes. Commit it."


def _read(url: str) -> bytes:
    """With the proxy of the environment, as any tool on the operator's machine."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - http or https, by the settings
            content: bytes = answer.read(_LARGEST + 1)
    except (urllib.error.URLError, OSError) as error:
        raise FetchError(f"{url} cannot be fetched: {getattr(error, 'reason', error)}") from None
    if len(content) > _LARGEST:
        raise FetchError(f"{url} is larger than {_LARGEST >> 20} MiB, which no manifest is")
    return content


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
