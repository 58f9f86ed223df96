"""The certificates that a node is given, as far as it does not ask for them.

Owns who a kubelet is in them: CN system:node:NAME in system:nodes, and as a server its name and addresses.
Does not own how they are made (`components/pki/issued.py`) nor where they lie (`kubeconfigs.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.identity.expectation import NODES_GROUP
from components.identity.kubeconfigs import Identities, KeyPair
from components.pki.issued import (
    KUBELET_CLIENT,
    KUBELET_SERVING,
    IssuedCertificate,
    IssuedCertificateArgs,
    Issuing,
)
from components.pki.token import BootstrapToken
from components.rendering import digest
from components.settings import NodeSettings
from components.settings.forms import is_ip, pair
from components.settings.identity_sections import StaticTokenSection


@dataclass(frozen=True)
class Issued:
    """What one node is given. None: it asks for it, or needs none."""

    proxy: IssuedCertificate | pulumi.Output[str] | None = None
    """kube-proxy's: a certificate, or the token of a ServiceAccount."""
    client: IssuedCertificate | None = None
    serving: IssuedCertificate | None = None


def issued(
    settings: NodeSettings,
    issuing: Issuing,
    proxy: IssuedCertificate | pulumi.Output[str] | None,
    after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> Issued:
    """The node's own certificates, made, and signed `after` these; and kube-proxy's proof, which the stack has once."""
    user, groups = f"system:node:{settings.name}", (NODES_GROUP,)
    client = serving = None
    if settings.client_is_issued:
        client = IssuedCertificate(
            f"{settings.name}-kubelet-client",
            IssuedCertificateArgs(user, groups, issuing, KUBELET_CLIENT, after=after),
            opts,
        )
    if settings.serving_is_issued:
        dns_names, ips = server_names(settings)
        serving = IssuedCertificate(
            f"{settings.name}-kubelet-server",
            IssuedCertificateArgs(
                user, groups, issuing, KUBELET_SERVING, dns_names=dns_names, ips=ips, after=after
            ),
            opts,
        )
    return Issued(proxy, client, serving)


def server_names(settings: NodeSettings) -> tuple[list[str], list[str]]:
    """DNS names and addresses of the node's serving certificate: its name and its nodeIp, as the kubelet asks for."""
    ips = {str(ipaddress.ip_address(one)) for one in pair(settings.node_ip)}
    if is_ip(settings.name):
        return [], sorted({*ips, settings.name})
    return [settings.name], sorted(ips)


def public(made: Issued) -> pulumi.Output[Identities]:
    """The kubelet's, without token and keys, for what is to be shown in a preview."""
    known = {f"{name} certificate": one.certificate for name, one in _certificates(made).items()}
    return pulumi.Output.all(**known).apply(_identities)


def proxy_mark(made: Issued) -> pulumi.Output[dict[str, str]]:
    """What changes whenever kube-proxy's proof does, and may be shown: a digest tells nothing of a signed token."""
    if isinstance(made.proxy, IssuedCertificate):
        return made.proxy.certificate.apply(lambda pem: {"certificate": digest(pem)})
    token = made.proxy if made.proxy is not None else pulumi.Output.from_input("")
    return pulumi.Output.unsecret(token.apply(lambda text: {"token": digest(text)}))


def secret(
    made: Issued, token: BootstrapToken | None, static: StaticTokenSection | None
) -> pulumi.Output[Identities]:
    """All of it. One of these is secret, so everything made of them is."""
    known: dict[str, pulumi.Input[str]] = {}
    if token is not None:
        known |= {"id": token.token_id, "secret": token.token_secret}
    if static is not None:
        # Unknown is one whose file is not there, which only a preview may do without.
        known["static"] = pulumi.Output.secret(static.token.get_secret_value() if static.token else "")
    for name, one in _certificates(made).items():
        known |= {f"{name} certificate": one.certificate, f"{name} key": one.private_key}
    if isinstance(made.proxy, pulumi.Output):
        known["proxy token"] = made.proxy
    return pulumi.Output.all(**known).apply(_identities)


def _certificates(made: Issued) -> dict[str, IssuedCertificate]:
    pairs = {"proxy": made.proxy, "client": made.client, "serving": made.serving}
    return {name: one for name, one in pairs.items() if isinstance(one, IssuedCertificate)}


def _identities(known: dict[str, str]) -> Identities:
    def pair_of(name: str) -> KeyPair | None:
        certificate = known.get(f"{name} certificate")
        return None if certificate is None else KeyPair(certificate, known.get(f"{name} key", ""))

    token = f"{known['id']}.{known['secret']}" if "id" in known else known.get("static", "")
    return Identities(
        token, pair_of("proxy"), pair_of("client"), pair_of("serving"), known.get("proxy token", "")
    )
