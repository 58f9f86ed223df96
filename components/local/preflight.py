"""What the cluster's control plane has for nodes to join, as far as it can be told from outside. Leaves nothing behind.

Asks with the stack's kubeconfig, side by side:

- a Node as another node would make it, as a dry run (impersonated): Node authorizer and NodeRestriction answer;
- the flags of the API server at /flagz (Kubernetes 1.37 has it switched on), and of API server and controller manager
  in their static pods, as kubeadm makes them;
- the kubelet of one Node that is Ready, through the API server: it says whether it takes the API server's certificate;
- what became of certificate requests that are there.

Owns the reading. Does not own the words (`components/cluster/preflight.py`). What cannot be told is None, and no guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from components.local import nodes
from components.local.kubectl import PATHS, Json, Kubectl, KubectlError, items, with_query

# Names that no node of a stack has: made in dry runs alone.
_NODE: Final = "kubenode-preflight"
_OTHER: Final = "kubenode-preflight-other"
_MAKE_NODE: Final = f"{PATHS.nodes}?dryRun=All"
_FLAGS: Final = "/flagz"
_STATIC: Final = with_query(
    "/api/v1/namespaces/kube-system/pods",
    labelSelector="component in (kube-apiserver,kube-controller-manager)",
)
_SIGNERS: Final = {
    "kubernetes.io/kube-apiserver-client": "client",
    "kubernetes.io/kube-apiserver-client-kubelet": "client",
    "kubernetes.io/kubelet-serving": "serving",
}
# The signer of each kind may have an authority of its own.
_SIGNING_FLAGS: Final = {
    "client": ("cluster-signing-kube-apiserver-client-cert-file", "cluster-signing-kubelet-client-cert-file"),
    "serving": ("cluster-signing-kubelet-serving-cert-file",),
}
# In a list of --controllers, by its name of today and of before.
_SIGNING_CONTROLLERS: Final = ("csrsigning", "certificatesigningrequest-signing-controller")
# What stands between name and value at /flagz is drawn anew by each API server, so that nobody relies on it.
_FLAG: Final = re.compile(r"^-{0,2}([a-z0-9-]+)(?:[:=\s](.*))?$")

Answer = dict[str, bool | None]


def read(
    kubectl: Kubectl,
    seconds: int,
    *,
    node_list: Iterable[Json],
    requests: Iterable[Json],
    authentication: Json,
) -> Answer:
    """Asks what the given answers do not tell. Never raises for what may not be asked."""

    def get(path: str) -> str:
        try:
            return kubectl.read(path, timeout_seconds=seconds)
        except KubectlError:
            return ""

    def pods() -> list[Json]:
        try:
            return items(kubectl.get(_STATIC, retry=False, timeout_seconds=seconds))
        except KubectlError:
            return []

    ready = next((nodes.view(one).name for one in node_list if nodes.view(one).is_ready), None)
    made, flags, static, probe = kubectl.together(
        lambda: _said_of_a_foreign_node(kubectl, seconds),
        lambda: get(_FLAGS),
        pods,
        lambda: _said_of_kubelet(kubectl, ready) if ready else None,
    )
    return answer(
        made=made,
        flags=flags,
        static=static,
        probe=probe,
        requests=requests,
        authentication=authentication,
    )


def answer(
    *,
    made: str,
    flags: str,
    static: Iterable[Json],
    probe: str | None,
    requests: Iterable[Json],
    authentication: Json,
) -> Answer:
    """What the answers show: True it is there, False it is not, None nobody can tell. Pure."""
    pods = list(static)
    server = {**flags_of_pod(pods, "kube-apiserver"), **_shown(flags)}
    manager = flags_of_pod(pods, "kube-controller-manager")
    node_authorizer, restricted = _about_nodes(made)
    found: Answer = {
        "nodeAuthorizer": node_authorizer,
        "nodeRestriction": restricted,
        "bootstrapTokens": None
        if not server
        else server.get("enable-bootstrap-token-auth", "").lower() in ("true", "1", "t"),
        "clientAuthority": _client_authority(server, authentication),
        "kubeletClient": _kubelet_client(server, probe),
    }
    settled = list(requests)
    for kind in ("client", "serving"):
        found[f"{kind}Signer"] = _signer(kind, manager, settled)
    return found


def flags_of(lines: Iterable[str]) -> dict[str, str]:
    """Flags by name, of lines like --name=value, and of /flagz, which promises no form."""
    matches = (_FLAG.match(line.strip()) for line in lines)
    return {found[1]: (found[2] or "").strip() for found in matches if found}


def _shown(page: str) -> dict[str, str]:
    """The flags at /flagz; none if the page has another form than those of today."""
    found = flags_of(page.splitlines())
    return found if found.get("authorization-mode") else {}


def flags_of_pod(pods: Iterable[Json], component: str) -> dict[str, str]:
    """The flags that a static pod of a component runs with; empty where there is none."""
    for pod in pods:
        if ((pod.get("metadata") or {}).get("labels") or {}).get("component") == component:
            for container in (pod.get("spec") or {}).get("containers") or ():
                words = [*(container.get("command") or ()), *(container.get("args") or ())]
                return flags_of(word for word in words if word.startswith("--"))
    return {}


def _said_of_a_foreign_node(kubectl: Kubectl, seconds: int) -> str:
    """What a node is told that makes another one's Node; empty if it may. Nothing is made."""
    body: Json = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": _OTHER}}
    try:
        kubectl.dry_run(
            _MAKE_NODE, body, user=f"system:node:{_NODE}", group="system:nodes", timeout_seconds=seconds
        )
    except KubectlError as error:
        return error.stderr
    return ""


def _said_of_kubelet(kubectl: Kubectl, node: str) -> str:
    try:
        kubectl.read(PATHS.kubelet_health(node), timeout_seconds=5)
    except KubectlError as error:
        return error.stderr
    return ""


def _about_nodes(said: str) -> tuple[bool | None, bool | None]:
    """Node authorizer and NodeRestriction. Without the first nobody comes to the second."""
    if not said:
        return True, False
    if "is not allowed to modify node" in said:
        return True, True
    if "cannot impersonate" in said:
        return None, None
    if f'User "system:node:{_NODE}" cannot create resource "nodes"' in said:
        return False, None
    return None, None


def _client_authority(server: Mapping[str, str], authentication: Json) -> bool | None:
    """By the ConfigMap that the API server itself writes, if it trusts any, else by its flag."""
    if (authentication.get("data") or {}).get("client-ca-file"):
        return True
    return server["client-ca-file"] != "" if "client-ca-file" in server else None


def _kubelet_client(server: Mapping[str, str], probe: str | None) -> bool | None:
    """By its flag, or by a kubelet: 401 is for one without a certificate, or with one of another authority."""
    if "kubelet-client-certificate" in server:
        return server["kubelet-client-certificate"] != ""
    if probe is None:
        return None
    if "(Unauthorized)" in probe:
        return False
    return True if probe == "" or "Forbidden (user=" in probe else None


def _signer(kind: str, manager: Mapping[str, str], requests: Iterable[Json]) -> bool | None:
    """By what became of requests, else by the controller manager's flags."""
    for request in requests:
        signer = _SIGNERS.get(str((request.get("spec") or {}).get("signerName")))
        if signer == kind and (request.get("status") or {}).get("certificate"):
            return True
    if not manager:
        return None
    controllers = [one.strip() for one in manager.get("controllers", "*").split(",")]
    if any(f"-{name}" in controllers for name in _SIGNING_CONTROLLERS):
        return False
    if "*" not in controllers and not any(name in controllers for name in _SIGNING_CONTROLLERS):
        return False
    if manager.get("cluster-signing-cert-file") and manager.get("cluster-signing-key-file"):
        return True
    own: list[Any] = [manager.get(flag) for flag in _SIGNING_FLAGS[kind]]
    return all(own)
