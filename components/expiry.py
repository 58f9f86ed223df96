"""Certificates that end soon: which, when, and what renews them. Pure.

Owns the words. Does not own reading the ends (`components/stack.py`), nor renewing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Ending:
    """A certificate, when it ends (RFC 3339, None where nobody knows), and what renews it."""

    where: str
    certificate: str
    end: str | None
    renewal: str


def cluster_authority(end: str | None) -> Ending:
    """The authority in the kubeconfig, which every node trusts."""
    return Ending(
        "cluster",
        "the certificate authority of the kubeconfig",
        end,
        "The cluster renews its own; then give the stack the new one, and pulumi up brings it to the nodes",
    )


def given(where: str, certificate: str, end: str | None, stack: str) -> Ending:
    """One that the stack asks for. Its clock renews it in time, unless it ends before the clock does."""
    return Ending(
        where,
        certificate,
        end,
        f"Renew it: pulumi up --stack {stack}. If that changes nothing, the cluster signs for a shorter time than "
        f"identity.certificateValidityHours (--cluster-signing-duration of the controller manager): set it to that",
    )


def client(node: str, end: str | None) -> Ending:
    """The one that a kubelet renews by itself."""
    return Ending(
        f"nodes.{node}",
        "the kubelet's client certificate",
        end,
        "Its kubelet should have renewed it by itself: kubectl get csr; on the host: journalctl -u kubelet",
    )


def serving(node: str, end: str | None, stack: str) -> Ending:
    """The one that a kubelet asks for by itself, and that only a run of the stack approves."""
    return Ending(
        f"nodes.{node}",
        "the kubelet's serving certificate",
        end,
        f"Renew it: STACK={stack} ci/renew, which approves what the kubelet has asked for",
    )


def is_soon(end: str | None, now: datetime, hours: int) -> bool:
    """Whether a certificate ends within so many hours, or has ended."""
    return end is not None and datetime.fromisoformat(end) <= now + timedelta(hours=hours)


def warning(ending: Ending, now: datetime) -> str:
    """One line for a certificate whose end is known."""
    moment = datetime.fromisoformat(ending.end or "")
    left = int((moment - now).total_seconds() // 3600)
    when = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
    word = f"ended on {when}" if left < 0 else f"ends on {when}, in {left // 24} days and {left % 24} hours"
    return f"{ending.where}: {ending.certificate} {word}. {ending.renewal}."
