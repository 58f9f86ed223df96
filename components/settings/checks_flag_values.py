"""What is wrong with the value of a flag, by the kind of the field that says the same. Pure.

Owns how a flag writes a kind: numbers, truth values, lists with commas, `name=value`. Does not own which values a field
takes (`checks_values.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from components.settings.checks_gates import gates_of_flag
from components.settings.checks_values import DURATION, QUANTITY, wrong_of
from components.versions.flag_kinds import Kind

_TRUE = ("1", "t", "T", "true", "True", "TRUE")
_FALSE = ("0", "f", "F", "false", "False", "FALSE")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)").fullmatch
_WHOLE = (
    re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)").fullmatch,
    "a whole number, for example 10",
    lambda text: int(text, 16) if "x" in text.lower() else int(text),
)
# kind: whether a text is one, what is expected, and the value as a field has it
_KINDS: Mapping[str, tuple[Callable[[str], object], str, Callable[[str], object]]] = {
    "bool": ((_TRUE + _FALSE).__contains__, "true or false, for example true", _TRUE.__contains__),
    **dict.fromkeys(("int32", "int64", "uint32"), _WHOLE),
    "float": (_NUMBER, "a number, for example 5", float),
    **dict.fromkeys(
        ("duration", "duration or number"), (DURATION.fullmatch, "a duration, for example 1m30s", str)
    ),
    "quantity": (QUANTITY.fullmatch, "a quantity, for example 200Mi", str),
    "text": (lambda _: True, "", str),
    "list of text": (lambda _: True, "", lambda text: text.split(",")),
}


def wrong_flag(flag: Kind, text: str, number: int) -> str | None:
    """What is wrong with the value, if anything is known of it. `number`: the minor."""
    if flag.name == "featureGates":
        return _gates(flag.struct, text, number)
    if flag.kind not in _KINDS:
        return None
    accept, what, convert = _KINDS[flag.kind]
    if not accept(text):
        return f"expected {what}"
    wrong = wrong_of(flag.struct, flag.name, convert(text), number) if text else iter(())
    return next((message for _, message in wrong), None)


def _gates(struct: str, text: str, number: int) -> str | None:
    gates = gates_of_flag(text)
    if not set(gates.values()) <= {*_TRUE, *_FALSE}:
        return (
            "expected names with true or false, for example GracefulNodeShutdown=true,PodLevelResources=false"
        )
    values = {name: value in _TRUE for name, value in gates.items()}
    wrong = wrong_of(struct, "featureGates", values, number)
    return next((f"{below[0]}: {message}" for below, message in wrong), None)
