"""Who a node is, and who approves that."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.settings.section import Section
from components.settings.types import (
    CaData,
    FilePath,
    Hours,
    KubernetesUser,
    SigningKey,
    StaticToken,
)


class AuthoritySection(Section):
    """The certificate authority that signs, for issuer ca. One of each pair: a file, or the contents."""

    certificate_file: FilePath | None = Field(
        None,
        description="its certificate, relative to the project directory",
        examples=["secrets/ca.pem"],
    )
    certificate: CaData | None = Field(None, description="its certificate, the contents")
    private_key_file: FilePath | None = Field(
        None,
        description="its private key, relative to the project directory",
        examples=["secrets/ca-key.pem"],
    )
    private_key: SigningKey | None = Field(None, description="its private key, the contents encrypted")


class StaticTokenSection(Section):
    """The user of the API server's token file, for client static. The token has no end."""

    user: KubernetesUser = Field(
        "kubelet-bootstrap", description="its name in that file", examples=["kubelet-bootstrap"]
    )
    token_file: FilePath | None = Field(
        None,
        description="a file with the token alone, relative to the project directory",
        examples=["secrets/bootstrap-token"],
    )
    token: StaticToken | None = Field(None, description="the token, encrypted")
    binding: bool = Field(
        default=False,
        description="bind the user to system:node-bootstrapper, if nobody has",
    )


class IdentitySection(Section):
    """How nodes get their certificates."""

    client: Literal["bootstrap", "static", "issued"] = Field(
        "bootstrap",
        description="the kubelet's client certificate; bootstrap: it makes a key and asks for it with a token of its "
        "own, valid for an hour; static: it asks with one that all nodes share and that has no end; issued: key and "
        "certificate are made beforehand",
    )
    static: StaticTokenSection | None = Field(
        None,
        description="the token of all nodes, for client static",
        examples=[{"tokenFile": "secrets/bootstrap-token"}],
    )
    serving: Literal["bootstrap", "issued"] = Field(
        "bootstrap",
        description="the kubelet's serving certificate; bootstrap: it makes a key and asks for it; issued: key and "
        "certificate are made beforehand",
    )
    approval: Literal["exact", "rbac", "manual"] = Field(
        "exact",
        description="who approves requests of kubelets; exact: the stack, the one expected request of each node; "
        "rbac: the cluster, every client request of the stack's tokens, or of the static user (serving ones still the "
        "stack); manual: you, and pulumi up stops until then",
    )
    kube_proxy: Literal["certificate", "serviceAccount"] = Field(
        "certificate",
        description="how kube-proxy proves who it is; serviceAccount: with a token that has no end",
    )
    kubelet_api_user: KubernetesUser | None = Field(
        None,
        description="user of the API server's --kubelet-client-certificate, which the stack is to bind to "
        "system:kubelet-api-admin; without it nobody is bound",
        examples=["kube-apiserver-kubelet-client"],
    )
    issuer: Literal["cluster", "ca"] = Field(
        "cluster",
        description="who signs what the stack asks for; cluster: the cluster's own signers; ca: a certificate "
        "authority whose key you give",
    )
    ca: AuthoritySection | None = Field(
        None,
        description="the certificate authority, for issuer ca",
        examples=[{"certificateFile": "secrets/ca.pem", "privateKeyFile": "secrets/ca-key.pem"}],
    )
    key_algorithm: Literal["ecdsa", "rsa"] = Field(
        "ecdsa", description="keys that the stack makes: ecdsa (P-256) or rsa (2048 bits)"
    )
    certificate_validity_hours: Hours = Field(
        8760, description="validity of certificates that the stack asks for"
    )
    early_renewal_hours: Hours = Field(720, description="renewal this long before the end")
    expiry_warning_hours: Hours = Field(
        336, description="preview and up warn of a certificate that ends within this time"
    )
