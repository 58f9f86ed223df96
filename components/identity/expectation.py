"""What one node may ask for in a certificate signing request: the signers, and who it is.

Owns the words of Kubernetes for that and what is known of one node. Pure. Does not own any check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CLIENT_SIGNER: Final = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER: Final = "kubernetes.io/kubelet-serving"
NODES_GROUP: Final = "system:nodes"
NODE_PREFIX: Final = "system:node:"
BOOTSTRAPPERS_GROUP: Final = "system:bootstrappers"


@dataclass(frozen=True)
class Expectation:
    """What one node may ask for."""

    node: str
    node_ips: tuple[str, ...]
    dns_names: tuple[str, ...] = ()
    """Further names that the serving certificate may hold; the node's own name is always among them."""
    bootstrap_user: str = ""
    """Exact user name of the node's bootstrap identity; empty when it has none."""
    bootstrap_groups: tuple[str, ...] = ()
    """Groups that a request of the bootstrap user must show."""
    bootstrap_user_is_shared: bool = False
    """Whether other nodes bootstrap as the same user: its requests for other nodes are theirs."""

    @property
    def node_user(self) -> str:
        return f"{NODE_PREFIX}{self.node}"


def bootstrap_user(token_id: str) -> str:
    """The user name that the API server gives to a bootstrap token."""
    return f"system:bootstrap:{token_id}"
