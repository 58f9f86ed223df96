"""What a valid configuration gives away: said once in each run, so that nobody chooses it unseen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from components.settings.identity_sections import IdentitySection
from components.settings.resolved import NodeSettings


def risks(identity: IdentitySection, nodes: Iterable[NodeSettings] = ()) -> list[str]:
    """One text for each choice that makes a stolen secret worth more than it has to be, or a way in wider."""
    return [*_of_identity(identity), *_of_nodes(list(nodes))]


def _of_identity(identity: IdentitySection) -> list[str]:
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
    elif identity.client == "bootstrap" and identity.approval == "rbac":
        found.append(
            "identity.approval is rbac: the cluster approves what anybody asks for who has a token of this stack that "
            "still lives, also another node's name. With exact the stack approves what it expects, and nothing else."
        )
    if identity.approval == "manual":
        found.append(
            "identity.approval is manual: who approves a request makes its sender the node that it names, and kubectl "
            "get csr does not show what a request asks for. With exact the stack approves what it expects, and "
            "nothing else."
        )
    if identity.issuer == "ca":
        found.append(
            "identity.issuer is ca: its key makes a certificate of any node, and of an administrator, for nobody to "
            "approve, and the state holds it, encrypted. With cluster no key of an authority leaves the cluster."
        )
    if identity.kube_proxy == "serviceAccount":
        found.append(
            "identity.kubeProxy is serviceAccount: its token is the same on every node and has no end. When a host is "
            "lost, make another one (docs/operations.md, kube-proxy by ServiceAccount)."
        )
    return found


def _of_nodes(nodes: list[NodeSettings]) -> list[str]:
    choices: dict[str, Callable[[NodeSettings], bool]] = {
        "kubelet.extraConfig.authorization.mode is AlwaysAllow on {}: whoever has any certificate of the cluster's CA, "
        "each node's own included, may run commands in every pod there. With Webhook RBAC decides.": _lets_all,
        "kubeProxy.configuredBy is flags on {}: without a file kube-proxy answers health checks at every address of "
        "the host, and what has no flag cannot be set. With file it answers on loopback.": _has_flags,
    }
    return [
        text.format("every node" if len(those) == len(nodes) else ", ".join(those))
        for text, test in choices.items()
        if (those := [node.name for node in nodes if test(node)])
    ]


def _lets_all(node: NodeSettings) -> bool:
    authorization = node.kubelet.extra_config.get("authorization")
    mode = authorization.get("mode") if isinstance(authorization, dict) else None
    return node.kubelet.extra_flags.get("authorization-mode", mode) == "AlwaysAllow"


def _has_flags(node: NodeSettings) -> bool:
    return node.runs_kube_proxy and not node.kube_proxy_has_a_file
