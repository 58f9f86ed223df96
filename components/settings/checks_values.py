"""What is wrong with a value of an extraConfig that is of the right kind: bounds, choices, syntax. Pure.

Owns the words, said by the tables of `components/versions/ranges.py`. Does not own names and kinds
(`checks_fields.py`), feature gates (`checks_gates.py`), nor what this project wants of a value (`checks_kubelet.py`,
`checks_kube_proxy.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal

from components.settings.checks_gates import wrong_gates
from components.settings.forms import is_ip, is_range
from components.settings.nearest import nearest
from components.versions import MINORS
from components.versions.kinds import KUBELET
from components.versions.ranges import BOUNDS, CHOICES, CIPHERS, DURATIONS, MAPS, SYNTAX

Wrong = tuple[tuple[int | str, ...], str]

QUANTITY = re.compile(r"([-+]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+|[KMGTPE]i|[numkMGTPE])?")
DURATION = re.compile(r"[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)")
_SECONDS: Mapping[str, float] = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
}  # fmt: skip
_PERCENT = re.compile(r"[0-9]+(\.[0-9]+)?%")
_LARGEST = (1 << 31) - 1


def wrong_of(struct: str, name: str, value: object, number: int) -> Iterator[Wrong]:
    """What is wrong with the value of a field, below its own place. `number`: the minor."""
    if struct == KUBELET and name in MAPS:
        if isinstance(value, dict):
            yield from _map(value, *MAPS[name])
    elif name == "featureGates":
        if isinstance(value, dict):
            ours = MINORS[number].kubelet_feature_gates if struct == KUBELET else {}
            yield from (((gate,), message) for gate, message in wrong_gates(value, number, ours))
    else:
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            message = _message(struct, name, item)
            if message:
                yield (() if index is None else (index,)), message


def _message(struct: str, name: str, value: object) -> str | None:
    bounds = BOUNDS.get(struct, {}).get(name)
    if bounds and isinstance(value, int | float) and not isinstance(value, bool):
        low, high = bounds
        if not low <= value <= high:
            return f"expected {between(low, high)}"
    if not isinstance(value, str):
        return None
    choices = CHOICES.get(struct, {}).get(name)
    if choices and value not in choices:
        return f"expected {', '.join(choices[:-1])} or {choices[-1]}"
    limits = DURATIONS.get(struct, {}).get(name)
    if limits and DURATION.fullmatch(value) and not limits[0] <= seconds(value) <= limits[1]:
        low_text = _text(limits[0])
        return (
            f"expected {low_text} or more"
            if limits[1] == float("inf")
            else (f"expected a duration from {low_text} to {_text(limits[1])}")
        )
    syntax = SYNTAX.get(struct, {}).get(name)
    return _syntax(syntax, value) if syntax else None


def between(low: int, high: int) -> str:
    """A number between two bounds, in words."""
    if high != _LARGEST:
        return f"a number from {low} to {high}"
    return f"{low} or more"


def _text(limit: float) -> str:
    return "a duration of 0s" if limit == 0 else f"{limit:g}s" if limit >= 1 else f"{limit * 1000:g}ms"


def _map(value: Mapping[str, object], names: Collection[str], syntax: str) -> Iterator[Wrong]:
    for name, item in value.items():
        if item is None:
            continue
        if name not in names:
            near = nearest(name, names)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(names)}"
            yield (name,), f"the kubelet does not know this name; {hint}"
        elif isinstance(item, str):
            message = _syntax(syntax, item)
            if message:
                yield (name,), message


def _syntax(kind: str, value: str) -> str | None:
    accept, message = _SYNTAXES[kind]
    return None if accept(value) else message


def seconds(duration: str) -> float:
    """Of a duration as Go writes it."""
    total = sum(
        float(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)([a-zµμ]+)", duration)
    )
    return -total if duration.startswith("-") else total


def _amount(text: str) -> Decimal | None:
    """The number of a quantity without its unit: enough for its sign."""
    found = QUANTITY.fullmatch(text)
    return Decimal(f"{found[1]}{found[2]}") if found else None


def _is_amount(text: str) -> bool:
    amount = _amount(text)
    return amount is not None and amount >= 0


def _is_threshold(text: str) -> bool:
    if text.endswith("%"):
        return _PERCENT.fullmatch(text) is not None and float(text[:-1]) <= 100
    amount = _amount(text)
    return amount is not None and amount > 0


def _is_reclaim(text: str) -> bool:
    return (_PERCENT.fullmatch(text) is not None and float(text[:-1]) > 0) or _is_amount(text)


def _is_share(text: str) -> bool:
    return _PERCENT.fullmatch(text) is not None and float(text[:-1]) <= 100


def _is_period(text: str) -> bool:
    return DURATION.fullmatch(text) is not None and seconds(text) >= 0


_SYNTAXES: Mapping[str, tuple[Callable[[str], object], str]] = {
    "amount": (_is_amount, "expected a quantity that is not negative, for example 200Mi"),
    "threshold": (_is_threshold, "expected a quantity above 0 or a percentage up to 100%, for example 10%"),
    "reclaim": (_is_reclaim, "expected a quantity or a percentage above 0%, for example 500Mi"),
    "share": (_is_share, "expected a percentage up to 100%, for example 50%"),
    "period": (_is_period, "expected a duration that is not negative, for example 1m30s"),
    "address": (is_ip, "expected an IP address, for example 10.0.0.7"),
    "range": (is_range, "expected an address range, for example 10.0.0.0/24"),
    "range or word": (
        lambda text: text in ("primary", "localhost", "all") or is_range(text),
        "expected an address range, primary, localhost or all, for example 10.0.0.0/24",
    ),
    "cipher": (
        CIPHERS.__contains__,
        "expected a cipher suite of Go's crypto/tls, for example TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ),
    "cpus": (
        re.compile(r"([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?").fullmatch,
        "expected numbers of processors, for example 0-1,4",
    ),
}
