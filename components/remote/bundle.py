"""The bundle: one part of one node as readable text, sent to the host on standard input.

Owns the format that `lib/bundle.sh` reads, and the types the renderers fill. Does not own what is in a file (the
`files.py` of each part) nor how a bundle travels (`command.py`).

A bundle is lines of `key | value`. The header names the part, the node, its host, the claim that must stand on the host
and the digest of the script that is to read it; then come the files, the artifacts and the settings that are no file.
Every line of a file carries the file's short name, because a preview shows three lines of context only:

    kubenode bundle 1
    part | kubelet
    file | kubelet.yaml 0644 root:root /etc/kubernetes/kubelet.yaml
    kubelet.yaml | maxPods: 55
    artifact | kubelet 0755 /usr/local/bin/kubelet 3f1c… https://dl.k8s.io/release/v1.37.2/bin/linux/amd64/kubelet
    set | healthy-timeout-seconds 120
    end
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components.remote import sudo

FORMAT = "kubenode bundle 1"

_KEYWORDS = frozenset(
    {"part", "node", "host", "claim", "script", "file", "artifact", "set", "start", "payload", "end"}
)
_PAYLOAD_WIDTH = 1000
# What the claim's command line (`command.py`) runs of the bundle, which is in $b. $0 is sudo or root, $1 is claimed for
# an update. No trap cleans up, so that whatever shell a user has behaves alike; the name holds the process, and what a
# killed one left is removed by the next command (`kn_lock`). The line itself ends with exit 1: a bundle that was
# cut off here is no success.
_START = rf"""
unpack='umask 077; d=$(mktemp -d /run/kubenode-claim.$$.XXXXXX) || exit 1
cat >"$d/bundle" && sed -n "s/^payload | //p" "$d/bundle" | base64 -d | tar -xzf - -C "$d" &&
KN_CLAIMED=$1 sh "$d/claim" apply <"$d/bundle"; code=$?; rm -rf "$d"; exit $code'
if [ "$0" = root ]; then printf "%s\n" "$b" | sh -c "$unpack" kubenode "${{1:-}}"; exit; fi
{sudo.MAY} && {{ printf "%s\n" "$b" | sudo -n sh -c "$unpack" kubenode "${{1:-}}"; exit; }}
at=$(printf "%s\n" "$b" | sed -n "s/^node | //p; s/^host | \(.*\)/(\1)/p" | tr "\n" " ")
printf "%s\n" "kubenode: ${{at% }}: claim apply: {sudo.MAY_NOT}" >&2
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WORD = re.compile(r"\S+")
_PATH = re.compile(r"/[A-Za-z0-9._@+:/-]+")


class BundleError(ValueError):
    """A bundle that the host could not read back as it was meant; always a fault of the program, not of its user."""


@dataclass(frozen=True)
class HostFile:
    """A text file of a host. `name` is short and unique within its part; `content` ends with a newline."""

    name: str
    path: str
    content: str
    mode: str = "0644"
    owner: str = "root:root"


@dataclass(frozen=True)
class Artifact:
    """A download with its SHA-256 in hex, verified on the host before anything is changed.

    `member` names one file inside a gzipped tar archive. A `path` that ends in "/" takes every file of such an archive.
    """

    name: str
    path: str
    url: str
    sha256: str
    mode: str = "0755"
    member: str = ""


@dataclass(frozen=True)
class Bundle:
    """One part of one node. `settings` maps a word to the values of its lines, one line for each value.

    `payload` is base64 text (the toolkit, in the claim's bundle only); how it is unpacked stands before it.
    """

    part: str
    node: str
    host: str
    claim: str
    script: str
    files: Sequence[HostFile] = ()
    artifacts: Sequence[Artifact] = ()
    settings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    payload: str = ""

    def render(self) -> str:
        """The text for standard input. Raises BundleError for anything that would not survive the way."""
        lines = [
            FORMAT,
            f"part | {_checked(_NAME, self.part, 'part')}",
            f"node | {_checked(_WORD, self.node, 'node')}",
            f"host | {_checked(_WORD, self.host, 'host')}",
            f"claim | {_checked(_WORD, self.claim, 'claim')}",
            f"script | {_checked(_WORD, self.script, 'script')}",
            *self.body(),
        ]
        if self.payload:
            lines += [f"start | {line}" for line in _START.strip().splitlines()]
        for at in range(0, len(self.payload), _PAYLOAD_WIDTH):
            lines.append(f"payload | {self.payload[at : at + _PAYLOAD_WIDTH]}")
        # A connection that is lost on the way looks like the end of the input.
        lines.append("end")
        return "\n".join(lines) + "\n"

    def body(self) -> list[str]:
        """The lines between the header and the payload: files, downloads, settings."""
        lines: list[str] = []
        names: set[str] = set()
        for file in self.files:
            lines += _file_lines(file, names)
        for artifact in self.artifacts:
            lines.append(_artifact_line(artifact, names))
        for key in sorted(self.settings):
            for value in self.settings[key]:
                lines.append(f"set | {_checked(_NAME, key, 'setting')} {_one_line(value, key)}".rstrip())
        return lines


def _file_lines(file: HostFile, names: set[str]) -> list[str]:
    name = _new_name(file.name, names)
    path = _checked(_PATH, file.path, name)
    mode = _checked(re.compile(r"0[0-7]{3}"), file.mode, name)
    owner = _checked(re.compile(r"[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*"), file.owner, name)
    if not file.content.endswith("\n"):
        raise BundleError(f"{name}: the content must end with a newline")
    if "\0" in file.content or "\r" in file.content:
        raise BundleError(f"{name}: the content must be plain text with newlines only")
    body = [
        f"{name} | {line}".rstrip() if not line else f"{name} | {line}"
        for line in file.content[:-1].split("\n")
    ]
    return [f"file | {name} {mode} {owner} {path}", *body]


def _artifact_line(artifact: Artifact, names: set[str]) -> str:
    name = _new_name(artifact.name, names)
    path = _checked(_PATH, artifact.path, name)
    mode = _checked(re.compile(r"0[0-7]{3}"), artifact.mode, name)
    sha256 = _checked(re.compile(r"[0-9a-f]{64}"), artifact.sha256, name)
    url = _checked(re.compile(r"https?://[^\s'\"]+"), artifact.url, name)
    member = f" {_checked(_WORD, artifact.member, name)}" if artifact.member else ""
    return f"artifact | {name} {mode} {path} {sha256} {url}{member}"


def _new_name(name: str, names: set[str]) -> str:
    _checked(_NAME, name, "name")
    if name in _KEYWORDS or name in names:
        raise BundleError(f"{name}: the name is taken")
    names.add(name)
    return name


def _checked(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise BundleError(f"{what}: {value!r} cannot stand in a bundle")
    return value


def _one_line(value: str, key: str) -> str:
    if any(character in value for character in "\0\r\n"):
        raise BundleError(f"{key}: a setting is one line")
    return value
