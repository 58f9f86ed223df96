"""When a Kubernetes object counts as ready, as the official provider's await logic has it.

Owns the conditions: the rollouts of Deployment, DaemonSet and StatefulSet, and what the annotations
`pulumi.com/waitFor` and `pulumi.com/skipAwait` ask for. Does not own waiting itself, nor any other kind's
built-in conditions: other kinds are ready at once.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.plugins.base import PluginError
from sandbox.plugins.kubeapi import Object

# None once the condition holds, else what is still missing.
Condition = Callable[[Object], str | None]

SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"


def annotation(obj: Object, name: str) -> str | None:
    value = ((obj.get("metadata") or {}).get("annotations") or {}).get(name)
    return value if isinstance(value, str) else None


def conditions_for(obj: Object) -> list[Condition]:
    if annotation(obj, SKIP_AWAIT) == "true":
        return []
    if wanted := annotation(obj, WAIT_FOR):
        return [_parse(each) for each in _expressions(wanted)]
    built_in = _BUILT_IN.get((obj.get("apiVersion"), obj.get("kind")))
    return [built_in] if built_in else []


def unready(obj: Object, live: Object) -> str | None:
    """What a refresh finds missing: by the built-in conditions only, whatever `waitFor` says."""
    built_in = _BUILT_IN.get((obj.get("apiVersion"), obj.get("kind")))
    return built_in(live) if built_in and annotation(obj, SKIP_AWAIT) != "true" else None


def skips_deletion(obj: Object) -> bool:
    """Whether nobody waits for the end of it: `skipAwait`, of the kinds for which that reaches deletions."""
    kind = (obj.get("apiVersion"), obj.get("kind"))
    return annotation(obj, SKIP_AWAIT) == "true" and kind in _MAY_SKIP_DELETION


def _expressions(text: str) -> list[str]:
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        return [text]
    if not listed:
        raise PluginError("at least one condition must be specified")
    return [str(each) for each in listed]


def _parse(expression: str) -> Condition:
    if expression.startswith("condition="):
        kind, _, status = expression.removeprefix("condition=").partition("=")
        return _has_condition(kind, status or "True")
    if expression.startswith("jsonpath="):
        found = re.fullmatch(
            r"\{?(?P<path>[^}]*)\}?(?:=(?P<value>.*))?", expression.removeprefix("jsonpath=")
        )
        if found is None:
            raise PluginError(f"cannot read the JSON path in {expression!r}")
        return _at_path(found["path"], found["value"])
    raise PluginError(f'expected a "jsonpath=" or "condition=" prefix, got "{expression}"')


def _has_condition(kind: str, status: str) -> Condition:
    def check(live: Object) -> str | None:
        for each in (live.get("status") or {}).get("conditions") or []:
            if each.get("type", "").lower() == kind.lower():
                if each.get("status", "").lower() == status.lower():
                    return None
                return f"condition {kind} is {each.get('status')}: {each.get('message', '')}".rstrip(": ")
        return f"there is no condition {kind} yet"

    return check


def _at_path(path: str, wanted: str | None) -> Condition:
    steps = list(_steps(path))

    def check(live: Object) -> str | None:
        values: list[Any] = [live]
        for step in steps:
            values = [found for value in values for found in _step(value, step)]
        if wanted is None:
            return None if values else f"{path} has no value yet"
        shown = [value if isinstance(value, str) else json.dumps(value) for value in values]
        return None if wanted in shown else f"{path} is {', '.join(shown) or 'missing'}, not {wanted}"

    return check


_STEP = re.compile(
    r"""\.?(?P<name>[\w-]+)|\[(?P<index>\d+)\]|\[['"](?P<key>[^'"]+)['"]\]|(?P<all>\[\*\])"""
    r"""|\[\?\(@\.(?P<field>\w+)\s*==\s*['"](?P<value>[^'"]*)['"]\)\]"""
)


def _steps(path: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise PluginError(f"the sandbox's kubernetes plugin cannot read the JSON path {path!r}")
        position = step.end()
        yield step


def _step(value: Any, step: re.Match[str]) -> list[Any]:
    name = step["name"] or step["key"]
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return []
    if step["all"]:
        return value
    if step["index"] is not None:
        index = int(step["index"])
        return value[index : index + 1]
    return [each for each in value if isinstance(each, dict) and each.get(step["field"]) == step["value"]]


def _observed(live: Object) -> bool:
    status = live.get("status") or {}
    return bool(status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0))


def _deployment(live: Object) -> str | None:
    wanted, status = (live.get("spec") or {}).get("replicas", 1), live.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return f"the rollout exceeded its progress deadline: {condition.get('message', '')}"
    ready, updated = status.get("availableReplicas", 0), status.get("updatedReplicas", 0)
    if not _observed(live) or updated < wanted or ready < wanted or status.get("replicas", 0) > updated:
        return f"{updated} of {wanted} replicas updated, {ready} available"
    return None


def _daemon_set(live: Object) -> str | None:
    status = live.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    ready, updated = status.get("numberReady", 0), status.get("updatedNumberScheduled", 0)
    return (
        None
        if _observed(live) and ready >= wanted and updated >= wanted
        else f"{ready} of {wanted} pods ready"
    )


def _stateful_set(live: Object) -> str | None:
    wanted, status = (live.get("spec") or {}).get("replicas", 1), live.get("status") or {}
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    return (
        None
        if _observed(live) and ready >= wanted and updated >= wanted
        else f"{ready} of {wanted} pods ready"
    )


_BUILT_IN: Final[dict[tuple[Any, Any], Condition]] = {
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("apps/v1", "StatefulSet"): _stateful_set,
}
_MAY_SKIP_DELETION: Final = {
    *_BUILT_IN,
    ("batch/v1", "Job"),
    ("v1", "Namespace"),
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
}
