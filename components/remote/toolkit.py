"""The toolkit: every part's script and their library, packed for the claim's bundle. Pure but for reading this tree.

Owns which scripts there are and their digests. A part's digest stands in its bundle's header, so that a corrected
script reaches the hosts by itself: the part's command is updated, finds nothing to change and restarts nothing.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import io
import re
import tarfile
from pathlib import Path

_COMPONENTS = Path(__file__).resolve().parent.parent

LIBRARY = "lib.sh"
_SOURCED = re.compile(r'^\. "\$\{0%/\*\}/(?P<path>lib/[a-z-]+\.sh)"\n', re.MULTILINE)
SCRIPTS: dict[str, str] = {
    "claim": "host/claim.sh",
    "prepare": "host/prepare.sh",
    "docker": "docker/docker.sh",
    "calico": "calico/calico.sh",
    "credentials": "identity/credentials.sh",
    "kubelet": "kubelet/kubelet.sh",
    "kube-proxy": "kube_proxy/kube-proxy.sh",
    "verify": "verification/verify.sh",
}


@functools.cache
def source(name: str) -> str:
    """A part's script as it is in the tree, or the library: one file on a host, one for each subject in the tree."""
    if name != LIBRARY:
        return _read(SCRIPTS[name])
    return _SOURCED.sub(lambda line: _read(f"remote/{line['path']}"), _read("remote/lib.sh"))


def _read(path: str) -> str:
    return (_COMPONENTS / path).read_text(encoding="utf-8")


def packed(name: str) -> str:
    """The text as it is sent: without whole-line comments, which would be half of each node's payload in the state."""
    first, *rest = source(name).splitlines()
    kept = [line for line in rest if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join([first, *kept]) + "\n"


@functools.cache
def script_digest(part: str) -> str:
    """What a part's apply and remove do, as 12 hex digits: its own script and the library."""
    return hashlib.sha256((packed(LIBRARY) + packed(part)).encode()).hexdigest()[:12]


@functools.cache
def digest() -> str:
    """The whole toolkit as 12 hex digits."""
    return hashlib.sha256("".join(packed(name) for name in _names()).encode()).hexdigest()[:12]


@functools.cache
def payload() -> str:
    """Base64 of a gzipped tar archive; the same scripts always give the same text."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in _names():
            content = packed(name).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            tar.addfile(entry, io.BytesIO(content))
    packed_archive = gzip.compress(archive.getvalue(), compresslevel=9, mtime=0)
    # The byte that names the operating system depends on Python's release; two operators must not differ in it.
    return base64.b64encode(packed_archive[:9] + b"\xff" + packed_archive[10:]).decode()


def _names() -> list[str]:
    return [LIBRARY, *SCRIPTS]
