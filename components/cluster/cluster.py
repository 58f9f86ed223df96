"""What a stack needs of its cluster, once: the provider, the rights of its nodes, kube-proxy's identity.

Owns the objects with names of the stack's own. Does not own the control plane, nor any node.
No `from __future__ import annotations` here: the component analyzer reads the annotations at run time.
"""

from typing import TypedDict

import pulumi

from components.api.account import account_token
from components.api.provider import cluster_provider
from components.api.rbac import Binding, Subject, account, bind, group, user
from components.cluster import names
from components.cluster.leftovers import leftovers
from components.identity.expectation import NODES_GROUP
from components.pki.issued import IssuedCertificate, IssuedCertificateArgs, Issuing
from components.settings.identity_sections import IdentitySection

_APPROVERS = "system:certificates.k8s.io:certificatesigningrequests"


class ClusterArgs(TypedDict):
    """`issuing` has the kubeconfig and the claim too. `runs_kube_proxy`: whether any node of the stack runs ours."""

    identifier: str
    issuing: Issuing
    identity: IdentitySection
    runs_kube_proxy: bool


class Cluster(pulumi.ComponentResource):
    """`provider` for objects; `bootstrap_group` for tokens; `proxy_certificate` or `proxy_token` for kube-proxy, if any
    is ours.

    `issuing`: how certificates of single nodes are made too. `rights`: what a kubelet needs before it may ask.
    """

    issuing: Issuing

    proxy_certificate: IssuedCertificate | None

    proxy_token: pulumi.Output[str] | None

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubenode:index:Cluster", name, None, opts)
        self.issuing = issuing = args["issuing"]
        identity = args["identity"]
        claim = issuing.claim
        own = pulumi.ResourceOptions(parent=self)
        left = leftovers(
            name,
            issuing.kubeconfig,
            claim,
            {"slug": names.stack_slug(claim), "objects": names.own(claim), "nodesNeedThem": True},
            self,
        )
        self.provider = cluster_provider(
            f"{name}-provider",
            issuing.kubeconfig,
            args["identifier"],
            pulumi.ResourceOptions(parent=self, depends_on=[left]),
        )
        self.bootstrap_group = names.bootstrap_group(claim)

        def bound(right: str, subject: Subject, role: str) -> Binding:
            return bind(f"{name}-{right}", names.binding(claim, right), subject, role, self.provider, self)

        static = identity.static if identity.client == "static" else None
        asking = user(static.user) if static else group(self.bootstrap_group)
        self.rights = []
        if static is None or static.binding:
            self.rights.append(bound("join", asking, "system:node-bootstrapper"))
        self.rights.append(bound("renew", group(NODES_GROUP), f"{_APPROVERS}:selfnodeclient"))
        if identity.approval == "rbac" and identity.client != "issued":
            self.rights.append(bound("approve", asking, f"{_APPROVERS}:nodeclient"))
        if identity.kubelet_api_user is not None:
            bound("kubelet-api", user(identity.kubelet_api_user), "system:kubelet-api-admin")
        self.proxy_certificate = self.proxy_token = None
        if args["runs_kube_proxy"] and identity.kube_proxy == "serviceAccount":
            account_name, namespace = names.proxy_account(claim), names.ACCOUNT_NAMESPACE
            bound("kube-proxy", account(account_name, namespace), "system:node-proxier")
            self.proxy_token = account_token(
                f"{name}-kube-proxy-account", namespace, account_name, self.provider, self
            )
        elif args["runs_kube_proxy"]:
            self.proxy_certificate = IssuedCertificate(
                f"{name}-kube-proxy",
                IssuedCertificateArgs(
                    common_name="system:kube-proxy",
                    organizations=(),
                    issuing=issuing,
                    after=[left],
                ),
                own,
            )
        self.register_outputs({})
