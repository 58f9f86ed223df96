"""The files a configuration points to: nodes, kubeconfig, checksums, private keys. Only this reads files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.settings.documents import Document, DocumentError, document_of
from components.settings.forms import is_private_key, pem_certificates


class SourceError(ValueError):
    """A file that cannot be used, in words that hold nothing of its contents.

    `about`: the same after the file's name, for a report that has it already.
    """

    def __init__(self, text: str, about: str = "") -> None:
        super().__init__(text)
        self.about = about or text


class SourceMissingError(SourceError):
    """A file that is not there."""


def text_of(project_dir: Path, path: str) -> str:
    """The contents of a text file; a relative path starts at the project directory, `~` is the home."""
    file = project_dir / Path(path).expanduser()
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        where = "" if path.startswith(("/", "~")) else " in the project directory"
        raise SourceMissingError(f"there is no file {path}{where}", f"there is no such file{where}") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = _reason(error)
        raise SourceError(f"cannot read {path}: {reason}", f"cannot be read: {reason}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or "input/output error").lower()
    return "it is no UTF-8 text" if isinstance(error, UnicodeError) else "it is no usable path"


def private_key_of(project_dir: Path, path: str) -> str:
    """A private key that needs no passphrase."""
    text = text_of(project_dir, path)
    if not is_private_key(text):
        raise SourceError(
            f"{path} is no private key in PEM, or one with a passphrase (which works through ssh.agent: true)"
        )
    return text


def document(text: str, what: str) -> Document:
    """A YAML text as Pulumi would read it. An error names the line and never quotes it."""
    try:
        return document_of(text)
    except DocumentError as error:
        line = f", line {error.line}" if error.line else ""
        reason = f": {error.reason}" if error.reason else ""
        about = f"is no YAML{line}{reason}"
        raise SourceError(f"{what} {about}", about) from None


def nodes_of(text: str, what: str) -> object:
    """The nodes of a nodesFile. What Pulumi would read in another way than it looks is an error."""
    found = document(text, what)
    for doubt in found.doubts:
        raise SourceError(f"{what}, line {doubt.line}: {doubt.reason}", f"line {doubt.line}: {doubt.reason}")
    return found.value


@dataclass(frozen=True)
class Kubeconfig:
    """What a kubeconfig says about its cluster."""

    cluster_name: str
    server: str
    ca_pem: str | None
    tokens: frozenset[str] = field(default_factory=frozenset, repr=False)
    """Those of its users, who are administrators."""


def kubeconfig_of(text: str, context: str | None, ca_dir: Path) -> Kubeconfig:
    """The cluster of a context, or of the current one. A certificate-authority path starts at `ca_dir`."""
    found = document(text, "the kubeconfig").value
    if not isinstance(found, Mapping):
        raise SourceError("the kubeconfig is no map of keys and values")
    name = context or found.get("current-context")
    if not isinstance(name, str) or not name:
        raise SourceError("the kubeconfig has no current-context, set cluster.context")
    cluster_name = _named(found, "contexts", name, "context").get("cluster")
    if not isinstance(cluster_name, str):
        raise SourceError(f"context {name} of the kubeconfig names no cluster")
    cluster = _named(found, "clusters", cluster_name, "cluster")
    server = cluster.get("server")
    if not isinstance(server, str):
        raise SourceError(f"cluster {cluster_name} of the kubeconfig has no server")
    return Kubeconfig(cluster_name, server.rstrip("/"), _ca_of(cluster, cluster_name, ca_dir), _tokens(found))


def _tokens(document: Mapping[str, object]) -> frozenset[str]:
    entries = document.get("users")
    users = (
        [entry.get("user") for entry in entries if isinstance(entry, Mapping)]
        if isinstance(entries, list)
        else []
    )
    found = [user.get("token") for user in users if isinstance(user, Mapping)]
    return frozenset(token for token in found if isinstance(token, str))


def _ca_of(cluster: Mapping[str, object], name: str, ca_dir: Path) -> str | None:
    data, path = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
    if isinstance(path, str) and path and not data:
        data = text_of(ca_dir, path)
    if not data:
        return None
    pem = pem_certificates(data) if isinstance(data, str) else None
    if pem is None:
        raise SourceError(
            f"the certificate authority of cluster {name} in the kubeconfig is no PEM certificate"
        )
    return pem


def _named(document: Mapping[str, object], key: str, name: str, below: str) -> Mapping[str, object]:
    found_there = document.get(key)
    entries = found_there if isinstance(found_there, list) else []
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("name") == name and isinstance(entry.get(below), Mapping):
            found: Mapping[str, object] = entry[below]
            return found
    names = [str(entry.get("name")) for entry in entries if isinstance(entry, Mapping)]
    has = f"; it has {', '.join(names)}" if names else ""
    raise SourceError(f"the kubeconfig has no {below} {name}{has}")


_CHECKSUM_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def checksums_of(text: str) -> dict[str, str]:
    """SHA-256 by name, as `sha256sum` prints it; empty lines and comments are skipped."""
    sums: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _CHECKSUM_LINE.fullmatch(line.rstrip())
        if match is None:
            raise SourceError(
                f"line {number} is no line of sha256sum (64 hexadecimal digits, two spaces, a name)"
            )
        name, sha256 = match[2].removeprefix("./"), match[1].lower()
        if sums.setdefault(name, sha256) != sha256:
            raise SourceError(f"line {number} gives {name} a second SHA-256")
    return sums
