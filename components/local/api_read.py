"""Reads, once per run and tolerantly, what the API says of the stack's nodes.

Arguments: nodes (names), stack, timeoutSeconds 10, labels (optional: labels by node, for nodes that do not
exist yet), namespace (optional: one that the stack wants for itself), calico (true: Calico is looked at too).

apply  Prints one JSON object and always ends well: an API that cannot be reached is an answer, not an error.
       {"reachable", "error", "serverVersion", "nodes": {name: {"exists", "uid", "claim", "inService",
       "ready", "unschedulable", "kubeletVersion", "runtimeVersion", "joined", "healed", "outOfService", "returned",
       "removal", "silent": null or {"since", "reason", "heal"} (components.local.silence)}},
       "foreign": {name: what is wrong},
       "sameMachine": {name: [other Nodes with its machine-id]},
       "daemonSetProxies": {"namespace/name": [nodes it may run on]}, "pendingRequests": {name: [request names]},
       "preflight": what the control plane has (components.local.preflight), if a node has still to join; else null,
       "foreignNamespace": null, or {"name", "claim"} of the namespace if it is there and not the stack's,
       "calico": what there is of Calico (components.local.calico_read), if it was asked for; else null,
       "clientAuthorities": the CA certificates, PEM, that the API server trusts for clients; null if it does not say}
remove Nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from components.local import calico_read, nodes, preflight
from components.local import kubectl as kubectls
from components.local.arguments import Arguments
from components.local.errors import Failure
from components.local.kubectl import PATHS, Json, Kubectl, KubectlError, items
from components.local.silence import is_silent, silence

_PROBE_SECONDS: Final = 5


def run(arguments: Arguments) -> str:
    """The whole program: it opens kubectl itself, because failing to is an answer too."""
    names = arguments.texts("nodes")
    stack = arguments.text("stack", "")
    seconds = arguments.integer("timeoutSeconds", 10, low=1)
    labels = arguments.mapping("labels")
    namespace = arguments.text("namespace", "")
    calico = arguments.flag("calico", default=False)
    try:
        with kubectls.opened(arguments) as kubectl:
            read = _read(kubectl, seconds, stack, names, namespace, calico=calico)
    except (Failure, OSError) as error:
        return render(unreachable(_short(error)))
    return render(facts(names, stack, labels, **read))


def render(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, indent=1, sort_keys=True)


def unreachable(error: str) -> Json:
    return {
        "reachable": False,
        "error": error,
        "serverVersion": None,
        "nodes": {},
        "foreign": {},
        "sameMachine": {},
        "daemonSetProxies": {},
        "pendingRequests": {},
        "clientAuthorities": None,
        "preflight": None,
        "foreignNamespace": None,
        "calico": None,
    }


def facts(
    names: Iterable[str],
    stack: str,
    labels: Mapping[str, Mapping[str, str]],
    *,
    version: Mapping[str, Any],
    node_list: Iterable[Json],
    daemon_sets: Iterable[Json],
    requests: Iterable[Json],
    authentication: Json | None = None,
    probes: Mapping[str, str] | None = None,
    control_plane: Json | None = None,
    namespace: Json | None = None,
    calico: Mapping[str, Json] | None = None,
    now: datetime | None = None,
) -> Json:
    """The answer, from what the API gave. Pure. `probes`: what was said when silent kubelets were asked."""
    now = now or datetime.now(UTC)
    wanted = sorted(names)
    node_list, daemon_sets = list(node_list), list(daemon_sets)
    by_name = {nodes.view(one).name: one for one in node_list}
    foreign: dict[str, str] = {}
    answer: dict[str, Json] = {}
    all_labels: dict[str, dict[str, str]] = {}
    for name in wanted:
        found = by_name.get(name)
        all_labels[name] = {
            "kubernetes.io/os": "linux",
            "kubernetes.io/hostname": name,
            **labels.get(name, {}),
        }
        if found is None:
            answer[name] = {"exists": False}
            continue
        seen = nodes.view(found)
        fallen = silence(found, (probes or {}).get(name, ""), now) if seen.claim == stack else None
        all_labels[name] |= (found.get("metadata") or {}).get("labels") or {}
        answer[name] = {
            "exists": True,
            "uid": seen.uid,
            "claim": seen.claim,
            "inService": seen.in_service,
            "ready": seen.is_ready,
            "unschedulable": seen.unschedulable,
            "kubeletVersion": nodes.version_number(seen.kubelet_version) or None,
            "runtimeVersion": seen.runtime_version or None,
            "joined": bool(seen.kubelet_version),
            "healed": seen.healed,
            "outOfService": seen.is_tainted,
            "returned": seen.returned,
            "removal": seen.removal,
            "silent": fallen.json() if fallen else None,
        }
        if seen.claim is None:
            foreign[name] = "exists, and no stack of kubenode claims it"
        elif stack and seen.claim != stack:
            foreign[name] = f"claimed by the stack {seen.claim}"
    users = {f"system:node:{name}": name for name in wanted}
    pending: dict[str, list[str]] = {}
    for request in requests:
        owner = users.get(str((request.get("spec") or {}).get("username")))
        if owner and not (request.get("status") or {}).get("conditions"):
            pending.setdefault(owner, []).append(str(request["metadata"]["name"]))
    return {
        "reachable": True,
        "error": None,
        "serverVersion": nodes.version_number(str(version.get("gitVersion", ""))).split("-")[0].split("+")[0]
        or None,
        "nodes": answer,
        "foreign": foreign,
        "sameMachine": {name: others for name in wanted if (others := nodes.twins(name, by_name.values()))},
        "daemonSetProxies": {
            f"{one['metadata']['namespace']}/{one['metadata']['name']}": on
            for one in daemon_sets
            if looks_like_proxy(one)
            and (on := [name for name, has in all_labels.items() if may_run_on(one, has)])
        },
        "pendingRequests": {name: sorted(one) for name, one in sorted(pending.items())},
        "clientAuthorities": ((authentication or {}).get("data") or {}).get("client-ca-file") or None,
        "preflight": control_plane,
        "foreignNamespace": _foreign(namespace, stack),
        "calico": calico_read.answer(calico, daemon_sets, node_list) if calico else None,
    }


def _foreign(namespace: Json | None, stack: str) -> Json | None:
    if not namespace:
        return None
    metadata = namespace.get("metadata") or {}
    claim = (metadata.get("annotations") or {}).get(nodes.CLAIM)
    # One that just goes is as good as gone: what is made in its place waits for that.
    if claim == stack or metadata.get("deletionTimestamp"):
        return None
    return {"name": metadata.get("name"), "claim": claim}


def looks_like_proxy(daemon_set: Mapping[str, Any]) -> bool:
    """Whether a DaemonSet runs kube-proxy: by its program or image, or by kubeadm's label."""
    template = (daemon_set.get("spec") or {}).get("template") or {}
    if ((template.get("metadata") or {}).get("labels") or {}).get("k8s-app") == "kube-proxy":
        return True
    for container in (template.get("spec") or {}).get("containers") or ():
        image = str(container.get("image", "")).split("@")[0].rsplit("/", 1)[-1].split(":")[0]
        program = str((container.get("command") or [""])[0]).rsplit("/", 1)[-1]
        # kubeadm's image; those of distributions are called kube-proxy-amd64 and the like.
        if program == "kube-proxy" or image == "kube-proxy" or image.startswith("kube-proxy-"):
            return True
    return False


def may_run_on(daemon_set: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether node selector and required node affinity allow a node with these labels."""
    spec = ((daemon_set.get("spec") or {}).get("template") or {}).get("spec") or {}
    known = dict(labels)
    for key, value in (spec.get("nodeSelector") or {}).items():
        # A node that does not exist yet has no architecture in its labels; it will have one.
        if known.get(key, value if key == "kubernetes.io/arch" else None) != value:
            return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not required:
        return True
    terms = required.get("nodeSelectorTerms") or ()
    return any(all(_matches(one, known) for one in term.get("matchExpressions") or ()) for term in terms)


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(str(expression.get("key")))
    values = expression.get("values") or ()
    operator = expression.get("operator")
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    # Gt and Lt are rare here; a proxy too many is reported rather than one too few.
    return True


def _read(
    kubectl: Kubectl, seconds: int, stack: str, names: Iterable[str], namespace: str, *, calico: bool
) -> dict[str, Any]:
    """Reads side by side; only version and Nodes are indispensable. The arguments of `facts` by name."""

    def one(path: str) -> Json:
        return kubectl.get(path, retry=False, timeout_seconds=seconds)

    def optional(path: str) -> Json:
        try:
            return one(path)
        except KubectlError:
            return {}

    with ThreadPoolExecutor(max_workers=7) as pool:
        version, node_list = pool.submit(one, "/version"), pool.submit(one, PATHS.nodes)
        daemon_sets, requests = (
            pool.submit(optional, PATHS.daemon_sets),
            pool.submit(optional, PATHS.requests),
        )
        authentication = pool.submit(optional, PATHS.authentication)
        wanted = (
            pool.submit(optional, kubectls.path("api", "v1", "namespaces", namespace)) if namespace else None
        )
        network = pool.submit(calico_read.read, optional) if calico else None
        found = items(node_list.result())
        silent = [
            nodes.view(one).name
            for one in found
            if nodes.view(one).name in names and nodes.view(one).claim == stack and is_silent(one)
        ]
        probes = pool.map(lambda name: _probe(kubectl, name), silent)
        read: dict[str, Any] = {
            "version": version.result(),
            "node_list": found,
            "daemon_sets": items(daemon_sets.result()),
            "requests": items(requests.result()),
            "authentication": authentication.result(),
        }
        joined = {nodes.view(one).name for one in found if nodes.view(one).kubelet_version}
        control_plane = None
        if not joined.issuperset(names):
            asked = {key: read[key] for key in ("node_list", "requests", "authentication")}
            control_plane = preflight.read(kubectl, seconds, **asked)
        return {
            **read,
            "control_plane": control_plane,
            "namespace": wanted.result() if wanted else None,
            "calico": network.result() if network else None,
            "probes": dict(zip(silent, probes, strict=True)),
        }


def _probe(kubectl: Kubectl, node: str) -> str:
    """What is said when a kubelet is asked through the API server; empty if it answers."""
    try:
        kubectl.read(PATHS.kubelet_health(node), timeout_seconds=_PROBE_SECONDS)
    except KubectlError as error:
        return error.stderr
    return ""


def _short(error: BaseException) -> str:
    text = error.stderr if isinstance(error, KubectlError) else str(error)
    return " ".join(text.split())[:300]
