"""Whether calico-node works on a node, and if not why.

Owns what counts as working: a pod of calico-node on the node that is Ready, by whatever DaemonSet. Does not own the
waiting (`in_service.py`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.local.calico_leftovers import GROUPS
from components.local.kubectl import PATHS, Json, KubectlError, items, path, with_query
from components.local.session import Session

SELECTOR: Final = "k8s-app=calico-node"
_PULLS: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_DATASTORE: Final = re.compile(
    r"datastore|etcd|connection refused|i/o timeout|dial tcp|no route to host|x509|Unauthorized",
    re.IGNORECASE,
)
_OVERLAP: Final = re.compile(r"overlap|conflict", re.IGNORECASE)
_TAIL: Final = 40
_LONGEST: Final = 300


def pods_on(session: Session, node: str) -> list[Json]:
    """Pods of calico-node on a node, without those that end."""
    asked = with_query(PATHS.pods, labelSelector=SELECTOR, fieldSelector=f"spec.nodeName={node}")
    return [one for one in items(session.kubectl.get(asked)) if not one["metadata"].get("deletionTimestamp")]


def is_ready(pods: list[Json]) -> bool:
    """Whether one of them is."""
    return any(_conditions(pod).get("Ready") == "True" for pod in pods)


def short(pods: list[Json]) -> str:
    """In a few words what is missing, without asking anybody."""
    if not pods:
        return "calico-node has no pod here"
    pod = pods[0]
    states = "; ".join(_states(pod))
    return f"calico-node ({_name(pod)}) is not ready{f': {states}' if states else ''}"


def reasons(session: Session, node: Json, pods: list[Json]) -> list[str]:
    """Everything that speaks against it: the words of its containers, of their logs, of its events, and the pools."""
    found = list(_overlaps(session, node))
    if not pods:
        return [*found, _no_pod(session)]
    pod = pods[0]
    states = list(_states(pod))
    lines = [line for container in _unready(pod) for line in _log(session, pod, container)]
    told = _classified(lines)
    events = [] if states else _unhealthy(session, pod)
    described = f"kubectl -n {pod['metadata']['namespace']} describe pod {pod['metadata']['name']}"
    what = "; ".join([*states, *events, *told]) or "its containers say nothing"
    return [*found, f"calico-node is not ready: {what} ({described})"]


def _name(pod: Mapping[str, Any]) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _conditions(pod: Mapping[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in (pod.get("status") or {}).get("conditions") or ()}


def _statuses(pod: Mapping[str, Any]) -> Iterator[tuple[Json, bool]]:
    status = pod.get("status") or {}
    yield from ((one, True) for one in status.get("initContainerStatuses") or ())
    yield from ((one, False) for one in status.get("containerStatuses") or ())


def _unready(pod: Mapping[str, Any]) -> list[Json]:
    """Its containers that are neither ready nor waiting for one before them."""
    return [
        one
        for one, _ in _statuses(pod)
        if not one.get("ready")
        and ((one.get("state") or {}).get("waiting") or {}).get("reason") != "PodInitializing"
    ]


def _states(pod: Mapping[str, Any]) -> Iterator[str]:
    for one in _unready(pod):
        state = one.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason") in _PULLS:
            yield _cut(f"image pull: {one.get('image')}: {waiting.get('message') or waiting['reason']}")
        elif waiting.get("reason"):
            message = f" ({waiting['message']})" if waiting.get("message") else ""
            yield _cut(f"{one.get('name')}: {waiting['reason']}{message}")
        elif ended:
            yield _cut(f"{one.get('name')} ended with {ended.get('exitCode')}: {ended.get('reason')}")


def _log(session: Session, pod: Json, container: Json) -> list[str]:
    """The last lines of what a container said, of its last run if it does not run."""
    metadata = pod["metadata"]
    place = path("api", "v1", "namespaces", metadata["namespace"], "pods", metadata["name"], "log")
    is_running = bool((container.get("state") or {}).get("running"))
    query = {"container": str(container.get("name")), "tailLines": str(_TAIL)}
    if not is_running and container.get("restartCount"):
        query["previous"] = "true"
    try:
        return session.kubectl.read(with_query(place, **query), timeout_seconds=5).splitlines()
    except KubectlError:
        return []


def _classified(lines: list[str]) -> list[str]:
    """The last line about the datastore and about a pool, each by its name; else the very last."""
    found = []
    for word, pattern in (("datastore", _DATASTORE), ("pool overlap", _OVERLAP)):
        matching = [line for line in lines if pattern.search(line)]
        if matching:
            found.append(_cut(f"{word}: {matching[-1].strip()}"))
    last = [line for line in lines if line.strip()][-1:]
    return found or [_cut(f"its last words: {line.strip()}") for line in last]


def _unhealthy(session: Session, pod: Json) -> list[str]:
    """What its last failed probe said."""
    metadata = pod["metadata"]
    asked = with_query(
        path("api", "v1", "namespaces", metadata["namespace"], "events"),
        fieldSelector=f"involvedObject.uid={metadata['uid']}",
    )
    events = [one for one in items(session.kubectl.get(asked)) if one.get("reason") == "Unhealthy"]
    events.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
    return [_cut(" ".join(str(one.get("message")).split())) for one in events[-1:]]


def _no_pod(session: Session) -> str:
    found = items(session.kubectl.get(with_query(PATHS.daemon_sets, labelSelector=SELECTOR)))
    if not found:
        return "the cluster has no DaemonSet of calico-node, so nobody makes the pod network here"
    return (
        f"{_name(found[0])} has made no pod here: its nodeSelector leaves the node out, or it does not tolerate "
        f"kubenode/out-of-service:NoSchedule"
    )


def _overlaps(session: Session, node: Json) -> Iterator[str]:
    """Pools that hold an address of the node itself: Calico then takes packets for the host for those of a pod."""
    addresses = [
        one["address"]
        for one in (node.get("status") or {}).get("addresses") or ()
        if one.get("type") in ("InternalIP", "ExternalIP")
    ]
    for group in GROUPS:
        for pool in items(session.kubectl.find(f"{group}/ippools") or {}):
            cidr = str((pool.get("spec") or {}).get("cidr"))
            for address in addresses:
                if _holds(cidr, address):
                    name = pool["metadata"]["name"]
                    yield f"pool overlap: the node's address {address} lies in the IPPool {name} ({cidr})"


def _holds(cidr: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
