"""What of two objects differs, as far as the API server sees it.

Pure functions. Owns when two ways to write a thing are the same, what of a live object a program has asked for, and
which changes an object does not survive. Does not own what is done about a difference (`kubelife.py`).

As the official provider does (provider/provider.go, provider/util.go, clients/unstructured.go), which sends the objects
of Kubernetes' own groups through their Go types: there an empty map or list is as good as none, and quantities are
numbers. Of custom resources and of definitions each word counts. Different: a plain false, 0 or "" that the Go type
leaves out is left out there, and kept here, so that to add one shows as an update.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from sandbox.plugins.kubeapi import Object
from sandbox.plugins.kubeobjects import SERVER_METADATA, is_definition
from sandbox.plugins.values import Change, Path, changes

# fmt: off
_GROUPS: Final = frozenset([
    "", "admissionregistration.k8s.io", "apps", "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch",
    "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "extensions",
    "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "policy",
    "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
])
# Fields that are maps in Go; of any other an empty one is a struct, and means something: `emptyDir: {}`.
_MAPS: Final = frozenset([
    "annotations", "attributes", "binaryData", "capacity", "data", "default", "defaultRequest", "hard", "labels",
    "limits", "matchLabels", "max", "min", "nodeSelector", "options", "overhead", "parameters", "requests",
    "stringData", "volumeAttributes",
])
_QUANTITIES: Final = frozenset([
    "allocatable", "capacity", "default", "defaultRequest", "hard", "limits", "max", "min", "overhead", "requests",
])
# fmt: on
_QUANTITY: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?\d+)")
_FACTORS: Final = {
    **{name: Decimal(1024) ** power for power, name in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{name: Decimal(1000) ** power for power, name in enumerate("num kMGTPE", -3)},
    "": Decimal(1),
}
_SELECTOR: Final = ("spec.selector",)
_STATEFUL_SET: Final = (
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
)
# As the official provider does: provider/pkg/provider/diff.go. Pod's and PersistentVolume's are shortened to
# all of spec.
_FORCE_NEW: Final[dict[str, tuple[str, ...]]] = {
    "apps/Deployment": _SELECTOR,
    "apps/DaemonSet": _SELECTOR,
    "apps/StatefulSet": _STATEFUL_SET,
    "batch/Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "rbac.authorization.k8s.io/ClusterRoleBinding": ("roleRef",),
    "rbac.authorization.k8s.io/RoleBinding": ("roleRef",),
    "storage.k8s.io/StorageClass": ("parameters", "provisioner"),
    "/PersistentVolume": ("spec",),
    "/PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    "/Pod": ("spec",),
    "/ResourceQuota": ("spec.scopes",),
    "/Secret": ("type",),
    "/Service": ("spec.clusterIP",),
}


def normal(obj: Object) -> Object:
    """An object without what the server adds or leaves out: its metadata, what is empty, a Secret's stringData, which
    becomes data, and of a definition the status, and `preserveUnknownFields` false."""
    obj = _without_empties(obj) if _has_go_types(obj) else dict(obj)
    if isinstance(obj.get("metadata"), dict):
        obj["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in SERVER_METADATA}
    if obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1":
        return _normal_secret(obj)
    if is_definition(obj):
        obj.pop("status", None)
        spec = obj.get("spec")
        if isinstance(spec, dict) and spec.get("preserveUnknownFields") is False:
            obj["spec"] = {key: value for key, value in spec.items() if key != "preserveUnknownFields"}
    return obj


def _without_empties(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_empties(item)
            for key, item in value.items()
            if item != [] and not (item == {} and key in _MAPS)
        }
    return [_without_empties(item) for item in value] if isinstance(value, list) else value


def _normal_secret(obj: Object) -> Object:
    data = obj["data"] if isinstance(obj.get("data"), dict) else {}
    text = obj.get("stringData")
    if isinstance(text, dict) and text:
        encoded = {
            key: base64.b64encode(value.encode()).decode() if isinstance(value, str) else value
            for key, value in text.items()
        }
        rest = {key: value for key, value in obj.items() if key != "stringData"}
        return {**rest, "data": {**data, **encoded}}
    if not data:
        return obj
    joined = {
        key: re.sub(r"[\r\n]", "", value) if isinstance(value, str) else value for key, value in data.items()
    }
    return {**obj, "data": joined}


def prune(live: Any, wanted: Object) -> Object:
    """What the live object has of what the inputs name (pruneLiveState of the official provider), in the words of the
    inputs where they mean the same."""
    return dict(_prune(live, wanted, (), _has_go_types(wanted)))


def _prune(live: Any, wanted: Any, path: Path, typed: bool) -> Any:  # noqa: FBT001 - of a recursion
    if isinstance(live, dict) and isinstance(wanted, dict):
        return {
            key: _prune(live[key], value, (*path, key), typed) if key in live else value
            for key, value in wanted.items()
            if key in live or (typed and _is_zero(value))
        }
    if isinstance(live, list) and isinstance(wanted, list):
        return [
            _prune(each, like, (*path, index), typed)
            for index, (each, like) in enumerate(zip(live, wanted, strict=False))
        ]
    return wanted if typed and _same_quantity(path, live, wanted) else live


def _is_zero(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_zero(each) for each in value.values())
    return value in (None, False, 0, "") or value == []


def differences(old: Object, new: Object) -> Iterator[Change]:
    """What differs between two normal objects, but not in how it is written."""
    typed = _has_go_types(new)
    for path, kind in changes(old, new):
        before, after = _at(old, path), _at(new, path)
        if not (typed and kind == "update" and _same_quantity(path, before, after)):
            yield path, kind


def _has_go_types(obj: Object) -> bool:
    return str(obj.get("apiVersion", "")).rpartition("/")[0] in _GROUPS


def _at(value: Any, path: Path) -> Any:
    """What stands at this path; None if nothing does."""
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return None
    return value


def _same_quantity(path: Path, one: Any, other: Any) -> bool:
    named = path[-2:-1] and path[-2] in _QUANTITIES
    if not named and path[-1:] not in (("sizeLimit",), ("divisor",)):
        return False
    number = _quantity(one)
    return number is not None and number == _quantity(other)


def _quantity(value: Any) -> Decimal | None:
    found = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value))
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2]
    return number * (_FACTORS[suffix] if suffix in _FACTORS else Decimal(f"1{suffix}"))


def force_new(obj: Object, mutable: Mapping[str, bool]) -> tuple[str, ...]:
    """The fields of this object that cannot change in place. `mutable` says so of ConfigMap and Secret."""
    group, _, _ = str(obj.get("apiVersion", "")).rpartition("/")
    kind = obj.get("kind", "")
    forced = ("metadata.name", "metadata.namespace", *_FORCE_NEW.get(f"{group}/{kind}", ()))
    if not group and kind in mutable and (not mutable[kind] or obj.get("immutable") is True):
        forced += ("data", "stringData" if kind == "Secret" else "binaryData")
    return forced


def forces(path: Path, forced: str, old: Object, new: Object) -> bool:
    """Whether a change at this path touches a field that cannot change in place."""
    names = tuple(part for part in path if isinstance(part, str))
    wanted = tuple(forced.split("."))
    if names[: len(wanted)] == wanted:
        return True
    if wanted[: len(names)] != names:
        return False
    return any(_at(side, wanted) is not None for side in (old, new))
