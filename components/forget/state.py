"""One node in an exported state: what it has there, and the state without it. Pure.

The parts of a node are the children of its component. Others may wait for them, such as the next batch of a rollout or
the proof: those stay, and only stop waiting. `pulumi state remove --target-dependents` would take them along.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from components.local.arguments import loaded

Json = dict[str, Any]

_NODE: Final = "kubenode:index:Node"
_REMOTE: Final = "command:remote:Command"
_LOCAL: Final = "command:local:Command"
_TOKEN: Final = "-bootstrap-token"  # noqa: S105 - the end of a name
_IN_SERVICE: Final = "-in-service"


class StateError(LookupError):
    """The state has no such node."""


@dataclass(frozen=True)
class Door:
    """Where the host was reached. `bastion`: not from here."""

    address: str
    port: int
    bastion: bool


@dataclass(frozen=True)
class Lost:
    """What a state, exported with its secrets, knows of one node."""

    urns: frozenset[str]
    door: Door
    claim: str
    """The stack as hosts and Nodes know it."""
    operator: Mapping[str, Any] | None
    """How the API is asked, as a local program's arguments. None: nothing was ever made in the cluster."""
    token_ids: tuple[str, ...]
    parts: tuple[str, ...]
    """The parts that were applied to the host, in their order."""
    certificate_ends: str
    """When the kubelet's client certificate ends, as far as the state knows."""


def find(exported: Mapping[str, Any], node: str) -> Lost:
    """Reads an export with `--show-secrets`. Raises StateError."""
    resources = _resources(exported)
    tops = {_name(one["urn"]): one["urn"] for one in resources if one["type"] == _NODE}
    if node not in tops:
        known = ", ".join(sorted(tops)) or "none"
        raise StateError(f"there is no node {node} in the state. Its nodes are: {known}. Nothing was changed")
    urns = _family(resources, tops[node])
    own = [one for one in resources if one["urn"] in urns]
    remote = [one for one in own if one["type"] == _REMOTE]
    if not remote:
        raise StateError(f"the state has the node {node}, but no command of it. Run 'pulumi up' without it")
    bundles = [str(_plain(one["inputs"].get("stdin")) or "") for one in remote]
    connection = _plain(remote[-1]["inputs"]["connection"])
    calls = [_call(one) for one in [*own, *resources] if one["type"] == _LOCAL]
    asks = next((call for call in calls if call), None)
    return Lost(
        urns=frozenset(urns),
        door=Door(
            str(_plain(connection["host"])),
            int(_plain(connection.get("port")) or 22),
            connection.get("proxy") is not None,
        ),
        claim=_header(bundles[0], "claim"),
        operator={key: asks[key] for key in ("kubeconfig", "kubeconfigFile", "context") if key in asks}
        if asks
        else None,
        token_ids=tuple(str(_call(one)["tokenId"]) for one in own if _name(one["urn"]).endswith(_TOKEN)),
        # What only gives the host back did nothing to it.
        parts=tuple(
            _header(bundle, "part")
            for one, bundle in zip(remote, bundles, strict=True)
            if not _name(one["urn"]).endswith("-release")
        ),
        certificate_ends=next((_ends(one) for one in own if _name(one["urn"]).endswith(_IN_SERVICE)), ""),
    )


def without(exported: Mapping[str, Any], urns: frozenset[str]) -> Json:
    """The same state without these resources, and without anything that waits for them."""
    deployment = dict(exported["deployment"])
    deployment["resources"] = [
        _let_go(one, urns) for one in deployment.get("resources") or [] if one["urn"] not in urns
    ]
    if deployment.get("pending_operations"):
        # What a killed run was just making stands nowhere else.
        deployment["pending_operations"] = [
            one
            for one in deployment["pending_operations"]
            if not {one["resource"]["urn"], one["resource"].get("parent")} & urns
        ]
    return {**exported, "deployment": deployment}


def _let_go(resource: Mapping[str, Any], urns: frozenset[str]) -> Json:
    kept = dict(resource)
    for key in ("dependencies", "replaceWith"):
        if key in kept:
            kept[key] = [urn for urn in kept[key] if urn not in urns]
    if kept.get("propertyDependencies"):
        kept["propertyDependencies"] = {
            name: [urn for urn in waits or [] if urn not in urns]
            for name, waits in kept["propertyDependencies"].items()
        }
    if kept.get("deletedWith") in urns:
        del kept["deletedWith"]
    return kept


def _family(resources: list[Json], top: str) -> set[str]:
    """A component with its children and theirs; a parent stands before its children."""
    found = {top}
    for one in resources:
        if one.get("parent") in found:
            found.add(one["urn"])
    return found


def _resources(exported: Mapping[str, Any]) -> list[Json]:
    return list((exported.get("deployment") or {}).get("resources") or [])


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _call(resource: Mapping[str, Any]) -> Json:
    """The arguments of a local program."""
    try:
        found = loaded(str(_plain(resource["inputs"].get("stdin")) or "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _ends(resource: Mapping[str, Any]) -> str:
    try:
        report = json.loads(str(_plain((resource.get("outputs") or {}).get("stdout")) or "{}"))
    except ValueError:
        return ""
    return str(report.get("clientCertificateExpires") or "") if isinstance(report, dict) else ""


def _header(bundle: str, key: str) -> str:
    return next(_values(bundle, key), "")


def _values(bundle: str, key: str) -> Iterator[str]:
    start = f"{key} | "
    return (line.removeprefix(start) for line in bundle.splitlines() if line.startswith(start))


def _plain(value: Any) -> Any:
    """A property of an export with its secrets shown: what stands in the envelope of a secret."""
    if isinstance(value, dict) and "plaintext" in value:
        return json.loads(value["plaintext"])
    return value
