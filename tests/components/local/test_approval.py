"""What is approved is the very object that was looked at, before a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.local.approval import approve
from components.local.kubectl import Kubectl
from components.local.session import Session
from tests.components.local.cluster import is_pending, new_name
from tests.support.apiserver import ApiServer, new_key
from tests.support.would_be_kubelet import CLIENT_SIGNER, REQUESTS, request_pem, signing_request

pytestmark = pytest.mark.sandbox
CLIENT_USAGES = ["digital signature", "client auth"]


def test_what_is_approved_is_what_was_checked(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that changed, or was made anew under its name, between check and approval is not approved."""
    name = new_name()
    monkeypatch.setenv("PATH", str(Path(api_server.kubectl_path).parent))
    session = Session(Kubectl(str(api_server.kubeconfig)), name)
    user = f"system:node:{name}"
    # As the node itself: the controller manager approves such requests of an admin by itself.
    client = api_server.client(*("", *api_server.authority.issue(user, ["system:nodes"])))

    def make() -> dict[str, Any]:
        body = signing_request(request_pem(new_key(), user), CLIENT_SIGNER, CLIENT_USAGES)
        body["metadata"] = {"name": f"csr-of-{name}"}
        made: dict[str, Any] = client.post(REQUESTS, body)
        return made

    path = f"{REQUESTS}/csr-of-{name}"
    checked = make()
    api_server.admin.merge(path, {"metadata": {"labels": {"x": "y"}}})
    assert approve(session, checked, "by a test") is False
    checked = api_server.admin.get(path)
    api_server.admin.delete(path)
    make()
    assert approve(session, checked, "by a test") is False
    assert is_pending(api_server.admin.get(path))
    # Denied meanwhile, by somebody who had a reason.
    checked = api_server.admin.get(path)
    denied = {"type": "Denied", "status": "True", "reason": "BySomebody", "message": "for a reason"}
    body = {**checked, "status": {"conditions": [denied]}}
    api_server.admin.request("PUT", f"{path}/approval", body)
    assert approve(session, checked, "by a test") is False
    assert (
        approve(session, {**checked, "metadata": api_server.admin.get(path)["metadata"]}, "by a test")
        is False
    )
    conditions = api_server.admin.get(path)["status"]["conditions"]
    assert [one["type"] for one in conditions] == ["Denied"]
    api_server.admin.delete(path)
    assert approve(session, checked, "by a test") is False
    make()
    assert approve(session, api_server.admin.get(path), "by a test") is True
    assert not is_pending(api_server.admin.get(path))
    api_server.admin.delete(path)
