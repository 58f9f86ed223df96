"""Whether a node came to the same end on two ways: its stack's state, its host and its Node, as lines to compare.

Owns what is compared. What two lives may differ in is made anew each time (keys, tokens, certificates, ids, times), and
is found by comparing two that nobody disturbed. Does not own how a host is looked at (`snapshot.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.e2e import snapshot
from tests.e2e.lab import Lab
from tests.e2e.stack import Json

Ends = dict[str, frozenset[str]]
Anew = frozenset[str]

_SECRET: Final = "4dabf18193072939515e22adb298388d"
# When and from where a resource was made.
_BOOKKEEPING: Final = frozenset({"created", "modified", "sourcePosition", "stackTrace"})
# What the API server writes into an object.
_SERVER: Final = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"}
)
# A time, an address, or a word of at least six characters with a digit in it: an id, a digest, a piece of a key.
_NUMBER: Final = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d{1,3}(?:\.\d{1,3}){3}|(?=[A-Za-z+/=_-]*\d)[\w+/=-]{6,}"
)
# A token's id is six letters or digits, which may be letters alone.
_TOKEN_ID: Final = re.compile(r'("tokenId": )"[a-z0-9]{6}"')
_SECTIONS: Final = ("files", "packages", "unit files", "active units")
# What belongs to pods and images, and what Docker, kubelet and the system write while they run.
_RUNNING: Final = re.compile(
    r"/var/lib/(docker|containerd|kubelet/(pods|pki|plugins|plugins_registry|device-plugins|pod-resources"
    r"|cpu_manager_state|memory_manager_state|checkpoints|allocated_pods_state|actuated_pods_state"
    r"|dra_manager_state))\b"
    r"|/var/(log|cache|backups|tmp)/|/var/lib/(dpkg/.*-old|systemd/|dbus/|cni/|calico/|cri-dockerd/|apt/)"
    r"|/root/\."
    # Rules of parts that work beside the one that noted what it found. Whether it was kept well is what the comparison
    # after a destroy tells. (The kernel's settings, which it notes too, are shared by all sandboxes of a machine: a
    # second one at the same time makes a difference here.)
    r"|/var/lib/kubenode/parts/[a-z-]+/nft "
)


def ends(lab: Lab, node: str) -> Ends:
    """Everything that an `up` comes to, of one node."""
    found = lab.host(node).snapshot()
    return {
        "state": frozenset(of_state(json.loads(lab.stack.export()))),
        "node": frozenset(of_node(lab.cluster.nodes()[node])),
        **{f"host, {section}": frozenset(of_host(section, found)) for section in _SECTIONS},
    }


def made_anew(one: Ends, other: Ends) -> Anew:
    """What differs between two lives that nobody disturbed, by what is left of a line without numbers and digests."""
    return frozenset(_kind(line) for line in differences(one, other))


def differences(one: Ends, other: Ends, but: Anew = frozenset()) -> list[str]:
    """What only one of two has, and what is not made anew each time."""
    found = []
    for part in one:
        found += [f"{part}: - {line}" for line in sorted(one[part] - other[part])]
        found += [f"{part}: + {line}" for line in sorted(other[part] - one[part])]
    return [line for line in found if _kind(line) not in but]


def _kind(line: str) -> str:
    plain = line.replace(": - ", ": ", 1).replace(": + ", ": ", 1)
    return _NUMBER.sub("#", _TOKEN_ID.sub(r'\1"#"', plain))


def of_state(exported: Mapping[str, Any]) -> Iterator[str]:
    """A line for each property of each resource."""
    for resource in exported["deployment"].get("resources") or []:
        urn = resource["urn"].split("::", 2)[-1]
        kept = {key: value for key, value in resource.items() if key not in _BOOKKEEPING}
        if not resource["type"].startswith("kubernetes:"):
            # A command's or a key's own.
            kept.pop("id", None)
        # What a plugin answers: copies of the inputs, and what its own objects are compared by.
        for key in ("outputs", "dependencies", "propertyDependencies"):
            kept.pop(key, None)
        kept["waits for"] = sorted(resource.get("dependencies") or [])
        yield from (f"{urn} {line}" for line in _lines(kept))


def of_node(node: Json) -> Iterator[str]:
    """What the cluster knows of it: labels, annotations, taints, what its kubelet reports of itself."""
    status = node["status"]
    yield from _lines(
        {
            "labels": node["metadata"].get("labels"),
            "annotations": node["metadata"].get("annotations"),
            "spec": node["spec"],
            "info": {
                key: value
                for key, value in status["nodeInfo"].items()
                if key not in ("bootID", "systemUUID", "machineID")
            },
            "pods": status["capacity"]["pods"],
            "addresses": status["addresses"],
            "ready": [one["status"] for one in status["conditions"] if one["type"] == "Ready"],
        }
    )


def of_host(section: str, found: snapshot.Snapshot) -> Iterator[str]:
    """A section of a host with a node on it."""
    for line in found[section]:
        if section == "files" and _RUNNING.search(line):
            continue
        yield line


def _lines(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        if _SECRET in value:
            yield f"{path} [secret]"
            return
        for key, inner in value.items():
            if key not in _SERVER:
                yield from _lines(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _lines(inner, f"{path}[{number}]")
    else:
        # Line by line, as a bundle shows them.
        yield from (f"{path} {line}" for line in str(value).splitlines() or [""])
