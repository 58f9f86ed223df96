"""What the commands take: the inputs, their types, and the words in which a wrong one is refused.

Pure functions. Owns the Check of the command provider as the official one has it (pulumi-go-provider's infer, which
decodes inputs by pulumi's sdk/go/common/util/mapper; the types are Go's): a number with a fraction is cut to a whole
one where one is due, and no reason shows a value. A text of `logging` that means nothing is refused: the official
provider takes it, and a program in Python dies of it. Does not own what an input means.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.plugins.base import Failure
from sandbox.plugins.values import Properties, Unknown, plain, secret

_TEXT, _NUMBER, _WHOLE, _SWITCH = "string", "float64", "int", "bool"
_TEXTS, _ANYTHINGS, _TEXT_BY_NAME = "[]string", "[]interface {}", "map[string]string"
_LOGGINGS: Final = ("stdout", "stderr", "stdoutAndStderr", "none")
_UNKNOWN_LOGGING: Final = (
    "The official command plugin takes it, and a program in Python ends then, in every run"
)
_LOGGING: Final = ".Logging"  # a text; each kind of command has a type of this name


@dataclass(frozen=True)
class Fields:
    """The fields of an object, by its Go name; `needed` must be there."""

    name: str
    fields: Mapping[str, "str | Fields"]
    needed: str | None = None

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]


_COMMON: Final[dict[str, str | Fields]] = {
    "create": _TEXT,
    "update": _TEXT,
    "delete": _TEXT,
    "stdin": _TEXT,
    "logging": _LOGGING,
    "environment": _TEXT_BY_NAME,
    "triggers": _ANYTHINGS,
    "addPreviousOutputInEnv": _SWITCH,
}
_HOP: Final[dict[str, str | Fields]] = {
    "host": _TEXT,
    "port": _NUMBER,
    "user": _TEXT,
    "password": _TEXT,
    "privateKey": _TEXT,
    "privateKeyPassword": _TEXT,
    "agentSocketPath": _TEXT,
    "dialErrorLimit": _WHOLE,
    "perDialTimeout": _WHOLE,
    "hostKey": _TEXT,
}
_PROXY: Final = Fields("remote.ProxyConnection", _HOP, "host")
_CONNECTION: Final = Fields("remote.Connection", {**_HOP, "proxy": _PROXY}, "host")
REMOTE: Final = Fields("remote.CommandInputs", {**_COMMON, "connection": _CONNECTION}, "connection")
LOCAL: Final = Fields("local.CommandInputs", {**_COMMON, "interpreter": _TEXTS, "dir": _TEXT})
RUN: Final = Fields(
    "local.RunInputs",
    {key: LOCAL.fields[key] for key in LOCAL.fields if key not in ("create", "update", "delete", "triggers")}
    | {"command": _TEXT},
    "command",
)
_HOP_DEFAULTS: Final = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_HOP_SECRETS: Final = ("password", "privateKey", "privateKeyPassword")
_NOT_IN_SANDBOX: Final = ("assetPaths", "archivePaths")
_GO_TYPES: Final = {str: _TEXT, bool: _SWITCH, int: _NUMBER, float: _NUMBER, list: _ANYTHINGS}


def failures(inputs: Properties, wanted: Fields) -> list[Failure]:
    """Everything that is wrong with the inputs."""
    given = {key: value for key, value in plain(inputs).items() if not key.startswith("__")}
    here = {key: value for key, value in given.items() if key not in _NOT_IN_SANDBOX}
    return [
        *(
            Failure(key, f"{key} is not supported by the sandbox's command plugin")
            for key in _NOT_IN_SANDBOX
            if given.get(key)
        ),
        *(Failure(key, reason) for key, reason in _wrong_fields(here, wanted)),
    ]


def _wrong_fields(given: Properties, wanted: Fields) -> Iterator[tuple[str, str]]:
    for key, kind in sorted(wanted.fields.items()):
        if given.get(key) is not None:
            yield from _wrong(key, given[key], kind, wanted)
        elif key == wanted.needed:
            yield key, f"Missing required field '{key}' on '{wanted.name}'"
    for key in sorted(given.keys() - wanted.fields.keys()):
        yield key, f"Unrecognized field '{key}' on '{wanted.name}'"


def _wrong(key: str, value: Any, kind: "str | Fields", owner: Fields) -> Iterator[tuple[str, str]]:
    """At most one reason, as the official provider ends at the first one of a field."""
    if isinstance(value, Unknown):
        return
    if isinstance(kind, Fields) and isinstance(value, dict):
        if inner := list(_wrong_fields(value, kind)):
            told = "".join(f"\n\t{name}: {reason}" for name, reason in inner)
            yield (
                key,
                f"An error occurred decoding '{owner.short_name}.{key}': {len(inner)} failures decoding:{told}",
            )
    elif kind == _TEXTS and isinstance(value, list):
        yield from _wrong_text(((f"{key}[{index}]", item) for index, item in enumerate(value)), owner)
    elif kind == _TEXT_BY_NAME and isinstance(value, dict):
        yield from _wrong_text(
            ((f"{key}[{name}] value", item) for name, item in sorted(value.items())), owner
        )
    elif kind == _LOGGING and isinstance(value, str):
        if value not in _LOGGINGS:
            yield key, f"it is none of {', '.join(_LOGGINGS)}. {_UNKNOWN_LOGGING}"
    elif not _fits(value, kind):
        wanted = kind.name if isinstance(kind, Fields) else kind
        package = owner.name.partition(".")[0] if wanted == _LOGGING else ""
        yield key, _wrong_type(key, owner, f"{package}{wanted}", value)


def _wrong_text(items: Iterable[tuple[str, Any]], owner: Fields) -> Iterator[tuple[str, str]]:
    for where, item in items:
        if item is None:
            yield (
                where,
                f"Field '{where}' on '{owner.name}' is null, at which the official command plugin panics",
            )
            return
        if not isinstance(item, Unknown) and not _fits(item, _TEXT):
            yield where, _wrong_type(where, owner, _TEXT, item)
            return


def _fits(value: Any, kind: "str | Fields") -> bool:
    held = _GO_TYPES.get(type(value))
    return held == kind or (held == _NUMBER and kind == _WHOLE)


def _wrong_type(key: str, owner: Fields, wanted: str, value: Any) -> str:
    if isinstance(value, dict):
        return (
            f"An error occurred decoding '{owner.short_name}.{key}': Cannot decode Object{{}} to type {wanted}; "
            "it isn't a struct, and no custom decoder exists"
        )
    held = _GO_TYPES[type(value)]
    return f"Field '{key}' on '{owner.name}' must be a '{wanted}'; got '{held}' instead"


def complete_connection(connection: Any) -> Any:
    """All of a connection, secret, with its defaults."""
    held = plain(connection)
    if not isinstance(held, dict):
        return secret(connection)
    complete = _complete_hop(held)
    if isinstance(complete.get("proxy"), dict):
        complete["proxy"] = _complete_hop(complete["proxy"])
    return secret(complete)


def _complete_hop(hop: Properties) -> Properties:
    given = {
        key: int(value) if _HOP.get(key) == _WHOLE and not isinstance(value, Unknown) else value
        for key, value in hop.items()
        if value is not None
    }
    return {
        key: secret(value) if key in _HOP_SECRETS else value
        for key, value in {**_HOP_DEFAULTS, **given}.items()
    }
