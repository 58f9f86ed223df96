"""When a Service counts as ready, as the official provider has it (await/service.go).

Owns what a Service lacks, by its Endpoints, and the ten seconds in which those must not change. Does not own waiting,
nor other kinds (`kubewait.py`).
"""

from typing import Final

from sandbox.plugins.kubeapi import Object

_SETTLE_SECONDS: Final = 10.0


def unready_service(live: Object, endpoints: Object | None) -> str | None:
    """What a Service lacks now: an address for its load balancer, or that every pod it selects is ready. No pods at
    all are good enough."""
    spec = live.get("spec") or {}
    balancer = (live.get("status") or {}).get("loadBalancer") or {}
    if spec.get("type") == "LoadBalancer" and not balancer.get("ingress"):
        return "Service was not allocated an IP address; does your cloud provider support this?"
    subsets = (endpoints or {}).get("subsets") or []
    if not _selects_pods(live) or not any(each.get("notReadyAddresses") for each in subsets):
        return None
    if any(each.get("addresses") for each in subsets):
        return "Service targets Pods that are not ready"
    return (
        "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match "
        "labels on any Pods"
    )


def _selects_pods(service: Object) -> bool:
    spec = service.get("spec") or {}
    return (
        spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None" and bool(spec.get("selector"))
    )


class ServiceReady:
    """The condition of a Service: it lacks nothing, and ten seconds have passed since its endpoints changed, or were
    first seen. As with the official provider the time of an earlier change counts too, if it ends after the last
    change; and without any Endpoints the wait takes all its time, and then succeeds."""

    def __init__(self) -> None:
        self._endpoints: Object | None = None
        self._changes: list[float] = []
        self._now = 0.0

    def look_at(self, endpoints: Object | None, now: float) -> None:
        """Has to be called before each check."""
        if _version(endpoints) != _version(self._endpoints):
            self._changes.append(now)
        self._endpoints, self._now = endpoints, now

    def __call__(self, live: Object) -> str | None:
        settled = any(self._changes[-1] < each + _SETTLE_SECONDS <= self._now for each in self._changes)
        if settled or not _selects_pods(live):
            return self.lacks(live)
        return self.lacks(live) or "the endpoints of the Service have not settled yet"

    def lacks(self, live: Object) -> str | None:
        """What is missing when time is up: settled or not does not matter any more."""
        return unready_service(live, self._endpoints)


def _version(obj: Object | None) -> str | None:
    return obj["metadata"]["resourceVersion"] if obj else None
