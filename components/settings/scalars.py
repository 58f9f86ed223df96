"""What a scalar of YAML without quotes is for Pulumi's engine. Pure.

The engine's YAML (go-yaml 3) is neither YAML 1.1 nor 1.2: on, off, yes and no are text, `017` and `0o17` are both
octal, `1_000` is a number. What it has read it then writes as JSON, in which 55.0 is 55. Owns this table. Does not own
maps, lists and anchors (`documents.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

TEXT, NULL, BOOL, INT, FLOAT, DATE = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "null", "bool", "int", "float", "timestamp")
)
PLAIN_TAGS = frozenset({TEXT, NULL, BOOL, INT, FLOAT, DATE})

Scalar = str | int | float | bool | None

_WORDS: Mapping[str, tuple[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys(("true", "True", "TRUE"), (BOOL, True)),
    **dict.fromkeys(("false", "False", "FALSE"), (BOOL, False)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (FLOAT, float("nan"))),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (FLOAT, float("inf"))),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (FLOAT, float("-inf"))),
}
_WHOLE = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?)?"
)


def resolved(text: str) -> tuple[str, Scalar]:
    """The tag and the value of what stands there without quotes. A date stays as it is written."""
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] == ".":
        found = _number(re.sub("(?<=[0-9])_(?=[0-9])", "", text))
        return found if found[0] != TEXT else (TEXT, text)
    if text[:1] in "0123456789+-" and text.isascii():
        if _DATE.fullmatch(text):
            return DATE, text
        found = _number(text.replace("_", ""))
        return found if found[0] != TEXT else (TEXT, text)
    return TEXT, text


def _number(text: str) -> tuple[str, Scalar]:
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        sign, *digits = whole.groups()
        number = next(
            int(one, base) for one, base in zip(digits, (16, 2, 8, 10), strict=True) if one is not None
        )
        # One that fits in 64 bits; with a sign, in 63 of them.
        if number < 1 << (63 if sign else 64):
            return INT, _as_json(-number if sign == "-" else number)
    if _FLOAT.fullmatch(text) and abs(float(text)) != float("inf"):
        return FLOAT, _as_json(float(text))
    return TEXT, text


def _as_json(number: float) -> int | float:
    """As the engine writes a number: the shortest digits of 64 bits of floating point, unless it fits in an int64."""
    if isinstance(number, int) and -(1 << 63) <= number < 1 << 63:
        return number
    number = float(number)
    # Go writes no exponent below 1e21, so that what is whole is read as a whole number again.
    return int(Decimal(repr(number))) if number.is_integer() and abs(number) < 1e21 else number
