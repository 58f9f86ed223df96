"""Deletes what a killed run made in the cluster and the state does not know.

Arguments: stack, slug (a part of the names that are the stack's own), objects (list of {apiVersion, kind, name,
namespace}), timeoutSeconds 120 (for what does not go at once, such as a namespace). Or, of one node: stack, node,
bootstrapUser (optional: whom nodes without a token of their own ask as).

apply  Nothing. It stands in the state before the first object, so that its removal comes after that of the last one.
remove Of a node: its Node, if it carries the stack's claim; its bootstrap tokens; and its certificate requests. Of the
       stack: those of the objects that carry its claim, or none and the slug in their name, and the requests of the
       certificates that it had signed. What another stack claims stays. A kind that may not be read is passed over:
       who may not read it has not made it. May run again at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from components.identity.csr import requested_node
from components.identity.expectation import NODE_PREFIX
from components.local import kubectl, nodes
from components.local.arguments import Arguments
from components.local.bootstrap_token import delete_tokens
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, KubectlError, items, with_query
from components.local.session import Session
from components.local.waiting import Wait

Found = TypeVar("Found")

# Each is a kubectl of its own.
_AT_ONCE: Final = 8


def remove(session: Session, arguments: Arguments) -> None:
    stack, node = arguments.text("stack"), arguments.text("node", "")
    wait = Wait(arguments.integer("timeoutSeconds", 120, low=1), session.subject)
    objects = [{str(k): str(v) for k, v in one.items()} for one in arguments.objects("objects")]
    if node:
        objects.append({"apiVersion": "v1", "kind": "Node", "name": arguments.node()})
    _delete_objects(session, objects, stack, arguments.text("slug", ""), wait)
    if node:
        _if_allowed(lambda: delete_tokens(session, node, stack), None)
        user = arguments.text("bootstrapUser", "")
        _delete_requests(session, PATHS.requests, lambda one: _is_of_node(one, node, user))
    else:
        selector = f"{nodes.STACK_LABEL}={nodes.label_value(stack)}"
        _delete_requests(session, with_query(PATHS.requests, labelSelector=selector), lambda _: True)


def _delete_objects(
    session: Session, objects: list[dict[str, str]], stack: str, slug: str, wait: Wait
) -> None:
    paths = _paths(session, objects)
    for start in range(0, len(paths), _AT_ONCE):
        some = paths[start : start + _AT_ONCE]
        found = session.kubectl.together(*(_asking(session, path) for path, _ in some))
        for (path, kind), one in zip(some, found, strict=True):
            if one is None or not is_ours(one, stack, slug):
                continue
            uid = one["metadata"]["uid"]
            if session.kubectl.delete(path, uid):
                session.say(
                    f"deleted {kind} {one['metadata']['name']}, which a killed run made and the state does not know"
                )
                _await_end(session, path, kind, uid, wait)


def is_ours(body: Json, stack: str, slug: str) -> bool:
    """Whether the stack made it, as its claim says; or its name, where it carries no claim."""
    metadata: dict[str, Any] = body["metadata"]
    claim = (metadata.get("annotations") or {}).get(nodes.CLAIM)
    if claim is None:
        return bool(slug) and slug in metadata["name"]
    return bool(claim == stack)


def _paths(session: Session, objects: list[dict[str, str]]) -> list[tuple[str, str]]:
    """The path and kind of each, without those of a kind that the cluster does not have."""
    plurals = {
        version: _plurals(session, version) for version in sorted({one["apiVersion"] for one in objects})
    }
    found: list[tuple[str, str]] = []
    for one in objects:
        plural = plurals[one["apiVersion"]].get(one["kind"])
        if plural is None:
            continue
        within = ("namespaces", one["namespace"]) if one.get("namespace") else ()
        path = kubectl.path(*_root(one["apiVersion"]), *within, plural, one["name"])
        found.append((path, one["kind"]))
    return found


def _plurals(session: Session, version: str) -> dict[str, str]:
    """How paths call the kinds of one version of an API; empty if the cluster has no such version."""
    kinds = (session.kubectl.find(kubectl.path(*_root(version))) or {}).get("resources") or ()
    return {one["kind"]: one["name"] for one in kinds if "/" not in one["name"]}


def _root(version: str) -> list[str]:
    return ["apis", *version.split("/")] if "/" in version else ["api", version]


def _asking(session: Session, path: str) -> Callable[[], Json | None]:
    return lambda: _if_allowed(lambda: session.kubectl.find(path), None)


def _if_allowed(ask: Callable[[], Found], otherwise: Found) -> Found:
    try:
        return ask()
    except KubectlError as error:
        if error.reason != "Forbidden":
            raise
        return otherwise


def _await_end(session: Session, path: str, kind: str, uid: str, wait: Wait) -> None:
    """A namespace goes when all in it has gone, and what has finalizers when somebody has done what they ask."""
    while True:
        found = session.kubectl.find(path)
        if found is None or found["metadata"]["uid"] != uid:
            return
        name = found["metadata"]["name"]
        if wait.expired:
            raise Failure(
                f"{session.subject}: {kind} {name} was deleted, but is still there after {wait.timeout_seconds:.0f} s "
                f"(finalizers: {', '.join(found['metadata'].get('finalizers') or ['none'])}). "
                f"Next: kubectl describe {kind.lower()} {name}; then run again"
            )
        wait.pause(f"for {kind} {name} to go")


def _is_of_node(request: Json, node: str, bootstrap_user: str) -> bool:
    """That of its kubelet, or one for its name from whoever asks for all nodes that have no token of their own."""
    user = (request.get("spec") or {}).get("username")
    is_shared = bool(bootstrap_user) and user == bootstrap_user
    return bool(user == f"{NODE_PREFIX}{node}") or (is_shared and requested_node(request) == node)


def _delete_requests(session: Session, path: str, is_wanted: Callable[[Json], bool]) -> None:
    nothing: Json = {}
    for request in items(_if_allowed(lambda: session.kubectl.get(path), nothing)):
        if is_wanted(request):
            name = request["metadata"]["name"]
            session.kubectl.delete(f"{PATHS.requests}/{name}", request["metadata"]["uid"])
