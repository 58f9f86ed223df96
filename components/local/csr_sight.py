"""One look at a node that is to join: its requests, its Node and Lease, and how far the API server gets to its kubelet.

Owns looking, and what a look means: joined, alive, done, given up. Does not own what is done about it
(`csr_approval.py`) nor what is said of it (`csr_report.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

from components.identity.csr import Judgement, Standing, judge
from components.identity.expectation import NODE_PREFIX, Expectation
from components.local import nodes
from components.local.kubectl import PATHS, Json, KubectlError, items
from components.local.session import Session

_PROBE_SECONDS: Final = 5


class Reach(Enum):
    """How far the API server gets towards the kubelet."""

    REACHED = "the kubelet answers with verified TLS"
    REFUSED = "the kubelet answers with verified TLS, but refuses the API server's client certificate"
    NO_CERTIFICATE = "the kubelet has no serving certificate yet"
    UNTRUSTED = "the kubelet's serving certificate is not accepted by the API server"
    SILENT = "the kubelet does not answer"
    OUTDATED = "the kubelet still runs with its configuration from before"
    FORBIDDEN = "this kubeconfig may not use nodes/proxy"


@dataclass(frozen=True)
class Sight:
    """What one look at the cluster showed."""

    requests: list[tuple[Json, Judgement]]
    node: Json | None
    lease: Json | None
    reach: Reach
    probe: str
    foreign: list[tuple[Json, Judgement]] = field(default_factory=list)
    """Pending requests of others for this node."""

    @property
    def expected(self) -> list[Json]:
        """The requests that are in order, and that nobody has decided on."""
        return [request for request, found in self.requests if found.standing is Standing.EXPECTED]

    @property
    def waited_for(self) -> list[Json]:
        """Those of them that the kubelet still waits for.

        One that is started anew asks anew, and has given up what it asked for before: what is older than a decided
        request of its kind, and a bootstrap's request once the kubelet has its certificate.
        """
        decided = [request for request, found in self.requests if found.standing is Standing.SETTLED]
        has_certificate = self.joined and self.answers

        def is_abandoned(one: Json) -> bool:
            spec = one.get("spec") or {}
            if has_certificate and not str(spec.get("username")).startswith(NODE_PREFIX):
                return True
            return any(
                (later.get("spec") or {}).get("signerName") == spec.get("signerName")
                and _made(later) > _made(one)
                for later in decided
            )

        return [one for one in self.expected if not is_abandoned(one)]

    @property
    def answers(self) -> bool:
        """Whether the kubelet serves with a certificate that the API server accepts."""
        return self.reach in (Reach.REACHED, Reach.REFUSED)

    @property
    def joined(self) -> bool:
        return (
            self.node is not None and bool(nodes.view(self.node).kubelet_version) and self.lease is not None
        )


def _made(request: Json) -> str:
    return str(request["metadata"].get("creationTimestamp") or "")


def classify(error: str) -> Reach:
    """Reads what kubectl said when it asked the kubelet for /healthz through the API server."""
    if 'cannot get resource "nodes/proxy"' in error or 'cannot get resource "nodes/healthz"' in error:
        return Reach.FORBIDDEN
    if "Forbidden (user=" in error or "(Unauthorized)" in error:
        return Reach.REFUSED
    if "remote error: tls: internal error" in error:
        return Reach.NO_CERTIFICATE
    if "x509: " in error or "tls: " in error:
        return Reach.UNTRUSTED
    return Reach.SILENT


def is_alive(sight: Sight, first_renewal: datetime | None) -> bool:
    """Whether the kubelet has spoken to the API server of late: what a Node says of one that fell silent is old."""
    if sight.node is not None and nodes.view(sight.node).is_ready:
        return True
    return nodes.renewed(sight.lease) not in (None, first_renewal)


def is_done(sight: Sight, *, serving: bool, by_hand: bool = False) -> bool:
    """Whether nothing is left to do. `by_hand`: a human approves, who is not asked for what nobody waits for."""
    open_ones = sight.waited_for if by_hand else sight.expected
    return not open_ones and sight.joined and (not serving or sight.answers)


def is_given_up(sight: Sight) -> bool:
    """Whether there was a kubelet that is gone: it asks for nothing, and the control plane does not count on it."""
    return (
        sight.joined
        and not sight.expected
        and sight.node is not None
        and nodes.is_unreachable(sight.node)
        and sight.reach is Reach.SILENT
    )


def look(session: Session, expected: Expectation, *, serving: bool, asks: bool) -> Sight:
    """`serving`: whether the kubelet is asked too; `asks`: whether it is to ask for its serving certificate."""

    def probe() -> tuple[Reach, str]:
        if not serving:
            return Reach.SILENT, ""
        try:
            session.kubectl.read(PATHS.kubelet_health(expected.node), timeout_seconds=_PROBE_SECONDS)
        except KubectlError as error:
            return classify(error.stderr), error.stderr[-400:]
        found = running_configuration(session, expected.node)
        # One that was told otherwise since has not restarted yet, and will then show another certificate.
        if found is not None and bool(found.get("serverTLSBootstrap")) is not asks:
            return Reach.OUTDATED, f"serverTLSBootstrap is {json.dumps(not asks)}"
        return Reach.REACHED, ""

    requests, node, lease, (reach, text) = session.kubectl.together(
        lambda: items(session.kubectl.get(PATHS.requests)),
        lambda: session.kubectl.find(f"{PATHS.nodes}/{expected.node}"),
        lambda: session.kubectl.find(f"{PATHS.leases}/{expected.node}"),
        probe,
    )
    judged = [(request, judge(request, expected)) for request in requests]
    ours = [
        (request, judgement) for request, judgement in judged if judgement.standing is not Standing.FOREIGN
    ]
    foreign = [one for one in judged if one[1].standing is Standing.FOREIGN and one[1].reasons]
    return Sight(ours, node, lease, reach, text, foreign)


def running_configuration(session: Session, node: str) -> Json | None:
    """The KubeletConfiguration that the kubelet runs with; None if it cannot be asked."""
    try:
        text = session.kubectl.read(f"{PATHS.nodes}/{node}/proxy/configz", timeout_seconds=_PROBE_SECONDS)
        found = json.loads(text)["kubeletconfig"]
    except (KubectlError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None
