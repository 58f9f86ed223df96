"""When a Kubernetes object counts as ready, as the official provider's await logic has it.

Owns the conditions: the rollouts of Deployment, DaemonSet and StatefulSet, and what the annotations
`pulumi.com/waitFor` and `pulumi.com/skipAwait` ask for; and which kinds are refused, as the official provider waits for
them in a way that is not here. Does not own waiting itself, nor a Service (`kubeservice.py`). Other kinds are ready at
once.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.plugins.base import PluginError
from sandbox.plugins.kubeapi import Object
from sandbox.plugins.kubeservice import ServiceReady, unready_service

# None once the condition holds, else what is still missing.
Condition = Callable[[Object], str | None]

TIMED_OUT: Final = "timed out waiting for the condition"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"
_REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"


def annotation(obj: Object, name: str) -> str | None:
    """An annotation; None if there is none, or if a preview does not know it, or any of them."""
    value: Any = obj
    for key in ("metadata", "annotations", name):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def conditions_for(obj: Object) -> list[Condition]:
    if annotation(obj, SKIP_AWAIT) == "true":
        return []
    if wanted := annotation(obj, WAIT_FOR):
        return [_parse(each) for each in _expressions(wanted)]
    if _type(obj) == _SERVICE:
        return [ServiceReady()]
    built_in = _BUILT_IN.get(_type(obj))
    return [built_in] if built_in else []


def unready(obj: Object, live: Object, endpoints: Object | None) -> str | None:
    """What a refresh finds missing: by the built-in conditions only, whatever `waitFor` says."""
    if annotation(obj, SKIP_AWAIT) == "true":
        return None
    if _type(obj) == _SERVICE:
        return unready_service(live, endpoints)
    built_in = _BUILT_IN.get(_type(obj))
    return built_in(live) if built_in else None


def given_up(obj: Object, *, cancelled: bool) -> str:
    """Why a wait ended that found nothing ready: the official provider has words of their own for the older kinds."""
    if annotation(obj, WAIT_FOR) or _type(obj) not in _OWN_WORDS:
        return TIMED_OUT
    name = obj["metadata"]["name"]
    return (
        f'Resource operation was cancelled for "{name}"'
        if cancelled
        else f"'{name}' timed out waiting to be Ready"
    )


def endpoints_of(obj: Object) -> Object | None:
    """The Endpoints that decide whether an object is ready: of a Service, those of its name."""
    return {**obj, "kind": "Endpoints"} if _type(obj) == _SERVICE else None


def not_here(obj: Object) -> str | None:
    """What the official provider would wait for, and nobody here would."""
    wanted = _NOT_HERE.get(_type(obj))
    if obj.get("kind") == "Secret" and obj.get("type") == "kubernetes.io/service-account-token":
        wanted = "has its token"
    if annotation(obj, _REPLACE_UNREADY) == "true" and obj.get("kind") == "Job":
        return (
            f"the sandbox's kubernetes plugin does not know {_REPLACE_UNREADY}; the official one replaces then a Job "
            "that is not ready"
        )
    if wanted is None or annotation(obj, SKIP_AWAIT) == "true" or annotation(obj, WAIT_FOR):
        return None
    return (
        f"the sandbox's kubernetes plugin does not wait for a {obj['kind']}; the official one waits until it {wanted}. "
        f'Set the annotation {SKIP_AWAIT}: "true", or say in {WAIT_FOR} what to wait for'
    )


def skips_deletion(obj: Object) -> bool:
    """Whether nobody waits for the end of it: `skipAwait`, of the kinds for which that reaches deletions."""
    return annotation(obj, SKIP_AWAIT) == "true" and _type(obj) in _MAY_SKIP_DELETION


def _type(obj: Object) -> tuple[Any, Any]:
    return obj.get("apiVersion"), obj.get("kind")


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
                if _is_stale(live, each.get("observedGeneration")):
                    return f"condition {kind} is of an earlier generation"
                if each.get("status", "").lower() == status.lower():
                    return None
                return f"condition {kind} is {each.get('status')}: {each.get('message', '')}".rstrip(": ")
        return f"there is no condition {kind} yet"

    return check


def _at_path(path: str, wanted: str | None) -> Condition:
    steps = list(_steps(path))

    def check(live: Object) -> str | None:
        if _is_stale(live, None):
            return "its status is of an earlier generation"
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


def _is_stale(live: Object, observed: int | None) -> bool:
    """Whether what a controller says is older than what was asked for; of one that does not say, it is not."""
    if observed is None:
        observed = (live.get("status") or {}).get("observedGeneration")
    generation = live["metadata"].get("generation")
    return observed is not None and generation is not None and observed < generation


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


_SERVICE: Final = ("v1", "Service")
_BUILT_IN: Final[dict[tuple[Any, Any], Condition]] = {
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("apps/v1", "StatefulSet"): _stateful_set,
}
_OWN_WORDS: Final = {("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), _SERVICE}
_MAY_SKIP_DELETION: Final = {
    *_BUILT_IN,
    ("batch/v1", "Job"),
    ("v1", "Namespace"),
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
}
# await/awaiters.go of the official provider: the other kinds for which it waits, until each ...
_NOT_HERE: Final = {
    ("batch/v1", "Job"): "is complete",
    ("networking.k8s.io/v1", "Ingress"): "has an address and its Services have endpoints",
    ("v1", "PersistentVolume"): "is available",
    ("v1", "PersistentVolumeClaim"): "is bound",
    ("v1", "Pod"): "is ready",
    ("v1", "ReplicationController"): "has all its replicas",
    ("v1", "ResourceQuota"): "is in force",
}
