"""One node: the order of its parts, and nothing else.

No `from __future__ import annotations` here: the component analyzer reads the annotations at run time.
"""

import json
from typing import Any, TypedDict

import pulumi

from components.api.node import node_object
from components.calico.component import Calico
from components.cluster.cluster import Cluster
from components.cluster.leftovers import leftovers
from components.cluster.marks import Marks
from components.disruption import disruption_digest
from components.docker.component import Docker
from components.host.component import Claim, Prepare
from components.identity.component import Credentials
from components.identity.issued import issued
from components.kube_proxy.component import KubeProxy
from components.kubelet.component import Kubelet
from components.kubelet.files import asks_for_serving_certificate
from components.pki.token import BootstrapToken
from components.remote.command import Host, Kubeconfig, operator_command
from components.settings import NodeSettings
from components.settings.sections import DrainSection, TimeoutsSection


class NodeArgs(TypedDict):
    """`before` are the `in_service` of nodes that must be back before this one may be drained.

    `marks`: what the one read of the API tells of the node that was out of order, now or before.
    `reapply`: empty, or a word that is new when the node's parts are to be applied once more.
    `network`: the pod network's objects, if the stack installs it. `is_calico`: whether it is known to be Calico's.
    """

    settings: NodeSettings
    cluster: Cluster
    kubeconfig: Kubeconfig
    claim: str
    drain: DrainSection
    timeouts: TimeoutsSection
    marks: Marks
    before: list[pulumi.Resource]
    reapply: str
    network: list[pulumi.Resource]
    is_calico: bool


class Node(pulumi.ComponentResource):
    """A host that serves in the cluster. Everything that must wait for that waits for `in_service`."""

    def __init__(self, name: str, args: NodeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubenode:index:Node", name, None, opts)
        settings, cluster = args["settings"], args["cluster"]
        own = pulumi.ResourceOptions(parent=self)
        told = self.marks = args["marks"]
        reapply = [word for word in (args["reapply"], told.removal) if word]
        host = Host(settings.name, settings.address, args["claim"], settings.ssh, " ".join(reapply))
        digest = disruption_digest(settings)
        drain = {
            "timeoutSeconds": args["drain"].timeout_seconds,
            "gracePeriodSeconds": args["drain"].grace_period_seconds,
            "deleteEmptyDirData": args["drain"].delete_empty_dir_data,
            "force": args["drain"].force,
        }

        # Only what is abnormal is an input.
        heal = {"heal": told.healed} if told.healed else {}
        # What is applied once more may have lost its certificates. Both are times; the later one counts.
        again = {"reapply": max(reapply)} if reapply else {}

        def operator(
            step: str, arguments: dict[str, Any], after: list[pulumi.Resource], *, public: bool = False
        ) -> Any:
            return operator_command(
                f"{name}-{step}",
                step,
                args["kubeconfig"],
                {"node": settings.name, "stack": args["claim"], **arguments},
                pulumi.ResourceOptions(parent=self, depends_on=after),
                result_is_public=public,
            )

        static = settings.static_token
        shared = {"bootstrapUser": static.user} if static else {}
        left = leftovers(name, args["kubeconfig"], args["claim"], {"node": settings.name, **shared}, self)
        claim = Claim(host, settings, [], own)
        node = node_object(
            f"{name}-node",
            settings.name,
            args["claim"],
            settings.labels,
            settings.annotations,
            cluster.provider,
            self,
            [claim.command, left, *args["network"]],
        )
        # As long as any part is on the host there is a Node, which tells of a removal that was killed.
        prepare = Prepare(host, settings, [node], own)
        out_of_service = operator(
            "out-of-service", {"digest": digest, "drain": drain}, [node, *args["before"]], public=True
        )
        docker = Docker(host, settings, [prepare.command, out_of_service], own)
        # One after the other: each notes what the packet filter held before it, and takes back what came since.
        calico = Calico(host, settings, [docker.command], own)
        proxy = cluster.proxy_certificate or cluster.proxy_token
        given = issued(settings, cluster.issuing, proxy if settings.runs_kube_proxy else None, [left], own)
        self.issued = given
        token = None if given.client or static else BootstrapToken(f"{name}-token", own)
        before_credentials: list[pulumi.Resource] = [prepare.command, out_of_service]
        if token is not None:
            bootstrap = operator(
                "bootstrap-token",
                {
                    "tokenId": token.token_id,
                    "tokenSecret": token.token_secret,
                    "ttlSeconds": 3600,
                    "groups": [cluster.bootstrap_group],
                    **heal,
                    **again,
                },
                # It lives an hour, of which a node that waits for others before it would lose some.
                [out_of_service, *cluster.rights],
            )
            before_credentials.append(bootstrap)
        elif static is not None:
            before_credentials += cluster.rights
        credentials = Credentials(host, settings, token, given, told.healed, before_credentials, own)
        before_kubelet: list[pulumi.Resource] = [docker.command, calico.command, credentials.command]
        if args["is_calico"]:
            # Released when the kubelet is gone and as long as Calico's own definitions are there.
            before_kubelet.append(operator("calico-leftovers", {}, [node]))
        kubelet = Kubelet(host, settings, given, told.healed, before_kubelet, own)
        approval = operator(
            "csr-approval",
            {
                "nodeIp": settings.node_ip,
                **_requestor(settings, token, cluster),
                "timeoutSeconds": args["timeouts"].csr_seconds,
                "serving": True,
                # A kubelet that starts anew may ask for a certificate anew.
                "kubelet": kubelet.digest,
                **heal,
                **(again if token is not None else {}),
            },
            # Beside a kubelet that waits for it; after one that does not.
            before_kubelet
            if not given.client and settings.identity.approval != "manual"
            else [kubelet.command],
        )
        services: list[pulumi.Resource] = []
        if given.proxy is not None:
            services.append(KubeProxy(host, settings, given, [kubelet.command], own).command)
        self.run_id = out_of_service.stdout
        self.in_service = operator(
            "in-service",
            {
                "digest": digest,
                "runId": out_of_service.stdout,
                "timeoutSeconds": args["timeouts"].ready_seconds,
                "drain": drain,
                "kubeletVersion": f"v{settings.kubernetes_version}",
                "taints": [taint.model_dump() for taint in settings.taints],
                **({"network": "calico"} if args["is_calico"] else {}),
                **heal,
                **({"returned": told.returned} if told.returned else {}),
            },
            [*services, kubelet.command, approval, out_of_service],
            public=True,
        )
        # Empty as long as the node was last put into service by a release that did not print it.
        self.report = self.in_service.stdout.apply(lambda text: json.loads(text) if text else {})
        self.register_outputs({})


def _requestor(settings: NodeSettings, token: BootstrapToken | None, cluster: Cluster) -> dict[str, Any]:
    """Who asks for this node's certificates, and who approves, as csr-approval is told."""
    approves, static = settings.identity.approval, settings.static_token
    found: dict[str, Any] = {}
    if token is not None:
        found = {"tokenId": token.token_id, "groups": [cluster.bootstrap_group]}
    if static is not None:
        found = {"bootstrapUser": static.user}
    if approves != "exact":
        found["approval"] = approves
    if approves == "manual" and token is not None:
        # Somebody who takes longer than a token lives needs another, of the same text.
        found["tokenSecret"] = token.token_secret
    if not asks_for_serving_certificate(settings):
        found["serverTlsBootstrap"] = False
    return found
