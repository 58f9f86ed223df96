"""The walkthrough's last chapter as a component: nginx, its Service, and the answers from every node."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi

from components.api.workload import nginx
from components.cluster.leftovers import leftovers
from components.cluster.names import stack_slug
from components.kubelet import files as kubelet_files
from components.local.fingerprint import fingerprint
from components.node import Node
from components.remote.command import Host, Kubeconfig, operator_command
from components.remote.part import Part
from components.settings import NodeSettings, StackSettings
from components.settings.sections import VerificationSection
from components.verification import files


@dataclass(frozen=True)
class VerificationArgs:
    """`nodes` must be the components of `settings.nodes`."""

    settings: StackSettings
    nodes: dict[str, Node]
    provider: pulumi.ProviderResource
    kubeconfig: Kubeconfig
    claim: str


def namespace_of(wanted: VerificationSection, claim: str) -> str:
    """The proof's namespace: the configured one, or one with the stack's name."""
    return wanted.namespace or f"proof-{stack_slug(claim)}"


class Verify(Part):
    """From one node: the Service and every pod answer, kube-proxy runs in the configured mode. Leaves nothing."""

    def __init__(
        self,
        host: Host,
        node: NodeSettings,
        addresses: pulumi.Output[list[str]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        content = addresses.apply(lambda found: files.content(node, found))
        super().__init__("Verify", "verify", host, content, [], opts)


class Verification(pulumi.ComponentResource):
    """Owns a namespace of its own, which goes before the nodes do. Runs again when a node or its settings change.

    `last`: the resources that wait for all others of it.
    """

    def __init__(self, name: str, args: VerificationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubenode:index:Verification", name, None, opts)
        wanted = args.settings.verification
        namespace = namespace_of(wanted, args.claim)
        serving = [args.nodes[node].in_service for node in sorted(args.nodes)]
        place = {"apiVersion": "v1", "kind": "Namespace", "name": namespace}
        left = leftovers(name, args.kubeconfig, args.claim, {"objects": [place]}, self, serving)
        workload = nginx(
            name,
            namespace,
            args.claim,
            wanted.image,
            {node: args.settings.nodes[node].taints for node in sorted(args.nodes)},
            args.provider,
            self,
            [left],
        )
        pods = operator_command(
            f"{name}-pods",
            "verification",
            args.kubeconfig,
            {
                "namespace": namespace,
                "selector": "app=nginx",
                "service": "nginx",
                "clusterIp": workload.cluster_ip,
                "podCidr": args.settings.cluster.pod_cidr,
                "serviceCidr": args.settings.cluster.service_cidr,
                "kubelets": {
                    node: fingerprint(kubelet_files.configuration(settings))
                    for node, settings in args.settings.nodes.items()
                },
                # Every run that brought a node back into service is followed by a proof.
                "runs": [node.run_id for _, node in sorted(args.nodes.items())],
                "timeoutSeconds": 120,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[workload.deployment, workload.service, *serving]),
            result_is_public=True,
        )
        addresses = pulumi.Output.all(workload.cluster_ip, pods.stdout).apply(
            lambda found: [str(found[0]), *json.loads(str(found[1]))["podIps"]]
        )
        self.last: list[pulumi.Resource] = []
        self.answers: dict[str, pulumi.Output[str]] = {}
        for node, settings in sorted(args.settings.nodes.items()):
            host = Host(node, settings.address, args.claim, settings.ssh)
            verify = Verify(host, settings, addresses, pulumi.ResourceOptions(parent=self))
            self.last.append(verify.command)
            # Every command's output counts as secret; this one prints how many addresses answered.
            self.answers[node] = pulumi.Output.unsecret(verify.command.stdout)
        self.register_outputs({})
