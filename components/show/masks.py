"""A configuration without its secrets: each is replaced by a name in angle brackets, or by what its type accepts. Pure.

Encrypted values cannot be read here, because that takes the passphrase. Plain ones at the place of a secret are not
shown either.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from components.rendering import yaml_text
from components.settings.expected import Expected
from components.settings.forms import pem_certificates
from components.settings.plain import command, encrypted_in, is_encrypted
from components.settings.problems import Location, Problem, dotted
from components.settings.reference import Shape, keys_of
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS, NodeSection

AUTHORITY = "<certificate authority of the cluster, in the kubeconfig>"
_SERVER = "https://server-of-the-kubeconfig.invalid:6443"


def _pem(words: str, blob: bytes) -> str:
    return f"-----BEGIN {words}-----\n{base64.b64encode(blob).decode()}\n-----END {words}-----\n"


# Looks like one from outside, which is all that is looked at.
AUTHORITY_PEM = pem_certificates(_pem("CERTIFICATE", b"\x30" + AUTHORITY.encode())) or ""
_PRIVATE_KEY = _pem("PRIVATE KEY", b"a private key that is not read here")


@dataclass
class Masked:
    """`names` are the placeholders that stand in `raw`; `notes` say what else is shown in place of the real value.

    `encrypted`: the keys that hold encrypted values, as Pulumi tells them. `refused`: what a preview refuses and nobody
    can see in `raw` any longer.
    """

    raw: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    encrypted: set[str] = field(default_factory=set)
    refused: list[Problem] = field(default_factory=list)


def masked(
    raw: Mapping[str, Any], is_there: Callable[[str], bool], *, nodes_from_file: bool = False
) -> Masked:
    """The configuration with placeholders. `is_there` tells whether a file of the project exists.

    `nodes_from_file`: Pulumi does not decrypt them, so what looks encrypted there is an error like any other.
    """
    found = Masked(encrypted={key for key, value in raw.items() if any(True for _ in encrypted_in(value))})
    masking = _Masking(found, nodes_from_file)
    sections = {**STACK_SECTIONS, **NODE_SECTIONS}
    for key, value in raw.items():
        if key == "nodes":
            found.raw[key] = masking.nodes(value)
        elif key in sections:
            found.raw[key] = masking.table(value, sections[key], (key,))
        else:
            found.raw[key] = masking.plain(value, (key,))
    _without_kubeconfig(found, raw.get("cluster"), is_there)
    _without_signing_key(found)
    return found


@dataclass
class _Masking:
    found: Masked
    nodes_from_file: bool

    def _is_encrypted(self, value: object, where: Location) -> bool:
        return is_encrypted(value) and not (self.nodes_from_file and where[0] == "nodes")

    def nodes(self, value: object) -> object:
        if self._is_encrypted(value, ("nodes",)) or not isinstance(value, Mapping):
            return self.table(value, NodeSection, ("nodes",))
        return {name: self._node(node, ("nodes", str(name))) for name, node in value.items()}

    def _node(self, value: object, where: Location) -> object:
        if self._is_encrypted(value, where) or not isinstance(value, Mapping):
            return self.table(value, NodeSection, where)
        own = {key: item for key, item in value.items() if key not in NODE_SECTIONS}
        return {
            **self.table(own, NodeSection, where),
            **{
                key: self.table(item, NODE_SECTIONS[key], (*where, key))
                for key, item in value.items()
                if key in NODE_SECTIONS
            },
        }

    def table(self, value: object, model: type[BaseModel], where: Location) -> Any:
        """A section, key by key."""
        if self._is_encrypted(value, where):
            words = (
                "is encrypted as a whole, and nothing is decrypted here: encrypt the secrets in it one by one"
            )
            self.found.problems.append(Problem(dotted(where), words))
            return {}
        if not isinstance(value, Mapping):
            return value
        shapes = {key.name: key.shape for key in keys_of(model)}
        return {
            key: self._value(item, shapes[key], (*where, key))
            if key in shapes
            else self.plain(item, (*where, key))
            for key, item in value.items()
        }

    def _value(self, value: object, shape: Shape, where: Location) -> object:
        if shape.table is not None:
            return self.table(value, shape.table, where)
        if shape.items is not None and isinstance(value, list):
            return [self._value(item, shape.items, (*where, number)) for number, item in enumerate(value)]
        if shape.values is not None and isinstance(value, Mapping) and not self._is_encrypted(value, where):
            return {key: self._value(item, shape.values, (*where, str(key))) for key, item in value.items()}
        if self._is_encrypted(value, where) and _is_no_text(shape):
            return self._name(where)  # As in a run, where it would arrive as text.
        if self._is_encrypted(value, where) or (shape.is_secret and isinstance(value, str)):
            return self._placeholder(value, shape, where)
        return self.plain(value, where)

    def plain(self, value: object, where: Location) -> object:
        """A value of a map that is not looked into, such as extraConfig."""
        if self._is_encrypted(value, where):
            return self._name(where)
        if isinstance(value, Mapping):
            return {key: self.plain(item, (*where, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [self.plain(item, (*where, number)) for number, item in enumerate(value)]
        return value

    def _name(self, where: Location) -> str:
        name = f"<{dotted(where)}>"
        self.found.names.add(name)
        return name

    def _placeholder(self, value: object, shape: Shape, where: Location) -> object:
        if where == ("cluster", "kubeconfig"):
            return value  # looked at below, where its file is
        url = f"https://{re.sub(r'[^a-z0-9]+', '-', dotted(where).lower())}.invalid"
        accept = shape.named.accept if isinstance(shape.named, Expected) else None
        if accept is not None and accept(self._name(where)):
            return self._name(where)
        if accept is not None and accept(url):
            return _without_login(value, url)
        if accept is not None and accept(_PRIVATE_KEY):
            return _PRIVATE_KEY
        # A type with an idea of its own of what is right: its example is right.
        example = yaml_value(shape.example)
        self.found.notes.append(f"{dotted(where)} is encrypted, so it is shown as {shape.example}")
        return example


def _is_no_text(shape: Shape) -> bool:
    return (
        shape.items is not None
        or shape.values is not None
        or shape.schema.get("type") in ("integer", "boolean", "number", "object")
    )


def yaml_value(text: str) -> object:
    """A number or a truth value as what it is, everything else as text."""
    words: Mapping[str, object] = {"true": True, "false": False}
    return words.get(text, int(text) if re.fullmatch(r"-?[0-9]+", text) else text.strip('"'))


def _without_login(value: object, url: str) -> str:
    """A URL may be seen, its user and password may not."""
    if not isinstance(value, str):
        return url
    scheme, separator, rest = value.partition("://")
    login, at, host = rest.rpartition("@")
    return f"{scheme}{separator}user:password@{host}" if at and login else value


def _without_kubeconfig(found: Masked, cluster: object, is_there: Callable[[str], bool]) -> None:
    """An administrator's kubeconfig that cannot be read is replaced by one that says as much."""
    if not isinstance(cluster, Mapping):
        return
    path, contents = cluster.get("kubeconfigFile"), cluster.get("kubeconfig")
    is_missing = isinstance(path, str) and contents is None and not is_there(path)
    if not (is_missing or (is_encrypted(contents) and path is None)):
        return
    section = found.raw["cluster"]
    section.pop("kubeconfigFile", None)
    section["kubeconfig"] = _kubeconfig(section.get("context"))
    found.encrypted.add("cluster")  # What stands there now is no secret of anybody.
    key, reason = ("kubeconfigFile", "is not there") if is_missing else ("kubeconfig", "is encrypted")
    unknown = [name for name in ("server", "caData") if section.get(name) is None]
    if unknown:
        found.notes.append(
            f"cluster.{key} {reason}, so placeholders stand for cluster.{' and cluster.'.join(unknown)}"
        )


def _without_signing_key(found: Masked) -> None:
    """A signing key leaves nothing on a host; as a file that is not there it is not looked at, and so refused here."""
    identity = found.raw.get("identity")
    ca = identity.get("ca") if isinstance(identity, Mapping) else None
    if isinstance(ca, dict) and "privateKey" in ca and "privateKeyFile" not in ca:
        place = ("identity", "ca", "privateKey")
        if "identity" not in found.encrypted and identity and identity.get("issuer") == "ca":
            words = f"is a secret, and so must be encrypted: {command(place)}"
            found.refused.append(Problem(dotted(place), words))
        del ca["privateKey"]
        ca["privateKeyFile"] = "<identity.ca.privateKey>"


def _kubeconfig(context: object) -> str:
    name = context if isinstance(context, str) else "masked"
    data = base64.b64encode(AUTHORITY_PEM.encode()).decode()
    return yaml_text(
        {
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": "masked", "user": "masked"}}],
            "clusters": [
                {"name": "masked", "cluster": {"server": _SERVER, "certificate-authority-data": data}}
            ],
        }
    )
