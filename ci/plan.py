"""Reads what pulumi says it would do. Pure: text in, facts out.

Owns the few facts that the workflows decide by: which resources a preview changes, which nodes it drains, whether a
certificate is due. Does not own how pulumi is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_RESOURCE: Final = re.compile(r"^ *(?P<sign>[-+~]{0,2}) *(?P<type>[\w.:/-]+): \((?P<op>[\w-]+)\)$")
_URN: Final = re.compile(r"^ +\[urn=(?P<urn>urn:pulumi:.+)\]$")
_DIGEST: Final = re.compile(r'^ *~ +digest *: "[^"]*" => "[^"]*"')
_UNCHANGED: Final = ("same", "read", "refresh")

_CERTIFICATE: Final = re.compile(
    r"^(cluster-kube-proxy|(?P<node>.+)-kubelet-(client|server))(?P<clock>-clock)?$"
)
"""Their replacement means that a certificate is due: the certificate's with issuer ca, else the clock's."""
_REPLACED: Final = ("replace", "create-replacement", "delete-replaced")

_RENEWED: Final = re.compile(
    r"^(cluster-kube-proxy(-clock)?|verification-pods"
    r"|.+-(credentials|kube-proxy|in-service|verify))$"
)
"""What a renewal of kube-proxy's certificate changes, and what follows it and so counts as unknown."""


@dataclass(frozen=True)
class Change:
    """One resource that a run would change. `op` is pulumi's word: create, update, replace, delete."""

    op: str
    name: str


@dataclass(frozen=True)
class Plan:
    """What a `pulumi preview --diff` shows. `drained` are nodes."""

    changes: tuple[Change, ...]
    drained: tuple[str, ...]

    def count(self, op: str) -> int:
        return sum(change.op == op for change in self.changes)


class NotDueError(Exception):
    """A renewal is due, but the run would deploy something else with it."""


def plan_of(text: str) -> Plan:
    """The changes in the output of `pulumi preview --diff`, in its order."""
    changes: list[Change] = []
    drained: list[str] = []
    op = ""
    for line in text.splitlines():
        if found := _RESOURCE.match(line):
            op = found["op"]
        elif op and (found := _URN.match(line)):
            name = found["urn"].rpartition("::")[2]
            if op not in _UNCHANGED:
                changes.append(Change(op, name))
        elif _DIGEST.match(line) and changes and changes[-1].name.endswith("-out-of-service"):
            # Only a changed digest drains; see "Reading a preview" in docs/operations.md.
            drained.append(changes[-1].name.removesuffix("-out-of-service"))
    return Plan(tuple(changes), tuple(sorted(set(drained) | _deleted_nodes(changes))))


def _deleted_nodes(changes: Sequence[Change]) -> set[str]:
    """A node that leaves is drained by the removal of its in-service."""
    suffix = "-in-service"
    return {
        one.name.removesuffix(suffix) for one in changes if one.op == "delete" and one.name.endswith(suffix)
    }


def approvals(state: Mapping[str, Any]) -> list[str]:
    """The URNs of every node's csr-approval in a `pulumi stack export`."""
    resources = (state.get("deployment") or {}).get("resources") or []
    return sorted(
        one["urn"]
        for one in resources
        if one["type"] == "command:local:Command"
        and one["urn"].endswith("-csr-approval")
        and not one.get("delete")
    )


def as_deployed(urns: Sequence[str], preview: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Those that a run with what is configured now would do as it was deployed, and the names of the others.

    A run of a command anew takes what is configured. If the provider is another one, so is everything. What a renewal
    brings about is as deployed.
    """
    try:
        if renewal_is_due(preview):
            return list(urns), []
    except NotDueError:
        pass
    changed = {step["urn"] for step in preview.get("steps") or [] if step["op"] not in _UNCHANGED}
    is_elsewhere = any("::pulumi:providers:kubernetes::" in urn for urn in changed)
    kept = [urn for urn in urns if urn not in changed and not is_elsewhere]
    return kept, [urn.rpartition("::")[2] for urn in urns if urn not in kept]


def renewal_is_due(preview: Mapping[str, Any]) -> bool:
    """Whether a `pulumi preview --json` replaces the clock of a certificate, or the certificate itself.

    Raises NotDueError if it also changes what no renewal touches: that is a change nobody has deployed yet, and a
    renewal at night is no way to do it.
    """
    changed = [
        Change(step["op"], step["urn"].rpartition("::")[2])
        for step in preview.get("steps") or []
        if step["op"] not in _UNCHANGED
    ]
    due = [
        found
        for one in changed
        if (found := _CERTIFICATE.match(one.name)) and (found["clock"] or one.op in _REPLACED)
    ]
    if not due:
        return False
    # A kubelet restarts with a certificate that it is given.
    allowed = {found.string for found in due} | {
        f"{found['node']}-{name}"
        for found in due
        for name in ("kubelet", "csr-approval", f"kubelet-{found[3]}")
        if found["node"]
    }
    if others := sorted(
        {one.name for one in changed if one.name not in allowed and not _RENEWED.match(one.name)}
    ):
        raise NotDueError(
            "a certificate is due, but pulumi up would also change "
            f"{', '.join(others)}. Deploy the configuration first: pulumi up"
        )
    return True
