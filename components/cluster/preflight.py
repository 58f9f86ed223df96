"""What the cluster lacks for nodes to join: what will not work, and the flag to set. Pure.

Owns the words. Does not own the reading (`components/local/preflight.py`). All of it is a warning: a cluster may have
ways of its own, and a run that removes a node must not be refused for what only a join needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.settings import NodeSettings
from components.settings.authority import is_among


@dataclass(frozen=True)
class Need:
    """One thing that joining needs: what is missing without it, what fails then, and the flag to set."""

    name: str
    missing: str
    fails: str
    flag: str


_CONTROLLER_FLAGS = "--cluster-signing-cert-file and --cluster-signing-key-file on the controller manager"
NODE_AUTHORIZER = Need(
    "nodeAuthorizer",
    "the Node authorizer",
    "no kubelet can register",
    "--authorization-mode=Node,RBAC on the API server",
)
NODE_RESTRICTION = Need(
    "nodeRestriction",
    "the admission plugin NodeRestriction",
    "everything joins, but a node may change other nodes' objects",
    "--enable-admission-plugins=NodeRestriction on the API server",
)
BOOTSTRAP_TOKENS = Need(
    "bootstrapTokens",
    "bootstrap token authentication",
    "no kubelet can ask for its first certificate",
    "--enable-bootstrap-token-auth=true on the API server",
)
CLIENT_AUTHORITY = Need(
    "clientAuthority",
    "a certificate authority for clients",
    "the API server takes no certificate of a kubelet",
    "--client-ca-file on the API server",
)
CLIENT_SIGNER = Need(
    "clientSigner",
    "a signer of client certificates",
    "no kubelet and no kube-proxy gets its certificate",
    _CONTROLLER_FLAGS,
)
SERVING_SIGNER = Need(
    "servingSigner",
    "a signer of kubelets' serving certificates",
    "kubectl logs and exec do not work",
    _CONTROLLER_FLAGS,
)
KUBELET_CLIENT = Need(
    "kubeletClient",
    "a client certificate of the API server that kubelets take",
    "kubectl logs and exec end with 'You must be logged in to the server'",
    "--kubelet-client-certificate and --kubelet-client-key on the API server",
)


def needs(nodes: Iterable[NodeSettings], *, by_the_cluster: bool) -> list[Need]:
    """What these nodes need of the cluster. `by_the_cluster`: its signers sign what the stack asks for."""
    joining = list(nodes)
    bootstraps = any(not node.client_is_issued for node in joining)
    found = [NODE_AUTHORIZER, NODE_RESTRICTION, CLIENT_AUTHORITY]
    if bootstraps:
        found.append(BOOTSTRAP_TOKENS)
    if bootstraps or by_the_cluster:
        found.append(CLIENT_SIGNER)
    if by_the_cluster or any(not node.serving_is_issued for node in joining):
        found.append(SERVING_SIGNER)
    return [*found, KUBELET_CLIENT]


def missing(answer: Mapping[str, bool | None], wanted: Iterable[Need]) -> list[str]:
    """A line for each need that the cluster does not meet."""
    return [
        f"preflight of the cluster: {need.missing} is missing: {need.fails}. Set {need.flag}."
        for need in wanted
        if answer.get(need.name) is False
    ]


def untold(answer: Mapping[str, bool | None], wanted: Iterable[Need]) -> list[str]:
    """One line for everything that nobody can tell from outside."""
    unknown = [need for need in wanted if answer.get(need.name) is None]
    if not unknown:
        return []
    each = "; ".join(f"{need.missing} (if {need.fails}, set {need.flag})" for need in unknown)
    return [f"preflight of the cluster: could not be told from outside: {each}."]


def authority_mismatch(kubeconfig_pem: str, trusted_pem: str | None) -> list[str]:
    """Whether the authority that nodes trust is one that the API server trusts for clients."""
    if trusted_pem is None or is_among(kubeconfig_pem, trusted_pem) is not False:
        return []
    return [
        "preflight of the cluster: the certificate authority of the kubeconfig is not the one that the API server "
        "trusts for clients (--client-ca-file). Kubelets trust the former alone: if the API server's "
        "--kubelet-client-certificate is signed by the latter, kubectl logs and exec do not work."
    ]
