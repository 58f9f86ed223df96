"""The kubeconfig: read, checked, and what of it leads to a cluster.

Owns the errors of one that cannot be used: they say what is wrong and where, and never what is written there. Does not
own requests (`kubeapi.py`). Credentials by `exec` and auth providers are not supported.
"""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import yaml

from sandbox.plugins.values import Properties

_ENTRIES: Final = {"clusters": "cluster", "contexts": "context", "users": "user"}
_SWITCHES: Final = ("insecure-skip-tls-verify", "disable-compression")
_TEXTS: Final = {
    "cluster": (
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "tls-server-name",
        "proxy-url",
    ),
    "context": ("cluster", "user", "namespace"),
    "user": (
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "tokenFile",
        "username",
        "password",
        "as",
        "as-uid",
    ),
}
_LISTS: Final = {"as-groups": list, "as-user-extra": dict}
_PROXY_SCHEMES: Final = ("http", "https")


class KubeconfigError(Exception):
    """The kubeconfig cannot be used."""


class MalformedError(KubeconfigError):
    """It is no kubeconfig at all."""


@dataclass(frozen=True)
class Access:
    """What leads to one cluster."""

    server: str
    namespace: str | None
    headers: dict[str, str] = field(repr=False)
    login: tuple[str, str] | None = field(repr=False)
    verify: ssl.SSLContext | bool
    impersonation: list[tuple[str, str]]
    server_name: str | None
    """In the place of the server's host, in the server's certificate."""
    proxy: str | None = field(repr=False)


def read(contents_or_path: str) -> Properties:
    """The parsed kubeconfig: of a file, relative to the project directory (which is where a plugin runs), or else the
    text itself."""
    path, text = os.path.expanduser(contents_or_path), contents_or_path
    try:
        if "\n" not in path and os.path.exists(path):
            text = Path(path).read_text()
        parsed = yaml.safe_load(text)
    except OSError as error:
        raise MalformedError(f"the file cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:  # which quote what they read
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise MalformedError(f"it is neither a file nor YAML{where}") from None
    if parsed is None:
        return {}
    if problems := list(_problems(parsed)):
        raise MalformedError("; ".join(problems))
    return dict(parsed)


def _problems(parsed: Any) -> Iterator[str]:
    if not isinstance(parsed, dict):
        yield "it is neither a file nor a mapping"
        return
    if not isinstance(parsed.get("current-context"), str | None):
        yield "current-context is no text"
    for entries, inner in _ENTRIES.items():
        listed = parsed.get(entries)
        if not isinstance(listed, list | None):
            yield f"{entries} is no list"
            continue
        names = [str(entry.get("name")) for entry in listed or [] if isinstance(entry, dict)]
        if len(set(names)) < len(names):
            yield f"{entries} has a name twice"
        for index, entry in enumerate(listed or []):
            where = f"{entries}[{index}]"
            if not isinstance(entry, dict) or not isinstance(entry.get(inner), dict | None):
                yield f"{where} is no mapping with name and {inner}"
            else:
                yield from _problems_of_entry(f"{where}.{inner}", inner, entry.get(inner) or {})


def _problems_of_entry(where: str, inner: str, given: Properties) -> Iterator[str]:
    for key, value in given.items():
        if key in _TEXTS[inner] and not isinstance(value, str | None):
            yield f"{where}.{key} is no text"
        elif key in _SWITCHES and not isinstance(value, bool | None):
            yield f"{where}.{key} is neither true nor false"
        elif key in _LISTS and not isinstance(value, _LISTS[key] | None):
            yield f"{where}.{key} is no {'list' if _LISTS[key] is list else 'mapping'}"
        elif key in _TEXTS[inner] and key.endswith("-data") and value:
            try:
                base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                yield f"{where}.{key}: illegal base64 data"


def active_cluster(kubeconfig: Properties, context: str | None, cluster: str | None) -> Properties | None:
    """The cluster entry that these settings choose."""
    if cluster is None:
        chosen = _named(kubeconfig, "contexts", context or kubeconfig.get("current-context"))
        cluster = chosen.get("cluster") if chosen else None
    return _named(kubeconfig, "clusters", cluster)


def meaning(cluster: Properties | None) -> Properties | None:
    """A cluster entry without what says nothing, so that two of one meaning are equal."""
    known = (*_TEXTS["cluster"], *_SWITCHES, "extensions")
    return cluster and {key: value for key, value in cluster.items() if key in known and value}


def _named(kubeconfig: Properties, entries: str, name: str | None) -> Properties | None:
    for entry in kubeconfig.get(entries) or []:
        if entry.get("name") == name:
            return entry.get(_ENTRIES[entries]) or {}
    return None


def access(kubeconfig: Properties, context: str | None, cluster: str | None) -> Access:
    """How to reach the cluster that these settings choose, and as whom."""
    entry = active_cluster(kubeconfig, context, cluster)
    if not entry or not entry.get("server"):
        raise KubeconfigError("the kubeconfig has no cluster with a server for the current context")
    chosen = _named(kubeconfig, "contexts", context or kubeconfig.get("current-context")) or {}
    user = _named(kubeconfig, "users", chosen.get("user")) or {}
    if "exec" in user or "auth-provider" in user:
        raise KubeconfigError(
            "the sandbox's kubernetes plugin does not support exec or auth-provider credentials"
        )
    try:
        if httpx.URL(entry["server"]).scheme not in ("http", "https"):
            raise KubeconfigError("the server of the cluster is no URL of http or https")
    except httpx.InvalidURL:
        raise KubeconfigError("the server of the cluster is no URL") from None
    proxy, server_name = entry.get("proxy-url") or None, entry.get("tls-server-name") or None
    if proxy and proxy.partition("://")[0] not in _PROXY_SCHEMES:
        raise KubeconfigError(
            "the sandbox's kubernetes plugin knows no proxy-url of the cluster but http and https"
        )
    if proxy and server_name:
        raise KubeconfigError(
            "the sandbox's kubernetes plugin takes proxy-url or tls-server-name of the cluster, not both"
        )
    token = user.get("token") or _file_text(user.get("tokenFile"))
    return Access(
        server=entry["server"],
        namespace=chosen.get("namespace"),
        headers={"Authorization": f"Bearer {token.strip()}"} if token else {},
        login=(user["username"], user.get("password") or "") if user.get("username") else None,
        verify=_ssl_context(entry, user),
        impersonation=list(_impersonation(user)),
        server_name=server_name,
        proxy=proxy,
    )


def _impersonation(user: Properties) -> Iterator[tuple[str, str]]:
    """The headers by which a user acts as another."""
    for key, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if user.get(key):
            yield header, user[key]
    for group in user.get("as-groups") or []:
        yield "Impersonate-Group", str(group)
    for name, values in (user.get("as-user-extra") or {}).items():
        for value in values or []:
            yield f"Impersonate-Extra-{quote(str(name).lower(), safe='')}", str(value)


def _ssl_context(cluster: Properties, user: Properties) -> ssl.SSLContext | bool:
    if not cluster["server"].startswith("https://"):
        return True
    try:
        context = ssl.create_default_context(cadata=_inline_or_file(cluster, "certificate-authority"))
    except (ssl.SSLError, ValueError):
        raise KubeconfigError("the certificate authority of the cluster is no certificate in PEM") from None
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _inline_or_file(user, "client-certificate"), _inline_or_file(user, "client-key")
    if certificate and key:
        # The ssl module loads a key from a file only; this one is readable by nobody else and gone in a
        # moment.
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(f"{certificate}\n{key}\n")
            file.flush()
            try:
                context.load_cert_chain(file.name)
            except ssl.SSLError:
                raise KubeconfigError("the user's certificate and key are no pair in PEM") from None
    return context


def _inline_or_file(entry: Properties, name: str) -> str | None:
    if inline := entry.get(f"{name}-data"):
        return base64.b64decode(inline).decode(errors="replace")
    return _file_text(entry.get(name))


def _file_text(path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).expanduser().read_text()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise KubeconfigError(f"cannot read {path}: {reason}") from None
