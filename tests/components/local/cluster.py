"""What the tests against the real API server put into it."""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.support.apiserver import ApiServer
from tests.support.would_be_kubelet import REQUESTS

STACK = "acme/kubenode/dev"
GROUP = "system:bootstrappers:kubenode:dev"
TOKENS = "/api/v1/namespaces/kube-system/secrets"
PODS = "/api/v1/namespaces/default/pods"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


def new_name(prefix: str = "worker") -> str:
    """A node name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(3)}"


def new_token() -> dict[str, str]:
    return {"tokenId": secrets.token_hex(3), "tokenSecret": secrets.token_hex(8)}


def allow_bootstrap(server: ApiServer) -> None:
    """What the stack's RBAC does: the group may make requests, and nodes may renew."""
    bind(server, "kubenode-test", "system:node-bootstrapper", GROUP)
    allow_renewal(server)


def allow_renewal(server: ApiServer) -> None:
    role = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"
    bind(server, "kubenode-test-nodes-renew", role, "system:nodes")


def bind(server: ApiServer, name: str, role: str, group: str) -> None:
    kind = {"apiGroup": "rbac.authorization.k8s.io"}
    if server.admin.find(f"{BINDINGS}/{name}") is None:
        server.admin.post(
            BINDINGS,
            {
                "metadata": {"name": name},
                "roleRef": {**kind, "kind": "ClusterRole", "name": role},
                "subjects": [{**kind, "kind": "Group", "name": group}],
            },
        )


def make_node(server: ApiServer, name: str, **annotations: str) -> dict[str, Any]:
    body = {"metadata": {"name": name, "annotations": {"kubenode/claim": STACK, **annotations}}}
    made: dict[str, Any] = server.admin.post("/api/v1/nodes", body)
    return made


def node(server: ApiServer, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.admin.get(f"/api/v1/nodes/{name}")
    return found


def annotations_of(server: ApiServer, name: str) -> dict[str, str]:
    found: dict[str, str] = node(server, name)["metadata"].get("annotations") or {}
    return found


def is_cordoned(server: ApiServer, name: str) -> bool:
    return bool(node(server, name)["spec"].get("unschedulable"))


def our_taints(server: ApiServer, name: str) -> list[str]:
    taints = node(server, name)["spec"].get("taints") or ()
    return [one.get("value", "") for one in taints if one["key"] == "kubenode/out-of-service"]


def run_pod(
    server: ApiServer, on: str, *, owned: bool = True, grace_period_seconds: int = 1, empty_dir: bool = False
) -> str:
    """A pod that counts as running and ready on a node; returns its name, which is also its label app."""
    name = new_name("pod")
    metadata: dict[str, Any] = {"name": name, "labels": {"app": name}}
    if owned:
        owner = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": "x",
            "uid": str(uuid.uuid4()),
            "controller": True,
        }
        metadata["ownerReferences"] = [owner]
    server.admin.post(
        PODS,
        {
            "metadata": metadata,
            "spec": {
                "nodeName": on,
                "containers": [{"name": "c", "image": "none"}],
                "terminationGracePeriodSeconds": grace_period_seconds,
                "volumes": [{"name": "scratch", "emptyDir": {}}] if empty_dir else [],
            },
        },
    )
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    server.admin.merge(f"{PODS}/{name}/status", {"status": status})
    return name


def forbid_eviction(server: ApiServer, pod: str) -> None:
    """A PodDisruptionBudget that leaves no room."""
    server.admin.post(
        BUDGETS,
        {"metadata": {"name": pod}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": pod}}}},
    )
    until(lambda: server.admin.get(f"{BUDGETS}/{pod}").get("status", {}).get("currentHealthy") == 1)


def pod_exists(server: ApiServer, name: str) -> bool:
    return server.admin.find(f"{PODS}/{name}") is not None


def tokens_of(server: ApiServer, name: str) -> list[dict[str, Any]]:
    return [
        one
        for one in server.admin.get(TOKENS)["items"]
        if (one["metadata"].get("labels") or {}).get("kubenode/node") == name
    ]


def content(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def requests_of(server: ApiServer, user: str) -> list[dict[str, Any]]:
    return [one for one in server.admin.get(REQUESTS)["items"] if one["spec"]["username"] == user]


def is_pending(request: dict[str, Any]) -> bool:
    return not (request.get("status") or {}).get("conditions")


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """Waits for a condition and returns what made it true."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
