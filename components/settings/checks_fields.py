"""What is wrong with an extraConfig by the tables of the release alone: names and kinds, at every depth. Pure.

Owns what `components/versions` knows of KubeletConfiguration and KubeProxyConfiguration, said of a user's values. Does
not own what two values say of each other, nor which values this project can do without (`checks_kubelet.py`,
`checks_kube_proxy.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.settings import ages
from components.settings.checks_gates import gate_advice
from components.settings.checks_values import DURATION, QUANTITY, wrong_of
from components.settings.draft import NodeDraft
from components.settings.nearest import nearest
from components.settings.plain import is_masked
from components.settings.problems import Location
from components.versions import Minor
from components.versions.fields import LIVES
from components.versions.kinds import KUBE_PROXY, KUBELET, STRUCTS
from components.versions.lives import known
from components.versions.ranges import EXAMPLES

# What a file writes as text.
_TEXTS = ("text", "duration", "duration or number", "quantity")

_WHOLE: Mapping[str, tuple[int, int]] = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
}
# kind: what is expected, and an example
_WORDS: Mapping[str, tuple[str, str]] = {
    "bool": ("true or false, without quotes", "true"),
    "int32": ("a whole number", "10"),
    "int64": ("a whole number", "10"),
    "uint32": ("a whole number", "2"),
    "float": ("a number", "0.9"),
    "text": ("text, in quotes where YAML reads a number or a truth value", '"10"'),
    "duration": ("a duration", "1m30s"),
    "duration or number": ("a duration or a number of nanoseconds", "5s"),
    "quantity": ("a quantity", "200Mi"),
}


def check_kubelet_fields(node: NodeDraft, minor: Minor, extra: Mapping[str, Any]) -> None:
    """Note what the KubeletConfiguration of the release does not know, or not so, or not for long."""
    reader, where = f"kubelet of {minor.name}", ("kubelet", "extraConfig")
    _Reading(node, reader, minor.number).top(extra, where, KUBELET)


def check_kube_proxy_fields(node: NodeDraft, minor: Minor, extra: Mapping[str, Any]) -> None:
    """Note what the KubeProxyConfiguration of the release does not know, or not so, or not for long."""
    reader, where = f"kube-proxy of {minor.name}", ("kubeProxy", "extraConfig")
    _Reading(node, reader, minor.number).top(extra, where, KUBE_PROXY)


class _Reading:
    """One file of one program of one release."""

    def __init__(self, node: NodeDraft, reader: str, number: int) -> None:
        self._node, self._reader, self._number = node, reader, number

    def top(self, extra: Mapping[str, Any], where: Location, struct: str) -> None:
        """The top level, of which two fields say what the file is."""
        for name in extra:
            if name in ("apiVersion", "kind"):
                self._node.refuse("this project's own, leave it out", *where, name)
        fields = {name: value for name, value in extra.items() if name not in ("apiVersion", "kind")}
        self._struct(fields, struct, where)

    def _field(self, struct: str, name: str, value: object, where: Location) -> None:
        """Kind first, and what is of its kind by the tables of values."""
        kind, before = STRUCTS[struct][name], len(self._node.problems)
        if kind in _TEXTS and is_masked(value):
            return
        self._value(value, kind, where)
        if len(self._node.problems) > before:
            return
        for below, message in wrong_of(struct, name, value, self._number):
            if not is_masked(value, below):
                self._node.refuse(message, *where, *below)
        if name == "featureGates" and isinstance(value, dict):
            for gate, message in gate_advice(value, self._number):
                if not self._node.is_wrong(*where, gate):
                    self._node.advise(message, *where, gate)

    def _unknown(self, where: Location, struct: str) -> None:
        name, lives = str(where[-1]), LIVES[struct]
        if name in lives:
            hint = ages.absence(lives[name], self._number)
        else:
            hint = ages.nowhere(nearest(name, known(lives, self._number)))
        self._node.refuse(f"the {self._reader} has no field of this name{hint}", *where)

    def _value(self, value: object, kind: str, where: Location) -> None:
        if value is None and not isinstance(where[-1], int):
            return  # takes the field out
        shape, _, inner = kind.partition(" of ")
        if shape == "list":
            if isinstance(value, list):
                for number, item in enumerate(value):
                    self._value(item, inner, (*where, number))
            else:
                self._node.refuse(f"expected a list, for example {_example(kind, where[-1])}", *where)
        elif shape == "map" or kind in STRUCTS:
            if not isinstance(value, dict):
                self._node.refuse(
                    f"expected a map of keys and values, for example {_example(kind, where[-1])}", *where
                )
            elif kind in STRUCTS:
                self._struct(value, kind, where)
            else:
                for name, item in value.items():
                    self._value(item, inner, (*where, name))
        elif not _is_of(kind, value):
            what, example = _WORDS[kind]
            if isinstance(value, int) and not isinstance(value, bool) and kind in _WHOLE:
                what += " from {} to {}".format(*_WHOLE[kind])
            self._node.refuse(f"expected {what}, for example {example}", *where)

    def _struct(self, value: Mapping[str, Any], struct: str, where: Location) -> None:
        for name, item in value.items():
            life = LIVES[struct].get(name)
            if life is None or not life.knows(self._number):
                if item is not None:
                    self._unknown((*where, name), struct)
                continue
            if item is not None and life.is_deprecated(self._number):
                self._node.advise(ages.advice(life), *where, name)
            self._field(struct, name, item, (*where, name))


def _is_of(kind: str, value: object) -> bool:
    """Whether a program takes the value for a plain kind. It converts nothing: a number is no text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in _WHOLE:
        low, high = _WHOLE[kind]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "float":
        return is_number
    if kind == "text":
        return isinstance(value, str)
    if kind == "quantity":
        return is_number or (isinstance(value, str) and QUANTITY.fullmatch(value) is not None)
    is_duration = isinstance(value, str) and DURATION.fullmatch(value) is not None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_duration or (kind == "duration or number" and is_whole)


def _example(kind: str, name: int | str = "") -> str:
    """A value of the kind, as YAML on one line; of the field, where its kind alone says little."""
    if name in EXAMPLES:
        return EXAMPLES[str(name)]
    shape, _, inner = kind.partition(" of ")
    if shape == "list":
        return f"[{_example(inner)}]"
    if shape == "map":
        return f"{{name: {_example(inner)}}}"
    if kind in STRUCTS:
        name, first = next(iter(STRUCTS[kind].items()))
        return f"{{{name}: {_example(first)}}}"
    return _WORDS[kind][1]
