"""The walkthrough's last chapter, seen from the cluster's API: pods, endpoints, addresses, logs, exec, configuration.

Arguments: namespace, selector (label=value), service, clusterIp, podCidr, serviceCidr, kubelets (node to the
fingerprint of its rendered KubeletConfiguration), timeoutSeconds 120, runs (only there to run after them).

apply  Waits until every node runs one ready pod, then checks everything and reports all that is wrong at once. A node
       whose kubelet the control plane has given up is named and left out: what was asked for is not on it. The result
       is {"podIps": [...]} sorted, for the checks from the nodes; also of pods on such a node, so that its silence is
       no reason to ask all others anew. Changes nothing, except that it ends a surplus pod when a node has none: pods
       that a drain moved away do not come back by themselves.
remove Ends the pods on nodes whose kubelet is dead, so that the proof can be deleted while a host is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Mapping
from typing import Any

from components.local.arguments import Arguments
from components.local.dead_nodes import end_pods, given_up, on, on_nodes
from components.local.errors import Failure
from components.local.fingerprint import differing
from components.local.kubectl import PATHS, Json, KubectlError, UnreachableError, items, with_query
from components.local.session import Session
from components.local.silence import says_no_host
from components.local.waiting import Wait

_PAGE = "Welcome to nginx!"
# Of a kubelet that has just been started, or a host that has just gone.
_PASSING = ("pod does not exist", "container not found", "connection refused", "connection reset by peer")


def apply(session: Session, arguments: Arguments) -> None:
    namespace = arguments.text("namespace")
    configurations = arguments.mapping("kubelets")
    wait = Wait(arguments.integer("timeoutSeconds", 120, low=1), namespace)
    pods_path = _pods_path(namespace, arguments.text("selector"))
    slices_path = with_query(
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
        labelSelector=f"kubernetes.io/service-name={arguments.text('service')}",
    )
    while True:
        lost = given_up(items(session.kubectl.get(PATHS.nodes)), set(configurations))
        awaited = {node: fields for node, fields in configurations.items() if node not in lost}
        every = items(session.kubectl.get(pods_path))
        silent = on_nodes(every, lost)
        # What is to take the place of a pod there finds no node.
        left = [pod for pod in every if pod not in silent and (on(pod) or not lost)]
        pods = that_count(left, set(awaited))
        slices = items(session.kubectl.get(slices_path))
        missing = placement_faults(pods, set(awaited)) or endpoint_faults(pods, slices)
        if missing:
            if surplus := surplus_pod(pods, set(awaited)):
                name, uid = surplus["metadata"]["name"], surplus["metadata"]["uid"]
                session.kubectl.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", uid)
            if wait.expired:
                raise Failure(
                    f"{namespace}: after {wait.timeout_seconds:.0f} s: {'; '.join(missing)}. "
                    f"Next: kubectl -n {namespace} get pods -o wide; kubectl -n {namespace} get events"
                )
            wait.pause(f"for nginx: {missing[0]}")
            continue
        faults = _kubelet_faults(session, namespace, pods, awaited)
        if not faults or wait.expired or not all(map(is_passing, faults)):
            break
        # A node that just died is given up by the control plane within a minute, and left out then.
        wait.pause(f"for kubelets: {faults[0]}")
    if lost:
        session.say(f"left out, for the control plane has given its kubelet up: {', '.join(lost)}")
    faults += address_faults(
        pods, arguments.text("clusterIp"), arguments.text("podCidr"), arguments.text("serviceCidr")
    )
    if faults:
        raise Failure(f"{namespace}: the nodes do not work as they should: {'; '.join(faults)}")
    session.say(
        f"{len(pods)} pods ready, one on each node; logs, exec, endpoints and kubelet configurations as they should be"
    )
    session.result(json.dumps({"podIps": sorted(pod_ips([*pods, *silent]))}))


def remove(session: Session, arguments: Arguments) -> None:
    """Before the Deployment goes: it would wait for pods that nobody ends."""
    namespace = arguments.text("namespace")
    with contextlib.suppress(UnreachableError):
        end_pods(session, _pods_path(namespace, arguments.text("selector")), namespace)


def _pods_path(namespace: str, selector: str) -> str:
    return with_query(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)


def that_count(pods: list[Json], names: set[str]) -> list[Json]:
    """Without those that end elsewhere: a node that left the stack may have no kubelet any more to say they ended."""
    return [pod for pod in pods if on(pod) in names or not pod["metadata"].get("deletionTimestamp")]


def pod_ips(pods: list[Json]) -> set[str]:
    """Addresses of the pods that have one."""
    return {pod["status"]["podIP"] for pod in pods if pod.get("status", {}).get("podIP")}


def placement_faults(pods: list[Json], nodes: set[str]) -> list[str]:
    """Why not every node runs exactly one ready pod."""
    faults = []
    placed: dict[str, int] = dict.fromkeys(nodes, 0)
    for pod in pods:
        name, node = pod["metadata"]["name"], pod.get("spec", {}).get("nodeName", "")
        if pod["metadata"].get("deletionTimestamp"):
            faults.append(f"pod {name} is still ending")
            continue
        conditions = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions") or ()}
        if conditions.get("Ready") != "True":
            faults.append(f"pod {name} on {node or 'no node'} is not ready ({_why(pod)})")
        if node in placed:
            placed[node] += 1
        elif node:
            faults.append(f"pod {name} runs on {node}, which is none of ours")
    faults += [f"{count} pods on {node}" for node, count in sorted(placed.items()) if count != 1]
    return faults


def surplus_pod(pods: list[Json], nodes: set[str]) -> Json | None:
    """A pod to end so that the scheduler gives it to a node that has none; None while anything is still on its way."""
    placed: dict[str, list[Json]] = {node: [] for node in nodes}
    for pod in pods:
        node = pod.get("spec", {}).get("nodeName", "")
        if pod["metadata"].get("deletionTimestamp") or not node:
            return None
        if node in placed:
            placed[node].append(pod)
    fullest = max(placed.values(), key=len, default=[])
    if len(fullest) < 2 or all(placed.values()):
        return None
    return max(
        fullest, key=lambda pod: (str(pod["metadata"].get("creationTimestamp")), str(pod["metadata"]["name"]))
    )


def endpoint_faults(pods: list[Json], slices: list[Json]) -> list[str]:
    """Whether the Service's EndpointSlices list exactly the pods' addresses, all ready."""
    found = {
        address
        for one in slices
        for endpoint in one.get("endpoints") or ()
        if endpoint.get("conditions", {}).get("ready") is not False
        for address in endpoint.get("addresses") or ()
    }
    expected = pod_ips(pods)
    return (
        []
        if found == expected
        else [f"the Service's endpoints are {_list(found)}, the pods' addresses {_list(expected)}"]
    )


def address_faults(pods: list[Json], cluster_ip: str, pod_cidr: str, service_cidr: str) -> list[str]:
    """Addresses outside the ranges of the configuration."""
    pods_may, services_may = _networks(pod_cidr), _networks(service_cidr)
    faults = [
        f"pod address {ip} is outside podCidr {pod_cidr}"
        for ip in sorted(pod_ips(pods))
        if not any(ipaddress.ip_address(ip) in one for one in pods_may)
    ]
    if not any(ipaddress.ip_address(cluster_ip) in one for one in services_may):
        faults.append(f"the Service's address {cluster_ip} is outside serviceCidr {service_cidr}")
    return faults


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """One range, or one of each family with a comma."""
    return [ipaddress.ip_network(one) for one in text.split(",")]


def configuration_faults(node: str, wanted: Mapping[str, str], running: Mapping[str, Any]) -> list[str]:
    """Every value of the rendered file must be what the kubelet says it runs with; it adds its own defaults."""
    return [
        f"{node}: the kubelet runs with {field} = {json.dumps(found)}, and another value is configured: "
        f"make show NODE={node}"
        for field, found in differing(wanted, running)
    ]


def _kubelet_faults(
    session: Session, namespace: str, pods: list[Json], configurations: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """What goes from the API server to each kubelet: logs, exec, /configz; all of it over verified TLS."""
    faults: list[str] = []
    for pod in pods:
        name, node = pod["metadata"]["name"], pod["spec"]["nodeName"]
        try:
            page = session.kubectl.run(
                ["exec", "-n", namespace, name, "--", "cat", "/usr/share/nginx/html/index.html"], retry=False
            )
            if _PAGE not in page and "nginx" not in page:
                faults.append(f"{node}: exec in pod {name} does not show nginx's page")
            session.kubectl.run(["logs", "-n", namespace, name, "--tail=5"], retry=False)
            running = session.kubectl.get(f"{PATHS.nodes}/{node}/proxy/configz", retry=False)
        except KubectlError as error:
            faults.append(
                f"{node}: the API server does not get through to the kubelet: {error.stderr}{_hint(error)}"
            )
            continue
        faults += configuration_faults(node, configurations[node], running.get("kubeletconfig", {}))
    return faults


def is_passing(fault: str) -> bool:
    """What is over soon: a kubelet that has just been started has its pods, or one that is gone is given up."""
    return says_no_host(fault) or any(words in fault for words in _PASSING)


def _hint(error: KubectlError) -> str:
    if "must be logged in" in error.stderr or "Unauthorized" in error.stderr:
        return " (start the API server with --kubelet-client-certificate and --kubelet-client-key)"
    if "Forbidden" in error.stderr:
        return " (bind the API server's kubelet client user to the ClusterRole system:kubelet-api-admin)"
    return ""


def _why(pod: Json) -> str:
    status = pod.get("status", {})
    for container in status.get("containerStatuses") or ():
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason', '')} {waiting.get('message', '')}".strip()[:160]
    for condition in status.get("conditions") or ():
        if condition["status"] != "True" and condition.get("message"):
            return str(condition["message"])[:160]
    return str(status.get("phase", "no status"))


def _list(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "none"
