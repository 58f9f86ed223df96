"""Deletes what a killed run made in the cluster and the state does not know.

Arguments: stack, objects (list of {apiVersion, kind, name, namespace}), slug (optional: a part of names that are the
stack's own; also the requests of the certificates that it had signed go then), nodesNeedThem (optional: nothing is
deleted while a node of the stack is in service), timeoutSeconds 120 (for what does not go at once, such as a
namespace). Or, of one node: stack, node, bootstrapUser (optional: whom nodes without a token of their own ask as).

apply  Nothing. It stands in the state before the first object, so that its removal comes after that of the last one.
remove Those of the objects that carry the stack's claim, or none and the slug in their name. Of a node: its Node, if it
       carries the claim; its bootstrap tokens and its certificate requests. Under a node in service nothing is deleted:
       there it is this command alone that goes. What another stack claims stays. A kind that may not be read is passed
       over: who may not read it has not made it. May run again at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from components.identity.csr import requested_node
from components.identity.expectation import NODE_PREFIX
from components.local import kubectl, nodes
from components.local.arguments import Arguments
from components.local.bootstrap_token import delete_tokens
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, KubectlError, items
from components.local.session import Session
from components.local.signing_requests import delete_requests
from components.local.waiting import Wait

# Each is a kubectl of its own.
_AT_ONCE: Final = 8


def remove(session: Session, arguments: Arguments) -> None:
    stack = arguments.text("stack")
    wait = Wait(arguments.integer("timeoutSeconds", 120, low=1), session.subject)
    if arguments.has("node"):
        _remove_of_node(session, arguments.node(), stack, arguments.text("bootstrapUser", ""), wait)
        return
    if arguments.flag("nodesNeedThem", default=False):
        there = items(_find(session, PATHS.nodes) or {})
        if serving := [one["metadata"]["name"] for one in there if _is_in_service(one, stack)]:
            session.say(f"nothing deleted, for nodes are in service: {', '.join(sorted(serving))}")
            return
    slug = arguments.text("slug", "")
    objects = [{str(k): str(v) for k, v in one.items()} for one in arguments.objects("objects")]
    _delete_objects(session, _located(session, objects), stack, slug, wait)
    if slug:
        delete_requests(session, [one for one in _requests(session) if _is_labelled(one, stack)])


def _remove_of_node(session: Session, node: str, stack: str, bootstrap_user: str, wait: Wait) -> None:
    at = _Place(f"{PATHS.nodes}/{node}", "Node", node)
    found = _find(session, at.path)
    if found is not None and _is_in_service(found, stack):
        session.say("nothing deleted, for the node is in service")
        return
    _delete_objects(session, [at], stack, "", wait)
    with _if_allowed():
        delete_tokens(session, node, stack)
    if found is None or is_ours(found, stack):
        there = _requests(session)
        delete_requests(session, [one for one in there if _is_of_node(one, node, stack, bootstrap_user)])


def _is_in_service(node: Json, stack: str) -> bool:
    """One that goes was set aside before, and one that no state knows was never in service."""
    seen = nodes.view(node)
    return seen.claim == stack and seen.in_service is not None and not seen.is_tainted


@dataclass(frozen=True)
class _Place:
    """Where an object is, and what people call it."""

    path: str
    kind: str
    name: str


def _located(session: Session, objects: Sequence[dict[str, str]]) -> list[_Place]:
    """Without those of a kind that the cluster does not have."""
    versions = sorted({one["apiVersion"] for one in objects})
    kinds = {version: _kinds(session, version) for version in versions}
    found: list[_Place] = []
    for one in objects:
        kind = kinds[one["apiVersion"]].get(one["kind"])
        if kind is None:
            continue
        within = ("namespaces", one.get("namespace") or "default") if kind["namespaced"] else ()
        path = kubectl.path(*_root(one["apiVersion"]), *within, kind["name"], one["name"])
        found.append(_Place(path, one["kind"], "/".join([*within[1:], one["name"]])))
    return found


def _kinds(session: Session, version: str) -> dict[str, Json]:
    """What discovery says of each kind in a version of an API; nothing if the cluster has no such version."""
    found = _find(session, kubectl.path(*_root(version))) or {}
    return {one["kind"]: one for one in found.get("resources") or () if "/" not in one["name"]}


def _root(version: str) -> list[str]:
    return ["apis", *version.split("/")] if "/" in version else ["api", version]


def _delete_objects(session: Session, places: Sequence[_Place], stack: str, slug: str, wait: Wait) -> None:
    """All that are ours, then waits for all: one that is held must not keep the others."""
    going: list[tuple[_Place, str]] = []
    for start in range(0, len(places), _AT_ONCE):
        some = places[start : start + _AT_ONCE]
        answers = session.kubectl.together(*(_asking(session, one.path) for one in some))
        for place, found in zip(some, answers, strict=True):
            if found is None or not is_ours(found, stack, slug):
                continue
            uid = found["metadata"]["uid"]
            going.append((place, uid))
            if not found["metadata"].get("deletionTimestamp") and session.kubectl.delete(place.path, uid):
                session.say(
                    f"deleted {place.kind} {place.name}, which a killed run made and the state does not know"
                )
    _await_end(session, going, wait)


def _asking(session: Session, path: str) -> Callable[[], Json | None]:
    return lambda: _find(session, path)


def _find(session: Session, path: str) -> Json | None:
    """An object or a list; None also for what may not be read."""
    with _if_allowed():
        return session.kubectl.find(path)
    return None


@contextmanager
def _if_allowed() -> Iterator[None]:
    try:
        yield
    except KubectlError as error:
        if error.reason != "Forbidden":
            raise


def is_ours(body: Json, stack: str, slug: str = "") -> bool:
    """Whether the stack made it, as its claim says; or its name, where a slug is given and there is no claim."""
    metadata: Json = body["metadata"]
    claim = (metadata.get("annotations") or {}).get(nodes.CLAIM)
    if claim is None:
        return bool(slug) and slug in metadata["name"]
    return bool(claim == stack)


def _await_end(session: Session, going: Sequence[tuple[_Place, str]], wait: Wait) -> None:
    """A namespace goes when all in it has gone, and what has finalizers when somebody has done what they ask."""
    while True:
        found = [(place, session.kubectl.find(place.path), uid) for place, uid in going]
        left = [(place, body) for place, body, uid in found if body and body["metadata"]["uid"] == uid]
        if not left:
            return
        if wait.expired:
            held = "; ".join(f"{place.kind} {place.name} ({_held_by(body)})" for place, body in left)
            raise Failure(
                f"{session.subject}: deleted, but still there after {wait.timeout_seconds:.0f} s: {held}. "
                "Next: see to what holds it, then run again"
            )
        wait.pause(f"for {left[0][0].kind} {left[0][0].name} to go")


def _held_by(body: Json) -> str:
    """Finalizers; of a namespace what its conditions say, for its own finalizer is the control plane's."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    said = [str(one.get("message", "")) for one in conditions if one.get("status") == "True"]
    finalizers = body["metadata"].get("finalizers") or ()
    return "; ".join([*said, *(f"finalizer {one}" for one in finalizers)]) or "nothing is said of why"


def _requests(session: Session) -> list[Json]:
    return items(_find(session, PATHS.requests) or {})


def _is_labelled(request: Json, stack: str) -> bool:
    labels = request["metadata"].get("labels") or {}
    return bool(labels.get(nodes.STACK_LABEL) == nodes.label_value(stack))


def _is_of_node(request: Json, node: str, stack: str, bootstrap_user: str) -> bool:
    """That of its kubelet; or for its name from this stack, or from whom all nodes ask as that have no token."""
    user = (request.get("spec") or {}).get("username")
    if user == f"{NODE_PREFIX}{node}":
        return True
    is_from_us = _is_labelled(request, stack) or (bool(bootstrap_user) and user == bootstrap_user)
    return is_from_us and requested_node(request) == node
