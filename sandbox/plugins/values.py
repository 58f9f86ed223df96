"""Property values: between the engine's wire form (protobuf Struct) and plain Python values.

Owns secrets, unknowns and the paths in a detailed diff. Does not own what a resource does with them. Assets,
archives and resource references stay the plain dictionaries that they are on the wire: no plugin here looks
into one. Source of the wire form: `pulumi/sdk/go/common/resource/plugin/rpc.go`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct
from google.protobuf.struct_pb2 import Value as WireValue

Properties = dict[str, Any]

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature of the wire form
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_TOKENS: Final = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown:
    """A value that is known only after an update. There is one instance, UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> "Unknown":
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in state and hides on the screen."""

    value: Any

    def __repr__(self) -> str:
        return "Secret([hidden])"  # so that no traceback or failed assertion prints it


def decode(struct: Struct) -> Properties:
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: WireValue) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_object(decode(value.struct_value))
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWN_TOKENS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    return None


def _decode_object(fields: Properties) -> Any:
    signature = fields.get(_SIGNATURE)
    if signature == _SECRET:
        return secret(fields.get("value"))
    if signature == _OUTPUT:
        inner = fields.get("value", UNKNOWN)
        return secret(inner) if fields.get("secret") else inner
    return fields


def encode(properties: Mapping[str, Any]) -> Struct:
    struct = Struct()
    for key, value in properties.items():
        _encode(value, struct.fields[key])
    return struct


def _encode(value: Any, wire: WireValue) -> None:
    if value is None:
        wire.null_value = NullValue.NULL_VALUE
    elif isinstance(value, Unknown):
        wire.string_value = _UNKNOWN_STRING
    elif isinstance(value, Secret):
        wire.struct_value.fields[_SIGNATURE].string_value = _SECRET
        _encode(value.value, wire.struct_value.fields["value"])
    elif isinstance(value, bool):
        wire.bool_value = value
    elif isinstance(value, (int, float)):
        wire.number_value = value
    elif isinstance(value, str):
        wire.string_value = value
    elif isinstance(value, Mapping):
        wire.struct_value.SetInParent()
        for key, item in value.items():
            _encode(item, wire.struct_value.fields[key])
    elif isinstance(value, (list, tuple)):
        items = ListValue()
        for item in value:
            _encode(item, items.values.add())
        wire.list_value.CopyFrom(items)
    else:
        raise TypeError(f"no property value can hold a {type(value).__name__}")


def secret(value: Any) -> Secret:
    """The value as a secret; wrapping twice means nothing more."""
    return value if isinstance(value, Secret) else Secret(value)


def plain(value: Any) -> Any:
    """The value without its secret marks, at every depth."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def contains(value: Any, matches: Callable[[Any], bool]) -> bool:
    if matches(value):
        return True
    if isinstance(value, Secret):
        return contains(value.value, matches)
    if isinstance(value, dict):
        return any(contains(item, matches) for item in value.values())
    if isinstance(value, list):
        return any(contains(item, matches) for item in value)
    return False


def has_unknown(value: Any) -> bool:
    return contains(value, lambda item: isinstance(item, Unknown))


def has_secret(value: Any) -> bool:
    return contains(value, lambda item: isinstance(item, Secret))


def hidden(text: str, value: Any) -> str:
    """The text without what is secret in the value."""
    for each in sorted(_secret_texts(value), key=len, reverse=True):
        text = text.replace(each, "[secret]")
    return text


def _secret_texts(value: Any, *, inside: bool = False) -> set[str]:
    if isinstance(value, Secret):
        return _secret_texts(value.value, inside=True)
    if isinstance(value, dict):
        parts = [*value.values(), *(value if inside else ())]
    elif isinstance(value, list):
        parts = value
    else:
        return {str(value)} if inside and value not in (None, "", True, False) else set()
    return {text for part in parts for text in _secret_texts(part, inside=inside)}


_SIMPLE_KEY = re.compile(r"[a-zA-Z_$][a-zA-Z0-9_$]*")


def join_path(path: tuple[str | int, ...]) -> str:
    """The engine's text form of a property path: `spec.ports[0]["a.b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _SIMPLE_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            quoted = part.replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


Path = tuple[str | int, ...]
Change = tuple[Path, str]  # "add", "delete" or "update"


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """What differs, as the engine's own property diff does it: null is as good as absent, and a secret is one
    opaque value, equal only to a secret of equal content."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            before, after = old.get(key), new.get(key)
            if before is None and after is not None:
                yield (*path, key), "add"
            elif before is not None and after is None:
                yield (*path, key), "delete"
            else:
                yield from changes(before, after, (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(old):
                yield (*path, index), "add"
            elif index >= len(new):
                yield (*path, index), "delete"
            else:
                yield from changes(old[index], new[index], (*path, index))
    elif not same(old, new):
        yield path, "update"


def same(old: Any, new: Any) -> bool:
    if isinstance(old, Secret) and isinstance(new, Secret):
        return same(old.value, new.value)
    if isinstance(old, (dict, list)) and isinstance(new, (dict, list)):
        return type(old) is type(new) and not any(True for _ in changes(old, new))
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)
