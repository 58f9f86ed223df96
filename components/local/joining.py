"""Whether the API server lets a node join with its bootstrap token; else its kubelet would ask in vain for minutes.

Owns the questions: is the token taken, may who comes with it ask for a certificate, may the node then renew it. Each is
asked until the answer is yes, for a while: what was just made reaches the API server's caches a moment later. Who may
not ask such questions goes on; the kubelet will tell. Does not own the token, nor the rights, which the stack makes
before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from components.identity.expectation import NODE_PREFIX, NODES_GROUP
from components.local.errors import Failure
from components.local.kubectl import KubectlError
from components.local.session import Session
from components.local.waiting import Wait

_SECONDS: Final = 20
_TOKEN_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - a path
_ACCESS_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

_Found = TypeVar("_Found")


def demand(session: Session, node: str, token: str) -> None:
    """Raises Failure, with the way out, if the node cannot join with this token."""
    try:
        user = _until(
            node,
            "for the API server to take its bootstrap token",
            lambda: _user(session, token),
            "the API server does not take the bootstrap token that was just made, so no kubelet can join with it. "
            "Next: set --enable-bootstrap-token-auth=true on the API server",
        )
        joining = (str(user.get("username")), list(user.get("groups") or ()))
        serving = (f"{NODE_PREFIX}{node}", [NODES_GROUP, "system:authenticated"])
        _demand_right(session, node, *joining, "", "ask for a certificate", "join")
        _demand_right(session, node, *serving, "selfnodeclient", "renew its certificate", "renew")
    except KubectlError as error:
        if error.reason not in ("Forbidden", "NotFound"):
            raise


def _demand_right(
    session: Session, node: str, name: str, groups: Sequence[str], subresource: str, what: str, right: str
) -> None:
    _until(
        node,
        f"until {name} may {what}",
        lambda: _may(session, name, groups, subresource),
        f"{name} may not {what}. The stack makes a ClusterRoleBinding for that, whose name ends in :{right}, before "
        "this step, so it was deleted since: run pulumi refresh, then pulumi up",
    )


def _until(node: str, waiting: str, ask: Callable[[], _Found | None], otherwise: str) -> _Found:
    wait = Wait(_SECONDS, node)
    while True:
        found = ask()
        if found:
            return found
        if wait.expired:
            raise Failure(f"{node}: {otherwise}")
        wait.pause(waiting)


def _user(session: Session, token: str) -> dict[str, Any] | None:
    """Whom the API server takes the token's bearer for."""
    status = _review(session, _TOKEN_REVIEWS, "authentication.k8s.io/v1", "TokenReview", {"token": token})
    return status.get("user") if status.get("authenticated") else None


def _may(session: Session, name: str, groups: Sequence[str], subresource: str) -> bool:
    attributes = {
        "group": "certificates.k8s.io",
        "resource": "certificatesigningrequests",
        "subresource": subresource,
        "verb": "create",
    }
    spec = {"user": name, "groups": list(groups), "resourceAttributes": attributes}
    status = _review(session, _ACCESS_REVIEWS, "authorization.k8s.io/v1", "SubjectAccessReview", spec)
    return bool(status.get("allowed"))


def _review(session: Session, path: str, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Its status. Nothing is stored."""
    status: dict[str, Any] = (
        session.kubectl.post(path, {"apiVersion": version, "kind": kind, "spec": spec}).get("status") or {}
    )
    return status
