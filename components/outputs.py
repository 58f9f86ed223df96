"""What a run says of the stack: its outputs, and warnings of certificates that end soon.

Owns which of it is shown, and none of it is secret. Does not own the resources, nor when an end is soon (`expiry.py`).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pulumi

from components import expiry as expiries
from components.cluster import facts as cluster_facts
from components.cluster.cluster import Cluster
from components.node import Node
from components.pki.issued import IssuedCertificate, expiry
from components.settings import NodeSettings, StackSettings
from components.stack import kubeconfig

# What the console of Pulumi's service shows of a stack; it fills in the outputs that the text names.
README = Path(__file__).resolve().parent.parent / "Pulumi.README.md"


def export(settings: StackSettings, cluster: Cluster, nodes: dict[str, Node]) -> None:
    """What a user may want to see of the stack; nothing secret. What was read of a node says when."""
    proxy = cluster.proxy_certificate
    pulumi.export(
        "cluster",
        {
            "server": settings.cluster.server,
            "caExpires": _authority_end(settings),
            "kubeProxyCertificateExpires": proxy.certificate.apply(expiry) if proxy else None,
            **(
                {"authorityExpires": expiry(settings.authority.certificate_pem)} if settings.authority else {}
            ),
        },
    )
    pulumi.export(
        "nodes",
        {name: _node_outputs(node, nodes[name]) for name, node in sorted(settings.nodes.items())},
    )
    pulumi.export("readme", README.read_text(encoding="utf-8"))


def warn_of_ends(settings: StackSettings, cluster: Cluster, nodes: dict[str, Node]) -> None:
    """A line for each certificate that ends within `identity.expiryWarningHours`, as far as a run knows its end."""
    now, hours, stack = datetime.now(UTC), settings.identity.expiry_warning_hours, pulumi.get_stack()

    def tell(ending: expiries.Ending) -> None:
        if expiries.is_soon(ending.end, now, hours):
            pulumi.log.warn(expiries.warning(ending, now))

    def watch(where: str, what: str, one: IssuedCertificate | None) -> None:
        if one is not None:
            one.certificate.apply(lambda pem: tell(expiries.given(where, what, expiry(pem), stack)))

    tell(expiries.cluster_authority(_authority_end(settings)))
    watch("cluster", "kube-proxy's certificate", cluster.proxy_certificate)
    for name, node in nodes.items():
        watch(f"nodes.{name}", "the kubelet's client certificate", node.issued.client)
        watch(f"nodes.{name}", "the kubelet's serving certificate", node.issued.serving)

    async def of_kubelets() -> list[str]:
        # What was read when the node was put into service may be long ago: only who seems late is asked anew.
        read = {name: node.report.future() for name, node in nodes.items()}
        known = dict(zip(read, await asyncio.gather(*read.values(), return_exceptions=True), strict=True))
        late = [
            name
            for name, report in known.items()
            if isinstance(report, dict)
            and any(expiries.is_soon(report.get(f"{which}CertificateExpires"), now, hours) for which in _OWN)
        ]
        if late:
            found = cluster_facts.certificate_ends(kubeconfig(settings), late)
            for name in late:
                ends = found.get(name, {})
                tell(expiries.client(name, ends.get("client")))
                tell(expiries.serving(name, ends.get("serving"), stack))
        return late

    _: pulumi.Output[list[str]] = pulumi.Output.from_input(of_kubelets())


_OWN = ("client", "serving")


def _authority_end(settings: StackSettings) -> str | None:
    """When the authority that the nodes trust ends; it is the same for all of them."""
    return next((expiry(node.cluster.ca_pem) for node in settings.nodes.values()), None)


def _node_outputs(settings: NodeSettings, node: Node) -> pulumi.Output[dict[str, str | None]]:
    """A kubelet says nothing of the end of a certificate that it is given; the certificate itself does."""
    given = {
        "clientCertificateExpires": node.issued.client,
        "servingCertificateExpires": node.issued.serving,
    }
    ends = {key: one.certificate.apply(expiry) for key, one in given.items() if one is not None}
    return pulumi.Output.all(read=node.report, ends=ends).apply(
        lambda known: {
            "address": settings.address,
            "nodeIp": settings.node_ip,
            "kubernetes": settings.kubernetes_version,
            **known["read"],
            **known["ends"],
            # For a preview that cannot ask the API: components/cluster/previous.py.
            **node.marks.outputs(),
        }
    )
