"""What is run on a host to see its claim and to release it. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from components.remote import toolkit
from components.remote.bundle import Bundle

_RECORD: Final = "/var/lib/kubenode"
_TOOLKIT: Final = "/usr/local/lib/kubenode"

_LIST: Final = f"ls {_RECORD}/parts 2>/dev/null | sed 's/^/part /'"
_LOOK: Final = f"[ ! -e {_RECORD}/claim ] || {{ cat {_RECORD}/claim; {_LIST}; }}"
# By the toolkit that did the work, if it is all there; else by this checkout's.
_RELEASE: Final = (
    f"whole=yes; for part in claim $(ls {_RECORD}/parts 2>/dev/null); do [ -x {_TOOLKIT}/$part ] || whole=; done; "
    f'[ -z "$whole" ] || exec {_TOOLKIT}/claim remove; '
    "umask 077; d=$(mktemp -d /run/kubenode-claim.$$.XXXXXX) || exit 1; "
    'cat >"$d/bundle" && sed -n "s/^payload | //p" "$d/bundle" | base64 -d | tar -xzf - -C "$d" && '
    'sh "$d/claim" remove <"$d/bundle"; code=$?; rm -rf "$d"; exit $code'
)
_AS_ROOT: Final = 'if [ "$(id -u)" -eq 0 ]; then exec sh -c "$1"; else exec sudo -n sh -c "$1"; fi'


@dataclass(frozen=True)
class Claim:
    """Whose a host is, in its own words."""

    stack: str
    node: str
    since: str
    parts: tuple[str, ...]


def look() -> str:
    """The command that prints the claim and the recorded parts, or nothing."""
    return _as_root(_LOOK)


def release() -> str:
    """The command that undoes every part of the record and removes the claim; `bundle` is its standard input."""
    return _as_root(_RELEASE)


def bundle(claim: Claim, host: str) -> str:
    return Bundle(
        "claim", claim.node, host, claim.stack, script="release", payload=toolkit.payload()
    ).render()


def read(text: str) -> Claim | None:
    """What `look` printed."""
    words = [line.partition(" ") for line in text.splitlines()]
    found = {key: value for key, _, value in words if key != "part"}
    if not found.get("stack") or not found.get("node"):
        return None
    parts = tuple(value for key, _, value in words if key == "part" and not value.endswith(".gone"))
    return Claim(found["stack"], found["node"], found.get("since", "an unknown time"), parts)


def _as_root(script: str) -> str:
    return f"sh -c {shlex.quote(_AS_ROOT)} kubenode {shlex.quote(script)}"
