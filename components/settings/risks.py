"""What a valid configuration gives away: said once in each run, so that nobody chooses it unseen. Pure."""

from __future__ import annotations

from components.settings.sections import IdentitySection


def risks(identity: IdentitySection) -> list[str]:
    """One text for each choice that makes a stolen secret worth more than it has to be."""
    found = []
    if identity.client == "static":
        guard = (
            "and with approval rbac nobody looks at what it asks for"
            if identity.approval == "rbac"
            else "and only the approval stands in between, which cannot tell who sent a request that is in order"
        )
        found.append(
            f"identity.client is static: who has its token may ask for a certificate of any node, as long as the API "
            f"server knows the token, {guard}. With bootstrap each node has a token of its own, for an hour at most."
        )
    if identity.kube_proxy == "serviceAccount":
        found.append(
            "identity.kubeProxy is serviceAccount: its token is the same on every node and has no end. When a host is "
            "lost, make another one (docs/operations.md, kube-proxy by ServiceAccount)."
        )
    return found
