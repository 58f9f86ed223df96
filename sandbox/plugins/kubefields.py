"""Who manages the fields of an object: names of field managers, and whose fields become ours.

Owns what server-side apply makes of several writers. Does not own the applies themselves (`kubelife.py`).
"""

import copy
import secrets
from collections.abc import Iterable
from typing import Any, Final

from sandbox.plugins.kubeapi import Api, Object
from sandbox.plugins.kubewait import annotation
from sandbox.plugins.values import Properties, plain

CREATE_MANAGER: Final = "pulumi-kubernetes"
PATCH_FORCE: Final = "pulumi.com/patchForce"
_FIELD_MANAGER_ANNOTATION: Final = "pulumi.com/patchFieldManager"
# By the beginning of a field manager's name: the operations.
_TAKEN_OVER: Final = {
    "kubectl": ("Apply", "Update"),
    "before-first-apply": ("Update",),
    CREATE_MANAGER: ("Update",),
    "pulumi-resource-kubernetes": ("Update",),
}


def field_manager(state: Properties, inputs: Object) -> str:
    annotated = annotation(inputs, _FIELD_MANAGER_ANNOTATION)
    return annotated or plain(state).get("__fieldManager") or f"pulumi-kubernetes-{secrets.token_hex(4)}"


def is_forced(obj: Object, *, enable_patch_force: bool) -> bool:
    return enable_patch_force or annotation(obj, PATCH_FORCE) == "true"


def creation_entry(live: Object) -> Object | None:
    for entry in live["metadata"].get("managedFields") or []:
        if entry.get("manager") == CREATE_MANAGER and entry.get("operation") == "Update":
            return dict(entry)
    return None


def keep_ignored(obj: Object, live: Object, manager: str, ignored: Iterable[str]) -> Object:
    """What is sent of an object with these paths of `ignore_changes`, as the official provider has it
    (handleSSAIgnoreFields): what only others manage is left out, else the value of the live object stands there. A path
    into a list, or with a dot in a key, is not found, and stays as the state has it."""
    sent = copy.deepcopy(obj)
    managed = live["metadata"].get("managedFields") or []
    ours = [each for each in managed if each.get("manager") == manager]
    theirs = [each for each in managed if each.get("manager") != manager]
    for path in ignored:
        keys = path.split(".")
        owner: Any = sent
        for key in keys[:-1]:
            owner = owner.get(key) if isinstance(owner, dict) else None
        if not isinstance(owner, dict):
            continue
        if _manages(theirs, keys) and not _manages(ours, keys):
            owner.pop(keys[-1], None)
        elif (found := _at(live, keys)) is not None:
            owner[keys[-1]] = copy.deepcopy(found)
    return sent


def _manages(entries: list[Object], keys: list[str]) -> bool:
    return any(_at(each.get("fieldsV1"), [f"f:{key}" for key in keys]) is not None for each in entries)


def _at(value: Any, keys: list[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _merged_fields(left: Object, right: Object) -> Object:
    result = dict(left)
    for key, value in right.items():
        result[key] = _merged_fields(result[key], value) if key in result else value
    return result


async def take_over(api: Api, live: Object, manager: str) -> Object:
    """As the official provider does (fixCSAFieldManagers) at every update: fields that our POST set belong to a
    manager that never applies, and kubectl's are taken for those of somebody who came over to Pulumi. They
    become ours, so the apply that follows neither conflicts with them nor leaves what the inputs do not have.
    """
    managed = live["metadata"].get("managedFields") or []
    taken = [entry for entry in managed if _is_taken_over(entry)]
    if not taken:
        return live
    ours = [each for each in managed if each.get("manager") == manager and each.get("operation") == "Apply"]
    merged = {**taken[0], "manager": manager, "operation": "Apply"}
    for entry in [*ours, *taken[1:]]:
        merged["fieldsV1"] = _merged_fields(merged["fieldsV1"], entry["fieldsV1"])
    others = [each for each in managed if each not in taken and each not in ours]
    operations = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*others, merged]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]
    return await api.json_patch(live, operations)


def _is_taken_over(entry: Object) -> bool:
    name, operation = entry.get("manager", ""), entry.get("operation")
    return not entry.get("subresource") and any(
        name.startswith(prefix) and operation in operations for prefix, operations in _TAKEN_OVER.items()
    )
