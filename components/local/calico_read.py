"""What the API says of a cluster's Calico. Pure, but for the requests.

Owns what is read of it and in which form the program gets it. Does not own what is refused for it
(`components/cluster/calico_facts.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from components.local import nodes
from components.local.kubectl import Json, items

_DEFINITIONS: Final = "/apis/crd.projectcalico.org/v1"
# Releases from 3.31 on may keep them there instead.
_NATIVE_DEFINITIONS: Final = "/apis/projectcalico.org/v3"
_INSTALLATION: Final = "/apis/operator.tigera.io/v1/installations/default"
_TAINT: Final = {"key": nodes.OUT_OF_SERVICE_TAINT, "effect": "NoSchedule"}


def read(optional: Callable[[str], Json]) -> dict[str, Json]:
    """The objects that `answer` is made of; `optional` gives nothing for what is not there."""
    pools = optional(f"{_DEFINITIONS}/ippools")
    group = _DEFINITIONS if items(pools) else _NATIVE_DEFINITIONS
    return {
        "pools": pools if items(pools) else optional(f"{group}/ippools"),
        "information": optional(f"{_DEFINITIONS}/clusterinformations/default"),
        "installation": optional(_INSTALLATION),
    }


def answer(
    found: Mapping[str, Json], daemon_sets: Iterable[Json], node_list: Iterable[Json]
) -> dict[str, Any]:
    """{"daemonSets": {"namespace/name": {"claim", "tolerates"}}, "installation": null or {"claim"},
    "pools": [{"name", "claim", "cidr", ...}], "version", "addresses": {address: node}}
    """
    installation = found["installation"] or None
    return {
        "daemonSets": {
            f"{one['metadata']['namespace']}/{one['metadata']['name']}": {
                "claim": _claim(one),
                "tolerates": tolerates(one),
            }
            for one in daemon_sets
            if is_calico(one)
        },
        "installation": {"claim": _claim(installation)} if installation else None,
        "pools": [_pool(one) for one in items(found["pools"])],
        "version": ((found["information"] or {}).get("spec") or {}).get("calicoVersion") or None,
        "addresses": {
            address["address"]: str(node["metadata"]["name"])
            for node in node_list
            for address in (node.get("status") or {}).get("addresses") or ()
            if address.get("type") in ("InternalIP", "ExternalIP")
        },
    }


def is_calico(daemon_set: Mapping[str, Any]) -> bool:
    """Whether it runs calico-node."""
    template = (daemon_set.get("spec") or {}).get("template") or {}
    return ((template.get("metadata") or {}).get("labels") or {}).get("k8s-app") == "calico-node"


def tolerates(daemon_set: Mapping[str, Any]) -> bool:
    """Whether its pods come to a node that is not in service yet, which waits for them."""
    pod = ((daemon_set.get("spec") or {}).get("template") or {}).get("spec") or {}
    return any(
        one.get("effect") in (None, "", _TAINT["effect"])
        and one.get("key") in (None, "", _TAINT["key"])
        and (one.get("operator") == "Exists" or one.get("key") == _TAINT["key"])
        for one in pod.get("tolerations") or ()
    )


def _claim(one: Mapping[str, Any]) -> str | None:
    return ((one.get("metadata") or {}).get("annotations") or {}).get(nodes.CLAIM)


def _pool(one: Json) -> dict[str, Any]:
    spec = one.get("spec") or {}
    return {
        "name": one["metadata"]["name"],
        "claim": _claim(one),
        "cidr": spec.get("cidr"),
        "blockSize": spec.get("blockSize"),
        "ipipMode": spec.get("ipipMode") or "Never",
        "vxlanMode": spec.get("vxlanMode") or "Never",
        "natOutgoing": bool(spec.get("natOutgoing")),
        "disabled": bool(spec.get("disabled")),
    }
