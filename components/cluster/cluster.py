"""What a stack needs of its cluster, once: the provider, the rights of its nodes, kube-proxy's identity.

Owns the objects with names of the stack's own. Does not own the control plane, nor any node.
No `from __future__ import annotations` here: the component analyzer reads the annotations at run time.
"""

import hashlib
import re
from typing import TypedDict

import pulumi

from components.api.provider import cluster_provider
from components.api.rbac import bind_group
from components.pki.issued import IssuedCertificate, IssuedCertificateArgs, Issuing


class ClusterArgs(TypedDict):
    """`issuing` has the kubeconfig and the claim too. `runs_kube_proxy`: whether any node of the stack runs ours.

    `approves_by_rbac`: whether the cluster is to approve what the stack's tokens ask for.
    """

    identifier: str
    issuing: Issuing
    runs_kube_proxy: bool
    approves_by_rbac: bool


class Cluster(pulumi.ComponentResource):
    """`provider` for objects; `bootstrap_group` for tokens; `proxy_certificate` for kube-proxy, if any is ours.

    `issuing`: how certificates of single nodes are made too.
    """

    issuing: Issuing

    proxy_certificate: IssuedCertificate | None

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubenode:index:Cluster", name, None, opts)
        self.issuing = issuing = args["issuing"]
        short = stack_slug(issuing.claim)
        own = pulumi.ResourceOptions(parent=self)
        self.provider = cluster_provider(f"{name}-provider", issuing.kubeconfig, args["identifier"], own)
        self.bootstrap_group = f"system:bootstrappers:kubenode:{short}"
        self.rights = [
            bind_group(
                f"{name}-join",
                f"kubenode:{short}:join",
                self.bootstrap_group,
                "system:node-bootstrapper",
                self.provider,
                self,
            ),
            bind_group(
                f"{name}-renew",
                f"kubenode:{short}:renew",
                "system:nodes",
                "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
                self.provider,
                self,
            ),
        ]
        if args["approves_by_rbac"]:
            self.rights.append(
                bind_group(
                    f"{name}-approve",
                    f"kubenode:{short}:approve",
                    self.bootstrap_group,
                    "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
                    self.provider,
                    self,
                )
            )
        self.proxy_certificate = None
        if args["runs_kube_proxy"]:
            self.proxy_certificate = IssuedCertificate(
                f"{name}-kube-proxy",
                IssuedCertificateArgs(
                    common_name="system:kube-proxy",
                    organizations=(),
                    issuing=issuing,
                ),
                own,
            )
        self.register_outputs({})


def stack_slug(claim: str) -> str:
    """A stack's name as a part of object and group names: readable, and unique by its last eight hex digits."""
    readable = re.sub(r"[^a-z0-9]+", "-", "-".join(claim.lower().split("/")[-2:])).strip("-")[:40]
    return f"{readable}-{hashlib.sha256(claim.encode()).hexdigest()[:8]}"
