"""Approves a certificate signing request: the very object that was looked at, and no other.

Owns the write. Does not own who looks at a request, and what for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.local.kubectl import PATHS, Json, KubectlError
from components.local.session import Session


def approve(session: Session, request: Json, message: str) -> bool:
    """False if it is another by now, gone, or decided on by somebody else.

    Not `kubectl certificate approve NAME`, which approves whatever has that name by then: the object goes
    back with its UID and resourceVersion, and the API server refuses it if it is any other.
    """
    approved = with_approval(request, message)
    try:
        session.kubectl.put(f"{PATHS.requests}/{request['metadata']['name']}/approval", approved)
    except KubectlError as error:
        # Invalid: by somebody else, a moment ago.
        if error.reason in ("Conflict", "NotFound", "Invalid"):
            return False
        raise
    return True


def with_approval(request: Mapping[str, Any], message: str) -> Json:
    """The request with the condition Approved."""
    status = dict(request.get("status") or {})
    condition = {"type": "Approved", "status": "True", "reason": "KubenodeApproved", "message": message}
    status["conditions"] = [*(status.get("conditions") or ()), condition]
    return {**request, "status": status}
