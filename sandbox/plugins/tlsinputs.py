"""What the resources of the tls provider take: the types of inputs, and how others are converted or refused.

Pure functions. As the official provider does, by pulumi-terraform-bridge (pkg/convert) and the types of hashicorp/tls:
a number or a switch is a text where one is due, a text of digits is a number, an empty one is none; nothing else is
converted. No reason shows a value. Does not own what an input means.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from sandbox.plugins.values import Properties, Secret, Unknown, secret

Convert = Callable[[Any], Any]


class WrongTypeError(ValueError):
    """A value of another type than its input's; the text is the reason."""


def converted(inputs: Properties) -> Properties:
    """The inputs in their own types, with their secret marks; raises WrongTypeError."""
    return {key: convert(key, value) for key, value in inputs.items()}


def convert(key: str, value: Any) -> Any:
    """The value of an input in the input's own type; raises WrongTypeError."""
    return _within(value, _INPUTS[key]) if key in _INPUTS else value


def _within(value: Any, conversion: Convert) -> Any:
    if isinstance(value, Secret):
        return secret(_within(value.value, conversion))
    return value if value is None or isinstance(value, Unknown) else conversion(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return value
    raise WrongTypeError("Expected a string")


def _whole(value: Any) -> int | None:
    if isinstance(value, str):
        if not value:
            return None
        try:
            value = float(value)
        except ValueError:
            raise WrongTypeError("Expected a Number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WrongTypeError("Expected a Number")
    if not math.isfinite(value) or value != int(value):
        raise WrongTypeError("The number is not an integer")
    return int(value)


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise WrongTypeError("Expected a Boolean")


def _texts(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise WrongTypeError("Expected an Array PropertyValue")
    if any(item is None for item in value):
        raise WrongTypeError("Expected a string, not null")
    return [_within(item, _text) for item in value]


def _subject(value: Any) -> Properties:
    if not isinstance(value, dict):
        raise WrongTypeError("Expected an Object PropertyValue")
    return {
        field: _within(item, _texts if field == "streetAddresses" else _text) for field, item in value.items()
    }


_INPUTS: Final[dict[str, Convert]] = {
    "algorithm": _text,
    "allowedUses": _texts,
    "caCertPem": _text,
    "caPrivateKeyPem": _text,
    "certRequestPem": _text,
    "dnsNames": _texts,
    "earlyRenewalHours": _whole,
    "ecdsaCurve": _text,
    "ipAddresses": _texts,
    "isCaCertificate": _switch,
    "maxPathLength": _whole,
    "privateKeyPem": _text,
    "rsaBits": _whole,
    "setAuthorityKeyId": _switch,
    "setSubjectKeyId": _switch,
    "subject": _subject,
    "uris": _texts,
    "validityPeriodHours": _whole,
}
